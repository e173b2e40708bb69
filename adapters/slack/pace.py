"""Staying below Slack's rates: what is left of a minute's calls, and when an answer grows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from adapters.slack.settings import SlackSettings

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


class Growth:
    """When an answer that is being written is shown to have grown.

    Each time after twice as long as before; while it is short, only so often that it costs few
    calls, however slowly it is written: one addition, with code two, or one for each of more runs.

    Args:
        settings: the paces, and what is short.
        clock: seconds that only grow.
    """

    def __init__(
        self, settings: SlackSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._short_chars = settings.slack_short_chars
        self._short_pace_seconds = settings.slack_short_pace_ms / 1000
        self._longest_seconds = settings.slack_pace_max_ms / 1000
        self._pace_seconds = settings.slack_pace_ms / 1000
        self._shown_at = clock()
        self._additions = 0

    def is_short(self, text: str) -> bool:
        """Whether a text may well be shown by few calls."""
        return len(text) <= self._short_chars

    def due(self, text: str, runs: int) -> bool:
        """Whether it is time to show what there is."""
        waited_seconds = self._clock() - self._shown_at
        if not self.is_short(text):
            return waited_seconds >= self._pace_seconds
        most = max(2, runs) if runs else 1
        return self._additions < most and waited_seconds >= self._short_pace_seconds

    def begun(self) -> None:
        """Its first words, or its first step, are shown."""
        self._shown_at = self._clock()

    def added(self) -> None:
        """More of it is shown."""
        self._shown_at = self._clock()
        self._additions += 1
        self._pace_seconds = min(2 * self._pace_seconds, self._longest_seconds)
