"""Work that goes on after an event was acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import structlog

log = structlog.get_logger(__name__)


class Tasks:
    """Runs coroutines, and ends them with the platform. What fails is logged."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[object, object, object], name: str) -> None:
        """Run something."""
        task = asyncio.create_task(self._run(work, name), name=f"slack-{name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self, grace_seconds: float) -> None:
        """Let what runs come to its end, for a while; then cancel it."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=grace_seconds)
        for task in set(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, work: Coroutine[object, object, object], name: str) -> None:
        try:
            await work
        except Exception:
            log.exception("slack work failed", work=name)
