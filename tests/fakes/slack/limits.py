"""Slack's rates: a window of a minute per method, and one post a second per channel."""

from __future__ import annotations

import math
from collections import defaultdict, deque

from tests.fakes.slack.clock import Clock

_WINDOW_SECONDS = 60.0
# [facts: slack] the published floors of the tiers, calls a minute
TIERS_PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100, 5: 600}
_POSTS_PER_SECOND = 1.0
_POST_BURST = 4


class Limits:
    """Who called what and when.

    `scale` multiplies every allowance; `enabled` switches all off; `per_minute` overrides a
    method's own (e.g. {"conversations.replies": 1} for an app outside the Marketplace).
    """

    def __init__(self, clock: Clock) -> None:
        self.enabled = True
        self.scale = 1.0
        self.per_minute: dict[str, int] = {}
        self._clock = clock
        self._calls: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._posts: dict[tuple[str, str], tuple[float, float]] = {}

    def retry_after_seconds(
        self, method: str, tier: int | None, team: str, channel: str | None
    ) -> int | None:
        """None and the call counts, or how many seconds it has to wait."""
        if not self.enabled:
            return None
        wait = self._post_wait(method, team, channel)
        if wait is None and tier is not None:
            wait = self._tier_wait(
                method, self.per_minute.get(method, TIERS_PER_MINUTE[tier]), team
            )
        return None if wait is None else max(1, math.ceil(wait / self._clock.speed))

    def _tier_wait(self, method: str, per_minute: int, team: str) -> float | None:
        now, calls = self._clock.now(), self._calls[(method, team)]
        while calls and calls[0] <= now - _WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= per_minute * self.scale:
            return calls[0] + _WINDOW_SECONDS - now
        calls.append(now)
        return None

    def _post_wait(self, method: str, team: str, channel: str | None) -> float | None:
        if method != "chat.postMessage" or channel is None:
            return None
        rate, burst = _POSTS_PER_SECOND * self.scale, _POST_BURST * self.scale
        now = self._clock.now()
        left, seen = self._posts.get((team, channel), (burst, now))
        left = min(burst, left + (now - seen) * rate)
        if left < 1:
            self._posts[(team, channel)] = (left, now)
            return (1 - left) / rate
        self._posts[(team, channel)] = (left - 1, now)
        return None
