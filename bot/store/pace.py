"""The engine's pace, shared by all workers: when the next question may go, and who waits."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.store.messages import insert_once
from bot.store.tables import engine_pace, engine_queue


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst` questions at once, and one every `interval_seconds` on the long run."""

    interval_seconds: float
    burst: int

    @property
    def slack_seconds(self) -> float:
        """How far questions may run ahead of the even pace."""
        return (self.burst - 1) * self.interval_seconds


@dataclass(frozen=True, slots=True)
class Ticket:
    """How one who waits stands: `ahead` others go first; about how long until it is their turn."""

    granted: bool
    ahead: int = 0
    wait_seconds: float = 0.0


class Pace:
    """Queries on the pace and its queue. Each method is one transaction; times are in seconds
    since 1970, from the caller's clock.

    The pace is a virtual schedule (GCRA): `free_at` is when the next question is due at an even
    pace, and one may go while that lies less than `slack_seconds` ahead. Who waits is served in
    laps: a place's next question goes into the lap after its last one, so that no place starves
    another (start-time fair queueing).
    """

    def __init__(self, database: AsyncEngine, rate: Rate) -> None:
        self._database = database
        self._rate = rate
        self._is_there = False  # the one row

    async def take(self, now: float) -> bool:
        """Go at once, if the pace allows it and nobody waits."""
        nobody = ~sa.exists().where(engine_queue.c.alive_until > now)
        await self._ensure()
        async with self._database.begin() as db:
            return await self._go(db, now, nobody)

    async def join(self, turn_id: str, place: str, now: float, alive_until: float) -> None:
        """Wait in the queue; a turn that waits already keeps its place."""
        await self._ensure()
        async with self._database.begin() as db:
            await db.execute(sa.delete(engine_queue).where(engine_queue.c.alive_until <= now))
            await self._enter(db, turn_id, place, now, alive_until)

    async def waiting(self, now: float, place: str) -> tuple[int, int]:
        """How many wait, and how many of them in a place."""
        here = sa.func.count().filter(engine_queue.c.place == place)
        query = sa.select(sa.func.count(), here).where(engine_queue.c.alive_until > now)
        async with self._database.connect() as db:
            everywhere, inside = (await db.execute(query)).one()
        return int(everywhere), int(inside)

    async def check(self, turn_id: str, place: str, now: float, alive_until: float) -> Ticket:
        """Go, if it is this turn's time; else say how it stands, and stay in the queue.

        One that did not look for so long that the others dropped it begins anew, behind those of
        its place.
        """
        me = engine_queue.c.turn_id == turn_id
        order = (engine_queue.c.lap, engine_queue.c.queued_at, engine_queue.c.turn_id)
        living = sa.select(engine_queue.c.turn_id).where(engine_queue.c.alive_until > now)
        async with self._database.begin() as db:
            here = sa.update(engine_queue).where(me).values(alive_until=alive_until)
            if not (await db.execute(here)).rowcount:
                await self._enter(db, turn_id, place, now, alive_until)
            queue = list(await db.scalars(living.order_by(*order)))
            ahead = queue.index(turn_id) if turn_id in queue else len(queue)
            lap = await db.scalar(sa.select(engine_queue.c.lap).where(me))
            if queue[:1] == [turn_id] and await self._go(db, now, sa.true(), lap=lap):
                await db.execute(sa.delete(engine_queue).where(me))
                return Ticket(granted=True)
            pace = (await db.execute(sa.select(engine_pace))).one()
        free_at = pace.free_at - self._rate.slack_seconds + ahead * self._rate.interval_seconds
        return Ticket(False, ahead, max(0.0, max(free_at, pace.paused_until) - now))

    async def leave(self, turn_id: str) -> None:
        """Wait no more."""
        async with self._database.begin() as db:
            await db.execute(sa.delete(engine_queue).where(engine_queue.c.turn_id == turn_id))

    async def pause(self, until: float) -> None:
        """Nobody goes before a time that the engine asked for; an earlier one changes nothing."""
        later = engine_pace.c.paused_until < until
        await self._ensure()
        async with self._database.begin() as db:
            await db.execute(sa.update(engine_pace).where(later).values(paused_until=until))

    async def _enter(
        self, db: AsyncConnection, turn_id: str, place: str, now: float, alive_until: float
    ) -> None:
        """Take the next lap of the place."""
        served = sa.select(engine_pace.c.lap).scalar_subquery()
        mine = sa.select(sa.func.max(engine_queue.c.lap)).where(engine_queue.c.place == place)
        last = sa.func.coalesce(mine.scalar_subquery(), served)
        lap = sa.case((last > served, last), else_=served) + 1
        number = await db.scalar(sa.select(lap))
        values = {"place": place, "lap": number, "queued_at": now, "alive_until": alive_until}
        await insert_once(db, engine_queue, turn_id=turn_id, **values)

    async def _go(
        self,
        db: AsyncConnection,
        now: float,
        condition: sa.ColumnElement[bool],
        *,
        lap: int | None = None,
    ) -> bool:
        """Count one question, if the pace allows one: a single statement, so that two workers
        can't both take the same moment."""
        free_at = engine_pace.c.free_at
        in_pace = free_at - self._rate.slack_seconds <= now
        open_now = engine_pace.c.paused_until <= now
        due = sa.case((free_at > now, free_at), else_=now)
        values: dict[str, object] = {"free_at": due + self._rate.interval_seconds}
        if lap is not None:
            values["lap"] = lap
        went = sa.update(engine_pace).where(in_pace, open_now, condition).values(**values)
        return bool((await db.execute(went)).rowcount)

    async def _ensure(self) -> None:
        """Have the one row; looked for once, as nobody deletes it."""
        if not self._is_there:
            async with self._database.begin() as db:
                await insert_once(db, engine_pace, id=1, free_at=0.0, paused_until=0.0, lap=0)
            self._is_there = True
