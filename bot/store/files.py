"""A thread's files: what people sent and what code made, and where each lies now."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import Artifact, Author, Blob, ThreadKey
from bot.names import DATA_FOLDER, plain_name
from bot.store.messages import insert_once
from bot.store.tables import files

UPLOAD_MARGIN_SECONDS = 3_600  # an upload this close to its end counts as gone

_KEPT = files.c.deleted_at.is_(None)


class Origin(StrEnum):
    """Who brought a file."""

    PERSON = "person"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One version of a file. The container columns say where it lies in which container.

    `name` is what makes versions one file: for what code made, its path below /mnt/data.
    """

    id: str
    turn_id: str
    origin: Origin
    name: str
    media_type: str
    sha256: str
    size_bytes: int
    engine_file_id: str | None = None
    engine_expires_at: float | None = None
    container_id: str | None = None
    container_file_id: str | None = None
    container_path: str | None = None
    author_name: str | None = None
    created_at: float = 0.0

    @property
    def plain_name(self) -> str:
        """The name for people and for the engine: without folders."""
        return plain_name(self.name)

    @property
    def upload_id(self) -> str | None:
        """The id of its copy at the engine, if that will last."""
        if self.engine_file_id is None or self.engine_expires_at is None:
            return None
        lasts = self.engine_expires_at - time.time() > UPLOAD_MARGIN_SECONDS
        return self.engine_file_id if lasts else None

    def path_in(self, container_id: str | None) -> str:
        """Where code finds the file: uploads are mounted as `<file id>-<name>` [facts: openai]."""
        if container_id and container_id == self.container_id and self.container_path:
            return self.container_path
        return self.mounted_as(self.engine_file_id)

    def mounted_as(self, upload_id: str | None) -> str:
        """Where a container has the file that was made with its upload."""
        return posixpath.join(DATA_FOLDER, f"{upload_id}-{self.plain_name}")

    def lying_where(self, other: StoredFile) -> StoredFile:
        """This file, at the engine and in the container where the other one is."""
        return replace(
            self,
            engine_file_id=other.engine_file_id,
            engine_expires_at=other.engine_expires_at,
            container_id=other.container_id,
            container_file_id=other.container_file_id,
            container_path=other.container_path,
        )

    def as_artifact(self) -> Artifact:
        """The file as something to deliver."""
        blob = Blob(self.sha256, self.size_bytes)
        return Artifact(self.id, self.plain_name, self.media_type, blob)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one of our files lies in a container, under which id of the engine's."""

    file_id: str
    path: str
    container_file_id: str | None = None


