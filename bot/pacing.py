"""When a turn may ask the engine: at an even pace, in fair order, with its place shown."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import Progress
from bot.errors import QueueFull
from bot.open_turn import OpenTurn
from bot.settings import Settings
from bot.store.fencing import certainly_ours, is_certainly_ours
from bot.store.pace import Pace, Rate, Ticket

log = structlog.get_logger()

SECONDS_PER_MINUTE = 60
FEWEST_SECONDS = 0.05  # between two looks at the queue
JITTER = 0.2  # of a wait, so that workers don't look in step
SECONDS_PER_ONE_AHEAD = 0.2
LIVES_AFTER_LOOKS = 4  # a place in the queue outlives that many missed looks


def rate_of(per_minute: int, burst: int) -> Rate:
    """The pace that never passes `per_minute` within any minute, also after a burst."""
    burst = min(burst, max(1, per_minute // 2))
    return Rate(SECONDS_PER_MINUTE / max(1, per_minute - burst), burst)


def pace_of(settings: Settings, database: AsyncEngine) -> Pace | None:
    """The pace that the settings ask for; None where there is no limit, as with our own engine."""
    per_minute = settings.engine_requests_per_minute
    if settings.embedded or not per_minute:
        return None
    return Pace(database, rate_of(per_minute, settings.engine_burst))


class Room(Protocol):
    """Room for turns that run."""

    def resting(self, turn_id: str) -> AbstractContextManager[None]:
        """In the block the turn only waits, and leaves its room to another."""


class Pacer:
    """Lets turns ask, one after another."""

    def __init__(
        self,
        settings: Settings,
        pace: Pace | None,
        room: Room,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._pace = pace  # None: no limit
        self._room = room
        self._clock = clock

    async def admit(self, turn: OpenTurn) -> None:
        """Wait until the turn may ask, is stopped, or its time is over.

        Raises:
            QueueFull: too many wait already.
            TakenOver: another worker has the turn, or may have it.
        """
        pace, now = self._pace, self._clock()
        if pace is None or await pace.take(now):
            return
        waiting, here = await pace.waiting(now, turn.key.place)
        # One question of each place always finds room: a noisy channel must not shut others out.
        if here and waiting >= self._settings.engine_waiting_max:
            raise QueueFull("Too many questions are waiting already.")
        await pace.join(turn.id, turn.key.place, now, self._alive_until(now, waiting))
        log.info("queued", turn=turn.id, thread=str(turn.key))
        granted = False
        try:
            with self._room.resting(turn.id):
                granted = await self._wait(pace, turn, waiting)
        finally:
            # A worker that took the turn over waits in the same place.
            if not granted and is_certainly_ours():
                await pace.leave(turn.id)

    async def pause(self, seconds: float) -> bool:
        """The engine asked to wait: all workers do. False where nothing is paced."""
        if self._pace is None:
            return False
        await self._pace.pause(self._clock() + seconds)
        return True

    async def _wait(self, pace: Pace, turn: OpenTurn, ahead: int) -> bool:
        """Whether it was granted, which ends the place in the queue."""
        while not turn.stop.is_set() and turn.seconds_left() > 0:
            certainly_ours()
            now = self._clock()
            alive_until = self._alive_until(now, ahead)
            ticket = await pace.check(turn.id, turn.key.place, now, alive_until)
            if ticket.granted:
                return True
            ahead = ticket.ahead
            turn.reply.show(Progress(status=_status(ticket)))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_again_seconds(ticket)):
                    await turn.stop.wait()
        return False

    def _look_again_seconds(self, ticket: Ticket) -> float:
        # Half the expected wait: those ahead may leave.
        seconds = min(ticket.wait_seconds / 2, self._longest_look_seconds(ticket.ahead))
        return max(FEWEST_SECONDS, seconds) * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311

    def _longest_look_seconds(self, ahead: int) -> float:
        # Who is far behind looks seldom: a long queue must not keep the database busy.
        return max(self._settings.engine_queue_look_seconds, ahead * SECONDS_PER_ONE_AHEAD)

    def _alive_until(self, now: float, ahead: int) -> float:
        return now + LIVES_AFTER_LOOKS * self._longest_look_seconds(ahead)


def _status(ticket: Ticket) -> str:
    seconds = max(1, round(ticket.wait_seconds))
    ahead = f"{ticket.ahead} ahead of you, " if ticket.ahead else ""
    return f"queued, {ahead}about {seconds} s…"
