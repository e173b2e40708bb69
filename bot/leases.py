"""Leases: what only one worker at a time may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from bot.errors import LeaseLost
from bot.ports import Leases
from bot.workers import Worker

log = structlog.get_logger()


class SoleLeases:
    """Leases where there is one worker: granted at once, never lost."""

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Nobody else wants it."""
        del name
        yield


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

    def __init__(self, worker: Worker, *, retry_seconds: float) -> None:
        self._worker = worker
        self._retry_seconds = retry_seconds

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Wait until no other worker has the lease, and have it until the block ends.

        Raises:
            LeaseLost: in the block, when another worker may have it.
        """
        granted = await self._worker.grant(name)
        while not granted:
            await asyncio.sleep(self._retry_seconds)
            granted = await self._worker.grant(name)
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


async def alone(leases: Leases, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do what runs for ever on one worker at a time, until cancelled."""
    while True:
        try:
            async with leases.hold(name):
                await work()
        except LeaseLost:
            log.warning("lease lost", lease=name)
