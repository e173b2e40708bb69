"""Discord's time, which a test may stop or move, and the ids that are made of it."""

from __future__ import annotations

import datetime
import time

DISCORD_EPOCH_MS = 1_420_070_400_000


class Clock:
    """The real time until a test moves it. All in seconds since 1970."""

    def __init__(self) -> None:
        self._offset_seconds = 0.0
        self._frozen_at: float | None = None

    def now(self) -> float:
        """The present, for Discord."""
        real = time.time() if self._frozen_at is None else self._frozen_at
        return real + self._offset_seconds

    def advance(self, seconds: float) -> None:
        """Lets time pass at once."""
        self._offset_seconds += seconds

    def freeze(self) -> None:
        """Stops time: it then moves by `advance` only."""
        if self._frozen_at is None:
            self._frozen_at = time.time()

    def thaw(self) -> None:
        """Lets time run again."""
        if self._frozen_at is not None:
            self._offset_seconds += self._frozen_at - time.time()
            self._frozen_at = None


class Snowflakes:
    """Ids that grow with time, as Discord's do."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """A new id, greater than all before it."""
        moment = (int(self._clock.now() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last = max(moment, self._last + 1)
        return self._last


def iso(seconds: float) -> str:
    """A moment as Discord writes it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()
