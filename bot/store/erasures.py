"""What is still to be deleted elsewhere, and the erasing of a thread's rows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain import ThreadKey
from bot.errors import StillBusy
from bot.store.tables import (
    erasures,
    feedback,
    files,
    messages,
    orders,
    outbox,
    participants,
    threads,
    turns,
    usage,
)

CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"


class Kind(StrEnum):
    """What a reference leads to."""

    THREAD = "thread"  # a thread that is to be forgotten; its other erasures come out of this
    CONTAINER = "container"
    UPLOAD = "upload"
    RESPONSE = "response"
    WORKFLOW = "workflow"
    BLOBS = "blobs"  # all of a thread's, as they were then
    BLOB = "blob"  # `<thread>#<sha256>`


@dataclass(frozen=True, slots=True)
class Erasure:
    """One thing to delete. `created_at` is in seconds since 1970."""

    id: int
    kind: Kind
    ref: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Erased:
    """What a thread had, as numbers, and what is still to be deleted elsewhere."""

    messages: int = 0
    turns: int = 0
    files: int = 0
    left: tuple[Erasure, ...] = ()


class Erasures:
    """Queries on erasures. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def note(self, kind: Kind, refs: Iterable[str]) -> tuple[Erasure, ...]:
        """Write down what has to go."""
        async with self._database.begin() as db:
            return await _note(db, [(kind, ref) for ref in refs])

    async def pending(self, limit: int) -> tuple[Erasure, ...]:
        """What has to go still, oldest first, without threads."""
        query = sa.select(erasures).where(erasures.c.kind != Kind.THREAD)
        async with self._database.connect() as db:
            rows = await db.execute(query.order_by(erasures.c.id).limit(limit))
            return tuple(_from_row(row) for row in rows)

    async def threads(self, limit: int) -> list[ThreadKey]:
        """Threads that are to be forgotten, the first asked for first."""
        query = sa.select(erasures.c.ref).where(erasures.c.kind == Kind.THREAD)
        async with self._database.connect() as db:
            refs = await db.scalars(query.order_by(erasures.c.id).limit(limit))
            return [ThreadKey.parse(ref) for ref in refs]

    async def wished(self, key: ThreadKey) -> bool:
        """Whether a thread is to be forgotten still."""
        async with self._database.connect() as db:
            return await db.scalar(_wish(key)) is not None

    async def done(self, ids: Sequence[int]) -> None:
        """These are gone."""
        async with self._database.begin() as db:
            await db.execute(sa.delete(erasures).where(erasures.c.id.in_(ids)))

    async def begin(self, key: ThreadKey) -> int:
        """From now on the thread is being forgotten: nothing that waits in it is answered, and a
        crash doesn't end it. The erasure's id."""
        waiting = (messages.c.thread == str(key)) & messages.c.turn_id.is_(None)
        async with self._database.begin() as db:
            await db.execute(sa.update(messages).where(waiting).values(withdrawn=True))
            id = await db.scalar(_wish(key))
            return id or (await _note(db, [(Kind.THREAD, str(key))]))[0].id

    async def erase(self, key: ThreadKey) -> Erased:
        """Delete all rows of a thread, and note what has to go elsewhere: one commit.

        Raises:
            StillBusy: end its turn first.
        """
        thread = str(key)
        async with self._database.begin() as db:
            # On SQLite the first change takes the write lock, on PostgreSQL the row is locked: no
            # turn is claimed from here on.
            emptied = sa.update(usage).where(usage.c.thread == thread).values(thread=None)
            await db.execute(emptied)
            running = sa.select(threads.c.running_turn).where(threads.c.key == thread)
            running = running.with_for_update()
            if await db.scalar(running) is not None:
                raise StillBusy("a new question came in. Please try again.")
            refs = await _refs(db, thread)
            counts = {table.name: await _count(db, table, thread) for table in _COUNTED}
            await _delete_rows(db, thread)
            left = await _note(db, refs)
        await _shred(self._database)
        return Erased(**counts, left=left)


def _wish(key: ThreadKey) -> sa.Select[Any]:
    asked = (erasures.c.kind == Kind.THREAD) & (erasures.c.ref == str(key))
    return sa.select(erasures.c.id).where(asked)


async def _shred(database: AsyncEngine) -> None:
    """See that what was deleted does not live on in the write-ahead log of SQLite."""
    if database.dialect.name == "sqlite":
        async with database.connect() as db:
            await db.execute(sa.text(CHECKPOINT))


_COUNTED = (messages, turns, files)


async def _note(db: AsyncConnection, wanted: Sequence[tuple[Kind, str]]) -> tuple[Erasure, ...]:
    now = time.time()
    noted = []
    for kind, ref in wanted:
        values = {"kind": kind, "ref": ref, "created_at": now}
        made = await db.execute(sa.insert(erasures).values(**values))
        assert made.inserted_primary_key is not None
        noted.append(Erasure(made.inserted_primary_key[0], kind, ref, now))
    return tuple(noted)


async def _refs(db: AsyncConnection, thread: str) -> list[tuple[Kind, str]]:
    """All that a thread has outside its rows."""
    mine = turns.c.thread == thread
    in_outcome = (turns.c.outcome["container_id"], turns.c.outcome["response_id"])
    ran, answered = (column.as_string() for column in in_outcome)
    queries = {
        Kind.CONTAINER: (
            sa.select(threads.c.container_id).where(threads.c.key == thread),
            sa.select(files.c.container_id).where(files.c.thread == thread).distinct(),
            sa.select(ran).where(mine).distinct(),
        ),
        Kind.UPLOAD: (
            sa.select(files.c.engine_file_id)
            .where(files.c.thread == thread, files.c.deleted_at.is_(None))
            .distinct(),
        ),
        Kind.RESPONSE: (
            sa.select(threads.c.last_response_id).where(threads.c.key == thread),
            sa.select(turns.c.response_id).where(mine),
            sa.select(answered).where(mine),
        ),
        Kind.WORKFLOW: (sa.select(turns.c.id).where(mine),),
    }
    refs = [(Kind.BLOBS, thread)]
    for kind, sources in queries.items():
        found: dict[str, None] = {}
        for source in sources:
            found |= {ref: None for ref in await db.scalars(source) if ref}
        refs += [(kind, ref) for ref in found]
    return refs


async def _count(db: AsyncConnection, table: sa.Table, thread: str) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(table.c.thread == thread)
    if table is files:
        query = sa.select(sa.func.count(files.c.name.distinct())).where(files.c.thread == thread)
    return await db.scalar(query) or 0


async def _delete_rows(db: AsyncConnection, thread: str) -> None:
    of_thread = sa.select(turns.c.id).where(turns.c.thread == thread)
    for table in (feedback, outbox):
        await db.execute(sa.delete(table).where(table.c.turn_id.in_(of_thread)))
    for table in (messages, files, turns, participants):
        await db.execute(sa.delete(table).where(table.c.thread == thread))
    followed = (orders.c.thread == thread) & orders.c.answered_at.is_not(None)
    await db.execute(sa.delete(orders).where(followed))
    await db.execute(sa.delete(threads).where(threads.c.key == thread))
    asked = (erasures.c.kind == Kind.THREAD) & (erasures.c.ref == thread)
    await db.execute(sa.delete(erasures).where(asked))


def _from_row(row: sa.Row[tuple[object, ...]]) -> Erasure:
    return Erasure(row.id, Kind(row.kind), row.ref, row.created_at)
