"""Uploads that have begun: what a crash in the middle leaves at the engine is found by them."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.tables import files, uploads


@dataclass(frozen=True, slots=True)
class BegunUpload:
    """An upload whose end nobody noted. `begun_at` is in seconds since 1970."""

    id: str
    fingerprint: str
    begun_at: float


def fingerprint(name: str, size_bytes: int) -> str:
    """What tells a file at the engine, without its name."""
    return hashlib.sha256(f"{size_bytes} {name}".encode(errors="replace")).hexdigest()


class BegunUploads:
    """Queries on uploads under way. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def begin(self, name: str, size_bytes: int) -> str:
        """An upload begins; its id here."""
        id = uuid.uuid4().hex
        row = {"id": id, "fingerprint": fingerprint(name, size_bytes), "begun_at": time.time()}
        async with self._database.begin() as db:
            await db.execute(sa.insert(uploads).values(**row))
        return id

    async def end(self, ids: Collection[str]) -> None:
        """What came of these uploads is known."""
        async with self._database.begin() as db:
            await db.execute(sa.delete(uploads).where(uploads.c.id.in_(ids)))

    async def begun_before(self, when: float, limit: int) -> Sequence[BegunUpload]:
        """Those that began before then (seconds since 1970), oldest first."""
        query = sa.select(uploads).where(uploads.c.begun_at < when)
        async with self._database.connect() as db:
            rows = await db.execute(query.order_by(uploads.c.begun_at).limit(limit))
            return [BegunUpload(row.id, row.fingerprint, row.begun_at) for row in rows]

    async def unknown(self, engine_ids: Collection[str]) -> list[str]:
        """Those of the engine's ids that no file of ours has."""
        query = sa.select(files.c.engine_file_id).where(files.c.engine_file_id.in_(engine_ids))
        async with self._database.connect() as db:
            known = set(await db.scalars(query))
        return [id for id in engine_ids if id not in known]
