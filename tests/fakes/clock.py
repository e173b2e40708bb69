"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Seconds since 1970, as `time.time` gives them."""

    def __init__(self, now: datetime = datetime(2026, 5, 20, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)
