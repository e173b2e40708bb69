"""Workers: who is alive, and who runs which turn. PostgreSQL alone has several."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.store.tables import leases, turns, workers
from bot.store.turns import OVER

# The server's clock: those of the workers may differ.
NOW = sa.extract("epoch", sa.func.clock_timestamp())


class Workers:
    """Queries on workers, their turns and their leases. Each method is one transaction.

    Of turns it sees those of the platforms that are served here, by their names: another worker
    may serve others, and one that does not could only fail at them.
    """

    def __init__(self, database: AsyncEngine, platforms: Collection[str]) -> None:
        self._database = database
        self._platforms = platforms

    async def join(self, worker: str) -> None:
        """A worker begins."""
        async with self._database.begin() as db:
            await db.execute(sa.insert(workers).values(id=worker, started_at=NOW, seen_at=NOW))

    async def beat(self, worker: str) -> bool:
        """The worker is alive; False where the others gave it up, and have its turns."""
        async with self._database.begin() as db:
            alive = sa.update(workers).where(workers.c.id == worker).values(seen_at=NOW)
            return bool((await db.execute(alive)).rowcount)

    async def alive(self, silent_seconds: float) -> int:
        """How many workers were heard of within so long."""
        heard = workers.c.seen_at >= NOW - silent_seconds
        async with self._database.connect() as db:
            query = sa.select(sa.func.count()).select_from(workers).where(heard)
            return int(await db.scalar(query) or 0)

    async def bury(self, silent_seconds: float) -> Sequence[str]:
        """Give up workers that were silent for so long, and their leases; the turns they had."""
        async with self._database.begin() as db:
            silent = workers.c.seen_at < NOW - silent_seconds
            # A row that somebody else is burying, or that is just beating, is left to them.
            dead = sa.select(workers.c.id).where(silent).with_for_update(skip_locked=True)
            names = (await db.scalars(dead)).all()
            return await _remove(db, names)

    async def leave(self, worker: str) -> Sequence[str]:
        """A worker ends; the turns that it leaves to the others."""
        async with self._database.begin() as db:
            return await _remove(db, [worker])

    async def take(self, worker: str, turn_id: str) -> bool:
        """Have the worker run the turn, unless another one that is alive does."""
        return await self._hold(worker, turn_id, None)

    async def begin(self, worker: str, turn_id: str, execution: str) -> bool:
        """Have the execution be the one that counts; False where the turn is another worker's."""
        return await self._hold(worker, turn_id, execution)

    async def give(self, worker: str, turn_id: str) -> None:
        """Have the turn be nobody's, unless another worker that is alive has it."""
        async with self._database.begin() as db:
            mine = sa.update(turns).where(turns.c.id == turn_id, _free(worker))
            await db.execute(mine.values(worker=None, execution=None))

    async def _hold(self, worker: str, turn_id: str, execution: str | None) -> bool:
        values = {"worker": worker} | ({"execution": execution} if execution else {})
        mine = sa.update(turns).where(
            turns.c.id == turn_id, turns.c.state.not_in(OVER), _free(worker), self._served()
        )
        async with self._database.begin() as db:
            return bool((await db.execute(mine.values(**values))).rowcount)

    async def unsettled(self, worker: str, limit: int) -> Sequence[str]:
        """Turns that are not over and no other worker's, oldest first."""
        query = (
            sa.select(turns.c.id)
            .where(turns.c.state.not_in(OVER), _free(worker), self._served())
            .order_by(turns.c.created_at)
            .limit(limit)
        )
        async with self._database.connect() as db:
            return (await db.scalars(query)).all()

    def _served(self) -> sa.ColumnElement[bool]:
        return served(turns.c.thread, self._platforms)

    async def stopped(self, worker: str) -> Sequence[str]:
        """The worker's turns that somebody has asked to stop, at whichever worker."""
        mine = turns.c.worker == worker
        query = sa.select(turns.c.id).where(
            mine, turns.c.stop_requested.is_(True), turns.c.state.not_in(OVER)
        )
        async with self._database.connect() as db:
            return (await db.scalars(query)).all()

    async def grant(self, worker: str, name: str) -> bool:
        """Give the worker a lease, if nobody has it."""
        async with self._database.begin() as db:
            alive = sa.select(workers.c.id).where(workers.c.id == worker).with_for_update(read=True)
            if await db.scalar(alive) is None:
                return False
            row = insert(leases).values(name=name, worker=worker).on_conflict_do_nothing()
            await db.execute(row)
            holder = await db.scalar(sa.select(leases.c.worker).where(leases.c.name == name))
            return holder == worker

    async def holder(self, name: str) -> str | None:
        """The worker that has a lease."""
        async with self._database.connect() as db:
            return await db.scalar(sa.select(leases.c.worker).where(leases.c.name == name))

    async def release(self, worker: str, name: str) -> None:
        """Take a lease back."""
        async with self._database.begin() as db:
            mine = (leases.c.name == name) & (leases.c.worker == worker)
            await db.execute(sa.delete(leases).where(mine))


def served(thread: sa.ColumnElement[str], platforms: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether a thread is of one of the platforms, which are those that are served here."""
    begins = [f"{quote(platform, safe='')}/" for platform in platforms]
    return sa.or_(sa.false(), *(thread.startswith(b, autoescape=True) for b in begins))


def _free(worker: str) -> sa.ColumnElement[bool]:
    """Whether a turn is the worker's, nobody's, or somebody's who is gone."""
    alive = sa.exists().where(workers.c.id == turns.c.worker)
    return turns.c.worker.is_(None) | (turns.c.worker == worker) | ~alive


async def _remove(db: AsyncConnection, names: Sequence[str]) -> Sequence[str]:
    if not names:
        return []
    await db.execute(sa.delete(workers).where(workers.c.id.in_(names)))
    theirs = turns.c.worker.in_(names) & turns.c.state.not_in(OVER)
    freed = sa.update(turns).where(theirs).values(worker=None, execution=None)
    return (await db.scalars(freed.returning(turns.c.id))).all()
