"""This worker among the others: heartbeats, turns of its own, turns taken over from the dead."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from bot.dispatcher import Dispatcher
from bot.durable import Workflows
from bot.open_turn import OpenTurns
from bot.settings import Settings
from bot.store.fencing import Execution, TakenOver, executing
from bot.store.turns import Turns
from bot.store.workers import Workers

log = structlog.get_logger()

# After this part of the time the others wait, a worker that can't be heard of stops posting.
CERTAIN = 0.75


def seconds() -> float:
    """A clock that goes on while the machine sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class Holder(Protocol):
    """Something that this worker has only as long as the others know it is alive."""

    def lose(self) -> None:
        """Give it up: somebody else may have it."""


class SoleWorker:
    """The only process on its database: every turn is its own."""

    shared = False

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.id = _new_id()

    async def take(self, turn_id: str) -> bool:
        """Nobody else wants it."""
        del turn_id
        return True

    async def give(self, turn_id: str) -> None:
        """There is nobody else."""
        del turn_id

    async def unsettled(self, limit: int) -> Sequence[str]:
        """Turns that are not over, oldest first."""
        return await self._turns.unsettled(limit)


class Worker:
    """One of several processes on one database.

    A worker that the others gave up (it was paused, or cut off from the database) ends its turns
    without a trace when it is back, and joins again under a new name.
    """

    shared = True

    def __init__(self, settings: Settings, workers: Workers, workflows: Workflows) -> None:
        self._beat_seconds = settings.worker_heartbeat_seconds
        self._dead_seconds = settings.worker_dead_seconds
        self._workers = workers
        self._workflows = workflows
        self._heard_at = 0.0
        self._beating: asyncio.Task[None] | None = None
        self._executions: dict[str, Execution] = {}
        self._holders: set[Holder] = set()
        self._leasing = asyncio.Lock()
        self._unreleased: set[str] = set()
        self.id = _new_id()

    def is_certain(self) -> bool:
        """Whether nobody can have given this worker up yet."""
        return seconds() - self._heard_at < CERTAIN * self._dead_seconds

    async def take(self, turn_id: str) -> bool:
        """Reserve a turn that was not begun; False where another worker has it."""
        return await self._workers.take(self.id, turn_id)

    async def give(self, turn_id: str) -> None:
        """Have the turn be nobody's, so that any worker may go on with it."""
        await self._workers.give(self.id, turn_id)

    async def unsettled(self, limit: int) -> Sequence[str]:
        """Turns that are not over and no other worker's, oldest first."""
        return await self._workers.unsettled(self.id, limit)

    async def alive(self) -> int:
        """How many workers there are, this one included."""
        return await self._workers.alive(self._dead_seconds)

    async def grant(self, name: str) -> bool:
        """Ask for a lease."""
        async with self._leasing:
            asked = self.id
            granted = self.is_certain() and await self._workers.grant(asked, name)
            self._unreleased.discard(name)
            return granted and asked == self.id

    async def is_held_elsewhere(self, name: str) -> bool:
        """Whether another worker has a lease."""
        return await self._workers.holder(name) not in (None, self.id)

    async def release(self, name: str) -> None:
        """Take a lease back; with one of the next heartbeats, where the database is gone."""
        async with self._leasing:
            self._unreleased.add(name)
            try:
                await self._workers.release(self.id, name)
            except Exception:  # others wait for it: it must not stay with us for ever
                log.exception("lease not released yet", lease=name)
            else:
                self._unreleased.discard(name)

    def hold(self, holder: Holder) -> None:
        """Have it lost with this worker's place among the others."""
        self._holders.add(holder)

    def drop(self, holder: Holder) -> None:
        """It is held no more."""
        self._holders.discard(holder)

    async def join(self, stop: Callable[[str], None]) -> None:
        """Begin to be known to the others, and beat until `leave`.

        Args:
            stop: called with each turn here that somebody asked to stop at another worker.
        """
        await self._join()
        self._beating = asyncio.create_task(self._beat_for_ever(stop))

    async def _join(self) -> None:
        heard_at = seconds()
        await self._workers.join(self.id)
        self._heard_at = heard_at
        log.info("worker joined", worker=self.id)

    async def leave(self) -> None:
        """End; unfinished turns are the others' at once."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        try:
            async with asyncio.timeout(self._dead_seconds):
                await self._sign_off()
        except Exception:  # the database is gone: the others notice our silence
            log.exception("not signed off", worker=self.id)

    async def _sign_off(self) -> None:
        left = await self._workers.leave(self.id)
        if left:
            log.info("turns left to the other workers", turns=left)
            await self._workflows.resume_after_close(left)

    async def _beat_for_ever(self, stop: Callable[[str], None]) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            try:
                # A query that hangs must not keep us from seeing that time is up.
                async with asyncio.timeout(self._dead_seconds * CERTAIN / 2):
                    await self._beat(stop)
            except TimeoutError:
                log.warning("no heartbeat", worker=self.id, error="the database does not answer")
            except Exception:  # a busy database: the next beat, or the loss of our place
                log.exception("no heartbeat", worker=self.id)
            if not self.is_certain():
                self._lose()

    async def _beat(self, stop: Callable[[str], None]) -> None:
        heard_at = seconds()
        if not await self._workers.beat(self.id):
            log.warning("given up by the other workers, joining again", worker=self.id)
            self._lose()
            self._unreleased.clear()  # they have gone with the old name
            self.id = _new_id()
            await self._join()
            return
        self._heard_at = heard_at
        for name in list(self._unreleased):
            await self.release(name)
        for turn_id in await self._workers.stopped(self.id):
            stop(turn_id)
        for turn_id in await self._workers.bury(self._dead_seconds):
            log.warning("turn taken over from a dead worker", turn=turn_id)
            await self._workflows.resume(turn_id)

    def _lose(self) -> None:
        for holder in list(self._holders):
            holder.lose()
        for turn_id, execution in list(self._executions.items()):
            execution.over = True
            self._workflows.abandon(turn_id)

    def fenced(
        self,
        run_turn: Callable[[str], Awaitable[None]],
        dispatcher: Dispatcher,
        open_turns: OpenTurns,
    ) -> Callable[[str], Awaitable[None]]:
        """The body of a workflow, run only while the turn is this worker's."""

        async def _run(turn_id: str, execution: Execution) -> None:
            try:
                await run_turn(turn_id)
            except asyncio.CancelledError:
                if execution.over:
                    log.warning("turn is another worker's now", turn=turn_id)
                    await open_turns.close(turn_id)  # fenced: nothing is said in the chat
                raise

        async def run(turn_id: str) -> None:
            execution = Execution(f"{self.id}/{secrets.token_hex(4)}", self.is_certain)
            try:
                await self._begin(turn_id, execution)
            except TakenOver:
                dispatcher.finished(turn_id)
                raise
            self._executions[turn_id] = execution
            try:
                with executing(execution):
                    await _run(turn_id, execution)
            finally:
                if self._executions.get(turn_id) is execution:
                    del self._executions[turn_id]

        return run

    async def _begin(self, turn_id: str, execution: Execution) -> None:
        try:
            begun = await self._workers.begin(self.id, turn_id, execution.token)
        except Exception as error:  # a busy database: left as it is, the sweep takes it up
            log.exception("turn not begun", turn=turn_id)
            raise TakenOver(turn_id) from error
        if not begun:
            log.warning("turn is another worker's", turn=turn_id)
            raise TakenOver(turn_id)


def _new_id() -> str:
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"
