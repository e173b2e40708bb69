"""Files in containers (`/v1/containers/{id}/files`): put in by clients, made by code.

The folder is the truth; rows give its files ids. A file keeps its id while path, size and time of
change stay: one that code rewrites gets a new id and the source `assistant`, as recorded traffic
names a fresh `cfile_…` at each citation. Names that are no UTF-8 can't be told in JSON: left out.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.container import Container
from engine.containers import Containers
from engine.disk import measure
from engine.errors import InvalidRequest, NotFound
from engine.files import FileStore, StoredFile
from engine.ids import new_container_file_id
from engine.paths import UnsafePath, list_files, open_file, remove_file
from engine.settings import EngineSettings
from engine.storage import Database, Page, PageQuery, read_page
from engine.uploads import ReceivedFile

DATA_PATH = "/mnt/data"
COPY_BYTES = 1_048_576
FILES_MAX = 1000  # what is told of a container; code may make more


@dataclass(frozen=True, slots=True)
class ContainerFile:
    """A file in a container; `path` is the one that the code sees."""

    id: str
    container_id: str
    path: str
    source: str
    size_bytes: int
    created_at: float

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> ContainerFile:
        """A file as the database knows it."""
        place = (row["id"], row["container_id"], row["path"])
        return cls(*place, row["source"], row["bytes"], row["created_at"])

    def as_json(self) -> dict[str, object]:
        """Schema `ContainerFileResource`."""
        return {
            "id": self.id,
            "object": "container.file",
            "created_at": int(self.created_at),
            "bytes": self.size_bytes,
            "container_id": self.container_id,
            "path": self.path,
            "source": self.source,
        }


class ContainerFiles:
    """The files of all containers. Every method wants a container that is held in use."""

    def __init__(
        self,
        database: Database,
        containers: Containers,
        files: FileStore,
        settings: EngineSettings,
    ) -> None:
        self._database = database
        self._containers = containers
        self._files = files
        self._settings = settings

    async def all(self, container: Container) -> list[ContainerFile]:
        """All files now, oldest first."""
        await self._sync(container)
        sql = "SELECT * FROM container_files WHERE container_id = ? ORDER BY seq"
        rows = await self._database.rows(sql, (container.id,))
        return [ContainerFile.from_row(row) for row in rows]

    async def page(self, container: Container, query: PageQuery) -> Page:
        """One page of the files."""
        await self._sync(container)
        where, values = "container_id = ?", (container.id,)
        return await read_page(self._database, "container_files", query, where, values)

    async def get(self, container: Container, file_id: str) -> ContainerFile:
        """One file. Raises NotFound."""
        await self._sync(container)
        sql = "SELECT * FROM container_files WHERE container_id = ? AND id = ?"
        row = await self._database.row(sql, (container.id, file_id))
        if row is None:
            raise _not_found(container, file_id)
        return ContainerFile.from_row(row)

    async def open(self, container: Container, file: ContainerFile) -> BinaryIO:
        """The file's bytes, never through a link. Raises NotFound where it is gone by now."""
        folder = await self._containers.data_dir(container)
        try:
            return await asyncio.to_thread(open_file, folder, _relative(file.path))
        except (UnsafePath, OSError) as error:
            raise _not_found(container, file.id) from error

    async def mount(self, container: Container, file: StoredFile) -> ContainerFile:
        """Copy an uploaded file in as `/mnt/data/<file id>-<name>`; the same one only once."""
        name = f"{file.id}-{file.filename}"
        sql = "SELECT * FROM container_files WHERE container_id = ? AND path = ?"
        row = await self._database.row(sql, (container.id, f"{DATA_PATH}/{name}"))
        if row is not None:
            return ContainerFile.from_row(row)
        return await self._put(container, self._files.path(file.id), name, file.size_bytes)

    async def add(self, container: Container, received: ReceivedFile) -> ContainerFile:
        """Copy a received file in as `/mnt/data/<a fresh id>-<name>`."""
        fresh = new_container_file_id().removeprefix("cfile_")
        name = f"{fresh}-{received.name}"
        return await self._put(container, received.path, name, received.size_bytes)

    async def delete(self, container: Container, file_id: str) -> None:
        """Remove a file. Raises NotFound."""
        file = await self.get(container, file_id)
        folder = await self._containers.data_dir(container)
        try:
            await asyncio.to_thread(remove_file, folder, _relative(file.path))
        except UnsafePath as error:
            raise _not_found(container, file_id) from error
        await self._database.execute("DELETE FROM container_files WHERE id = ?", (file_id,))

    async def _put(
        self, container: Container, source: Path, name: str, size_bytes: int
    ) -> ContainerFile:
        folder = await self._containers.data_dir(container)
        used = await asyncio.to_thread(measure, [folder], (), self._settings.disk_files_max)
        if used.size_bytes + size_bytes > self._settings.disk_bytes:
            text = (
                f"The container has no room for this file: {DATA_PATH} holds at most "
                f"{self._settings.disk_bytes:,} bytes."
            )
            raise InvalidRequest(text)
        async with self._containers.listing_lock(container):
            mtime_ns = await asyncio.to_thread(_copy, source, folder, name)
            path, now = f"{DATA_PATH}/{name}", time.time()
            made = (new_container_file_id(), container.id, path, "user", size_bytes, now)
            file = ContainerFile(*made)
            await self._database.run(lambda connection: _insert(connection, file, mtime_ns))
        return file

    async def _sync(self, container: Container) -> None:
        # Read anew: a run in this same use may have been the container's first.
        folder = self._containers.known_folder(await self._containers.read(container.id))
        if folder is None:
            return
        async with self._containers.listing_lock(container):
            found = await asyncio.to_thread(list_files, folder, FILES_MAX)
            await self._database.run(lambda connection: _reconcile(connection, container.id, found))


