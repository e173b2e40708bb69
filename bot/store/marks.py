"""The mark that the files of a database bear, and which files they ought to be."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import ThreadKey
from bot.store.messages import insert_once
from bot.store.tables import blob_marks, files, threads

_ROW = 1


class Marks:
    """Queries on the mark. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def read(self) -> str | None:
        """The mark, or None where there is none yet."""
        async with self._database.connect() as db:
            return await db.scalar(sa.select(blob_marks.c.mark))

    async def set(self, mark: str) -> None:
        """Have this mark, where there is none yet."""
        async with self._database.begin() as db:
            await insert_once(db, blob_marks, id=_ROW, mark=mark)

    async def newest_blobs(self, limit: int) -> list[tuple[ThreadKey, str]]:
        """Thread and sha256 of the files that came last, the newest first."""
        query = sa.select(files.c.thread, files.c.sha256).where(files.c.deleted_at.is_(None))
        async with self._database.connect() as db:
            rows = await db.execute(query.order_by(files.c.created_at.desc()).limit(limit))
            return [(ThreadKey.parse(row.thread), row.sha256) for row in rows]

    async def has_threads(self) -> bool:
        """Whether anybody ever spoke with the bot."""
        async with self._database.connect() as db:
            return bool(await db.scalar(sa.select(sa.exists().select_from(threads))))
