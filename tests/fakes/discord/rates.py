"""Rate limits: a bucket per route and channel, and one for all [doc: rate limits]."""

from __future__ import annotations

from dataclasses import dataclass

from tests.fakes.discord.clock import Clock

# Bucket → requests, in so many seconds.
BUCKETS = {
    "messages": (5, 5.0),
    "edits": (5, 5.0),
    "deletes": (5, 1.0),
    "reads": (50, 10.0),
    "typing": (5, 5.0),
    "reactions": (1, 0.25),
    "threads": (50, 300.0),
    "thread_edits": (10, 600.0),
    "webhooks": (5, 2.0),
    "commands": (5, 20.0),
}
GLOBAL = (50, 1.0)


@dataclass
class Window:
    """A span of time and what was used in it."""

    began: float
    used: int = 0


@dataclass(frozen=True)
class Verdict:
    """Whether a request may pass, and what its headers say."""

    allowed: bool
    headers: dict[str, str]
    retry_after_seconds: float = 0.0
    is_global: bool = False


class Rates:
    """The limits. `on` switches them; `scale` shortens every span, for tests in a hurry."""

    def __init__(self, clock: Clock, *, on: bool = True, scale: float = 1.0) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str], Window] = {}
        self.on = on
        self.scale = scale
        self.hits = 0

    def ask(self, bucket: str | None, major: str, *, counts_globally: bool = True) -> Verdict:
        """Counts a request to a route of this bucket and major parameter."""
        if not self.on:
            return Verdict(True, {})
        if counts_globally:
            window, span, _ = self._window("global", "", GLOBAL)
            if window.used > GLOBAL[0]:
                return self._refused("global", window, span, GLOBAL[0])
        if bucket is None:
            return Verdict(True, {})
        limit = BUCKETS[bucket]
        window, span, left = self._window(bucket, major, limit)
        if left < 0:
            return self._refused(bucket, window, span, limit[0])
        return Verdict(True, self._headers(bucket, window, span, limit[0]))

    def _window(
        self, bucket: str, major: str, limit: tuple[int, float]
    ) -> tuple[Window, float, int]:
        now = self._clock.now()
        span = limit[1] * self.scale
        window = self._windows.get((bucket, major))
        if window is None or now - window.began >= span:
            window = self._windows[bucket, major] = Window(now)
        window.used += 1
        return window, span, limit[0] - window.used

    def _refused(self, bucket: str, window: Window, span: float, limit: int) -> Verdict:
        self.hits += 1
        wait = max(0.001, window.began + span - self._clock.now())
        headers = self._headers(bucket, window, span, limit)
        is_global = bucket == "global"
        headers["X-RateLimit-Scope"] = "global" if is_global else "user"
        if is_global:
            headers = {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
        return Verdict(False, headers, wait, is_global)

    def _headers(self, bucket: str, window: Window, span: float, limit: int) -> dict[str, str]:
        ends = window.began + span
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - window.used)),
            "X-RateLimit-Reset": f"{ends:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, ends - self._clock.now()):.3f}",
            "X-RateLimit-Bucket": f"bucket-{bucket}",
        }
