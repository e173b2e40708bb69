"""Starts turns: at once where there is room, the rest in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from bot.store.turns import Turns

log = structlog.get_logger()

SWEPT_AT_ONCE = 1_000


class Dispatcher:
    """Which claimed turns run now.

    The claim lies in the database (`Turns.accept`, `Turns.settle`); this only decides when. A
    polled queue would add 60 ms to each turn or cost 5 % of an idle core [facts: durability].
    """

    def __init__(
        self,
        turns: Turns,
        start: Callable[[str], Awaitable[None]],
        *,
        at_once: int,
        sweep_seconds: float,
    ) -> None:
        self._turns = turns
        self._start = start
        self._at_once = at_once
        self._sweep_seconds = sweep_seconds
        self._waiting: deque[str] = deque()
        self._active: set[str] = set()
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def active(self) -> frozenset[str]:
        """The turns that run now."""
        return frozenset(self._active)

    def wake(self, turn_id: str) -> None:
        """A turn was claimed."""
        if turn_id not in self._active and turn_id not in self._waiting:
            self._waiting.append(turn_id)
            self._changed.set()

    def began(self, turn_id: str) -> None:
        """A turn runs, started here or recovered."""
        self._active.add(turn_id)
        self._idle.clear()

    def finished(self, turn_id: str) -> None:
        """A turn is over."""
        self._active.discard(turn_id)
        if not self._active:
            self._idle.set()
        self._changed.set()

    async def idle(self) -> None:
        """Wait until no turn runs."""
        await self._idle.wait()

    async def run(self) -> None:
        """Start turns until cancelled; now and then look for some that a crash left unstarted."""
        while True:
            self._changed.clear()
            while self._waiting and len(self._active) < self._at_once:
                await self._begin(self._waiting.popleft())
            try:
                async with asyncio.timeout(self._sweep_seconds):
                    await self._changed.wait()
            except TimeoutError:
                await self.sweep()

    async def sweep(self) -> None:
        """Wake the turns that were claimed and never begun."""
        for turn_id in await self._turns.unstarted(SWEPT_AT_ONCE):
            self.wake(turn_id)

    async def _begin(self, turn_id: str) -> None:
        self.began(turn_id)
        try:
            await self._start(turn_id)
        except Exception:  # the sweep tries again: a turn must not be lost to a busy database
            log.exception("turn not started", turn=turn_id)
            self.finished(turn_id)