def _reconcile(
    connection: sqlite3.Connection, container_id: str, found: Sequence[tuple[str, int, int]]
) -> None:
    """Make the rows say what the folder holds."""
    sql = "SELECT * FROM container_files WHERE container_id = ?"
    known = {row["path"]: row for row in connection.execute(sql, (container_id,))}
    now = time.time()
    for relative, size_bytes, mtime_ns in sorted(found, key=lambda file: (file[2], file[0])):
        if not _is_text(relative):
            continue
        path = f"{DATA_PATH}/{relative}"
        row = known.pop(path, None)
        if row is not None:
            if (row["bytes"], row["mtime_ns"]) == (size_bytes, mtime_ns):
                continue
            connection.execute("DELETE FROM container_files WHERE seq = ?", (row["seq"],))
        made = (container_id, path, "assistant", size_bytes, now)
        _insert(connection, ContainerFile(new_container_file_id(), *made), mtime_ns)
    for row in known.values():
        connection.execute("DELETE FROM container_files WHERE seq = ?", (row["seq"],))


def _insert(connection: sqlite3.Connection, file: ContainerFile, mtime_ns: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO container_files"
        " (id, container_id, path, source, bytes, mtime_ns, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            file.id,
            file.container_id,
            file.path,
            file.source,
            file.size_bytes,
            mtime_ns,
            file.created_at,
        ),
    )


def _copy(source: Path, folder: Path, name: str) -> int:
    """Copy into the folder; its time of change in nanoseconds. Whatever code put there before,
    a link above all, is replaced and not followed."""
    target = folder / name
    target.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with (
        source.open("rb") as reader,
        os.fdopen(os.open(target, flags, 0o644), "wb") as writer,
    ):
        shutil.copyfileobj(reader, writer, COPY_BYTES)
        writer.flush()
        return os.fstat(writer.fileno()).st_mtime_ns


def _relative(path: str) -> str:
    return path.removeprefix(f"{DATA_PATH}/")


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_found(container: Container, file_id: str) -> NotFound:
    return NotFound(f"File with id '{file_id}' not found in container '{container.id}'.")