class Files:
    """Queries on a thread's files. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def add(self, key: ThreadKey, file: StoredFile, *, author: Author | None = None) -> None:
        """Keep a file; one with the same id stays as it is."""
        values = {name: getattr(file, name) for name in StoredFile.__slots__} | {
            "thread": str(key),
            "author_id": author.id if author else None,
            "author_name": author.name if author else None,
            "created_at": time.time(),
        }
        async with self._database.begin() as db:
            await insert_once(db, files, **values)

    async def of_thread(self, key: ThreadKey) -> list[StoredFile]:
        """Every version of every file that nobody deleted, oldest first."""
        return await self._select(files.c.thread == str(key), _KEPT)

    async def of_turn(self, turn_id: str, origin: Origin) -> list[StoredFile]:
        """The files that came with, or out of, a turn and were not deleted, oldest first."""
        return await self._select(files.c.turn_id == turn_id, files.c.origin == origin, _KEPT)

    async def deleted_of(self, turn_id: str) -> set[str]:
        """The ids of the files that came with, or out of, a turn and were deleted."""
        return {file.id for file in await self._select(files.c.turn_id == turn_id, ~_KEPT)}

    async def copy_of(self, key: ThreadKey, file: StoredFile) -> StoredFile | None:
        """The latest version with the same name and bytes whose copy at the engine will last, and
        which no later version was written over."""
        same_name = files.c.name == file.name
        overwritten: set[tuple[str | None, str]] = set()
        for copy in reversed(await self._select(files.c.thread == str(key), same_name, _KEPT)):
            place = (copy.container_id, copy.path_in(copy.container_id))
            if copy.sha256 == file.sha256 and copy.upload_id and place not in overwritten:
                return copy
            overwritten.add(place)
        return None

    async def update(self, file_id: str, **values: Any) -> bool:
        """Set columns of a file; whether it is still there."""
        changed = sa.update(files).where(files.c.id == file_id).values(**values)
        async with self._database.begin() as db:
            return (await db.execute(changed)).rowcount > 0

    async def place(self, container_id: str, places: Iterable[Place]) -> None:
        """Files lie in a container now."""
        rows = [
            {"one": place.file_id, "path": place.path, "there": place.container_file_id}
            for place in places
        ]
        statement = (
            sa.update(files)
            .where(files.c.id == sa.bindparam("one"))
            .values(
                container_id=container_id,
                container_path=sa.bindparam("path"),
                container_file_id=sa.bindparam("there"),
            )
        )
        if rows:
            async with self._database.begin() as db:
                await db.execute(statement, rows)

    async def count(self, key: ThreadKey) -> int:
        """How many different names the thread's workspace has."""
        names = sa.select(sa.func.count(files.c.name.distinct()))
        async with self._database.connect() as db:
            return await db.scalar(names.where(files.c.thread == str(key), _KEPT)) or 0

    async def delete(self, key: ThreadKey, versions: Iterable[StoredFile]) -> None:
        """Mark versions as deleted. The rows stay: they say what has to go from the container."""
        ids = [version.id for version in versions]
        mine = (files.c.thread == str(key)) & files.c.id.in_(ids)
        async with self._database.begin() as db:
            await db.execute(sa.update(files).where(mine).values(deleted_at=time.time()))

    async def sent_along(self, key: ThreadKey, upload_ids: Collection[str]) -> list[StoredFile]:
        """The versions, deleted ones too, with these copies at the engine."""
        return await self._select(
            files.c.thread == str(key), files.c.engine_file_id.in_(upload_ids)
        )

    async def deleted_in(self, key: ThreadKey, container_id: str) -> list[StoredFile]:
        """Deleted versions that may still lie in a container."""
        there = files.c.container_id == container_id
        return await self._select(files.c.thread == str(key), there, ~_KEPT)

    async def taken_out(self, key: ThreadKey, container_id: str) -> None:
        """The deleted versions lie in the container no more."""
        there = (files.c.thread == str(key)) & (files.c.container_id == container_id)
        async with self._database.begin() as db:
            gone = sa.update(files).where(there, ~_KEPT)
            await db.execute(gone.values(container_id=None, container_file_id=None))

    async def blobs(self, key: ThreadKey) -> set[str]:
        """The sha256 of every version that is kept."""
        query = sa.select(files.c.sha256).where(files.c.thread == str(key), _KEPT)
        async with self._database.connect() as db:
            return set(await db.scalars(query))

    async def drop_expired_uploads(self, now: float) -> int:
        """Forget the ids of copies that the engine has deleted by now; how many."""
        gone = sa.update(files).where(files.c.engine_expires_at < now)
        async with self._database.begin() as db:
            values = {"engine_file_id": None, "engine_expires_at": None}
            return (await db.execute(gone.values(**values))).rowcount

    async def _select(self, *where: sa.ColumnElement[bool]) -> list[StoredFile]:
        query = sa.select(files).where(*where).order_by(files.c.created_at, files.c.id)
        async with self._database.connect() as db:
            rows = (await db.execute(query)).mappings().all()
        return [_from_row(row) for row in rows]


def _from_row(row: Any) -> StoredFile:
    known = {name: row[name] for name in StoredFile.__slots__}
    return StoredFile(**{**known, "origin": Origin(row["origin"])})


def newest(versions: Iterable[StoredFile]) -> list[StoredFile]:
    """The newest version of each name, in the order in which they were written last."""
    return [of_name[-1] for of_name in versions_by_name(versions).values()]


def versions_by_name(versions: Iterable[StoredFile]) -> dict[str, list[StoredFile]]:
    """All versions of each name, oldest first; the names in the order of `newest`."""
    by_name: dict[str, list[StoredFile]] = {}
    for version in versions:
        of_name = by_name.pop(version.name, [])
        of_name.append(version)
        by_name[version.name] = of_name
    return by_name
