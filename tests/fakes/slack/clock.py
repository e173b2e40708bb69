"""The time of the fake: it flows with the real one and can be moved forward."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress


class Clock:
    """Seconds since 1970. `speed` makes it run faster than the real one."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._begun = time.monotonic()
        self._base = time.time()
        self._skipped = 0.0
        self._moved = asyncio.Event()
        self._last_ts = 0.0

    def now(self) -> float:
        """The time by this clock."""
        return self._base + (time.monotonic() - self._begun) * self.speed + self._skipped

    def ts(self) -> str:
        """A message's timestamp: its id, unique and growing."""
        self._last_ts = max(self.now(), self._last_ts + 0.000001)
        return f"{self._last_ts:.6f}"

    async def advance(self, seconds: float) -> None:
        """Move forward and let everything that falls due begin."""
        self._skipped += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        for _ in range(5):
            await asyncio.sleep(0)

    async def sleep(self, seconds: float) -> None:
        """Wait until this clock has gone on by so many seconds."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left / self.speed):
                    await self._moved.wait()
