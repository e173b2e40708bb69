"""Starts turns: at once where there is room, the rest in fair order between channels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import structlog

from bot.durable import Workflows, WorkflowState
from bot.fair_queue import FairQueue
from bot.store.turns import OVER, Turns, TurnState

log = structlog.get_logger()

SWEPT_AT_ONCE = 1_000


class Worker(Protocol):
    """This process among others on the same database."""

    shared: bool

    async def take(self, turn_id: str) -> bool:
        """Reserve a turn that was not begun; False where another worker has it."""

    async def give(self, turn_id: str) -> None:
        """Have the turn be nobody's, so that any worker may go on with it."""

    async def unsettled(self, limit: int) -> Sequence[str]:
        """Turns that are not over and no other worker's, oldest first."""


class Dispatcher:
    """Which claimed turns run now.

    The claim lies in the database (`Turns.accept`, `Turns.settle`); this only decides when. A
    polled queue would add 60 ms to each turn or cost 5 % of an idle core [facts: durability].
    """

    def __init__(
        self,
        turns: Turns,
        workflows: Workflows,
        worker: Worker,
        *,
        at_once: int,
        sweep_seconds: float,
        stray_seconds: float,
    ) -> None:
        self._turns = turns
        self._workflows = workflows
        self._worker = worker
        self._strays: dict[str, float] = {}
        self._at_once = at_once
        self._sweep_seconds = sweep_seconds
        self._stray_seconds = stray_seconds
        self._waiting = FairQueue()
        self._active: set[str] = set()
        self._places: dict[str, str] = {}  # of turns that wait or run
        self._resting: set[str] = set()
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def active(self) -> frozenset[str]:
        """The turns that run now."""
        return frozenset(self._active)

    def wake(self, turn_id: str, place: str) -> None:
        """A turn was claimed, of a thread in this place."""
        if turn_id not in self._active and turn_id not in self._waiting:
            self._places[turn_id] = place
            self._waiting.add(turn_id, place)
            self._changed.set()

    def began(self, turn_id: str) -> None:
        """A turn runs, started here or recovered."""
        self._waiting.drop(turn_id)
        self._active.add(turn_id)
        self._idle.clear()

    def finished(self, turn_id: str, next_turn: str | None = None) -> None:
        """A turn is over; the thread's next one may begin."""
        self._active.discard(turn_id)
        place = self._places.pop(turn_id, "")  # not known of one that was recovered
        if next_turn:
            self.wake(next_turn, place)
        if not self._active:
            self._idle.set()
        self._changed.set()

    @contextmanager
    def resting(self, turn_id: str) -> Iterator[None]:
        """In the block the turn only waits, and leaves its room to another."""
        self._resting.add(turn_id)
        self._changed.set()
        try:
            yield
        finally:
            self._resting.discard(turn_id)

    async def idle(self) -> None:
        """Wait until no turn runs."""
        await self._idle.wait()

    async def run(self) -> None:
        """Start turns until cancelled; now and then look for some that were left behind."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._start_waiting())
            group.create_task(self._sweep_for_ever())

    async def _start_waiting(self) -> None:
        while True:
            self._changed.clear()
            while self._waiting and len(self._active - self._resting) < self._at_once:
                await self._begin(self._waiting.take())
            await self._changed.wait()

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._sweep_seconds)
            try:
                await self.sweep()
            except Exception:  # a busy database: the next sweep finds the same
                log.exception("sweep failed")

    async def sweep(self) -> None:
        """Wake turns that were claimed and never begun, also those that wait at a busy worker;
        close those whose workflow has ended without, which would hold their thread up."""
        strays: dict[str, float] = {}
        for turn_id in await self._worker.unsettled(SWEPT_AT_ONCE):
            if turn_id in self._active or turn_id in self._waiting:
                continue
            state = await self._workflows.state(turn_id)
            if state is WorkflowState.UNKNOWN:
                self.wake(turn_id, (await self._turns.get(turn_id)).key.place)
            elif state is WorkflowState.OVER and turn_id not in self._active:
                turn = await self._turns.get(turn_id)
                if turn.state in OVER:
                    continue  # it was settled between the two looks
                log.error("turn was never settled", turn=turn_id)
                next_turn, _ = await self._turns.settle(turn_id, TurnState.FAILED)
                if next_turn:
                    self.wake(next_turn, turn.key.place)
            elif state is WorkflowState.UNDER_WAY:
                strays[turn_id] = self._strays.get(turn_id, time.monotonic())
        self._strays = strays
        await self._resume_strays()

    async def _resume_strays(self) -> None:
        """Have those that were under way at no worker for longer than it takes to reach one go
        on: the worker that took them over died in the middle of it, or the library could not
        write down how they ended."""
        due = time.monotonic() - self._stray_seconds
        for turn_id, since in list(self._strays.items()):
            if since < due and turn_id not in self._active:
                log.warning("turn was left behind", turn=turn_id)
                await self._worker.give(turn_id)
                await self._workflows.resume(turn_id)
                del self._strays[turn_id]

    async def _begin(self, turn_id: str) -> None:
        self.began(turn_id)
        try:
            if await self._is_to_be_begun(turn_id):
                await self._workflows.start(turn_id)
            else:
                self.finished(turn_id)
        except Exception:  # the sweep tries again: a turn must not be lost to a busy database
            log.exception("turn not started", turn=turn_id)
            self.finished(turn_id)

    async def _is_to_be_begun(self, turn_id: str) -> bool:
        """Whether no worker has begun the turn while it waited here, and it is now ours."""
        if not self._worker.shared:
            return True
        is_new = await self._workflows.state(turn_id) is WorkflowState.UNKNOWN
        return is_new and await self._worker.take(turn_id)
