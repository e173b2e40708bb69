"""Leases: what only one worker at a time may do."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import structlog

from bot.errors import LeaseLost
from bot.ports import Leases
from bot.workers import Worker

log = structlog.get_logger()

LOOK_SECONDS = 0.2  # between two looks at a lease that somebody waits for

Work = Callable[[str], Awaitable[None]]


class SoleLeases:
    """Leases where there is one worker: granted at once, never lost."""

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Nobody else wants it."""
        del name
        yield

    async def wait_for(self, name: str) -> None:
        """There is no other worker."""
        del name

    async def share(self, names: Sequence[str], work: Work) -> None:
        """All of it is done here."""
        try:
            async with asyncio.TaskGroup() as group:
                for name in names:
                    group.create_task(_run(work, name))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed


class _Held:
    """A lease in the hands of a task, which is cancelled when it is lost."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self.lost = False

    def lose(self) -> None:
        if not self.lost:
            self.lost = True
            self._task.cancel()

    def swallows_cancellation(self) -> bool:
        """Whether the loss alone has cancelled the task (as asyncio.timeout does it)."""
        return self.lost and self._task.uncancel() <= 0


class SharedLeases:
    """Leases among several workers: each ends with its worker."""

    def __init__(
        self, worker: Worker, *, retry_seconds: float, rebalance_seconds: float = math.inf
    ) -> None:
        self._worker = worker
        self._retry_seconds = retry_seconds
        self._rebalance_seconds = rebalance_seconds

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Wait until no other worker has the lease, and have it until the block ends.

        Raises:
            LeaseLost: in the block, when another worker may have it.
        """
        granted = await self._granted(name)
        while not granted:
            await asyncio.sleep(self._retry_seconds)
            granted = await self._granted(name)
        held = _Held()
        self._worker.hold(held)
        log.info("lease granted", lease=name, worker=self._worker.id)
        try:
            yield
        except asyncio.CancelledError as cancelled:
            if held.swallows_cancellation():
                raise LeaseLost(f"{name} may be another worker's now.") from cancelled
            raise
        finally:
            self._worker.drop(held)
            if not held.lost:
                await self._worker.release(name)

    async def wait_for(self, name: str) -> None:
        """Wait until no other worker has the lease."""
        held = await self._worker.is_held_elsewhere(name)
        while held:
            await asyncio.sleep(min(LOOK_SECONDS, self._retry_seconds))
            held = await self._worker.is_held_elsewhere(name)

    async def _granted(self, name: str) -> bool:
        try:
            return await self._worker.grant(name)
        except Exception:  # the database is busy, or gone for a while: the next try
            log.exception("lease not asked for", lease=name)
            return False

    async def share(self, names: Sequence[str], work: Work) -> None:
        """Do the work of each name on one worker at a time, evenly divided, until cancelled.

        Args:
            names: the same ones at every worker.
            work: what is done for a name, for as long as this worker has it.

        Raises:
            LeaseLost: another worker may have the names.
            Exception: whatever the work raises.
        """
        mine: dict[str, asyncio.Task[None]] = {}
        surplus_since: float | None = None
        try:
            while True:
                most = await self._fair_share(len(names))
                if most is None or len(mine) <= most:
                    surplus_since = None
                elif surplus_since is None:
                    surplus_since = time.monotonic()
                elif time.monotonic() - surplus_since >= self._rebalance_seconds:
                    # One a round: those who have too few take one a round.
                    await _end([mine.popitem()[1]])
                if most is not None and len(mine) < most:
                    await self._take_one(names, mine, work)
                await self._watch(mine)
        finally:
            await _end(mine.values())

    async def _fair_share(self, count: int) -> int | None:
        """How many of so many names are this worker's part; None where nobody can say."""
        try:
            return math.ceil(count / max(1, await self._worker.alive()))
        except Exception:  # a busy database: what is held goes on until its loss is certain
            log.exception("workers not counted", worker=self._worker.id)
            return None

    async def _take_one(
        self, names: Sequence[str], mine: dict[str, asyncio.Task[None]], work: Work
    ) -> None:
        for name in names:
            if name in mine:
                continue
            if await self._granted(name):
                mine[name] = asyncio.create_task(self._do(name, work), name=name)
                return

    async def _do(self, name: str, work: Work) -> None:
        async with self.hold(name):
            await work(name)

    async def _watch(self, mine: dict[str, asyncio.Task[None]]) -> None:
        """Wait for the next round; what ended before is given back, its failure raised."""
        if mine:
            await asyncio.wait(
                mine.values(), timeout=self._retry_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        else:
            await asyncio.sleep(self._retry_seconds)
        for name in [name for name, task in mine.items() if task.done()]:
            mine.pop(name).result()


async def _run(work: Work, name: str) -> None:
    await work(name)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def alone(leases: Leases, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do what runs for ever on one worker at a time, until cancelled."""
    while True:
        try:
            async with leases.hold(name):
                await work()
        except LeaseLost:
            log.warning("lease lost", lease=name)
