"""Staying below Slack's rates: how much of a minute's calls is left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 60.0


class Allowance:
    """So many a minute.

    Args:
        per_minute: how many.
        clock: seconds that only grow.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._taken: deque[float] = deque()

    def take(self, calls: int = 1) -> bool:
        """Take so many, where so many are left."""
        now = self._clock()
        while self._taken and self._taken[0] <= now - _WINDOW_SECONDS:
            self._taken.popleft()
        if len(self._taken) + calls > self._per_minute:
            return False
        self._taken.extend([now] * calls)
        return True

    def use_up(self) -> None:
        """Slack says that there are none left."""
        now = self._clock()
        self._taken.extend([now] * (self._per_minute - len(self._taken)))
