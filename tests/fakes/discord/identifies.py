"""How fast sessions of several shards may begin, and whether a shard has two."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Identifies:
    """Shards with the same number modulo `max_concurrency` begin `span_seconds` apart
    [doc: rate limiting identify requests]. `doubled` are shards for which a second session began
    while one was connected."""

    max_concurrency: int = 16
    span_seconds: float = 5.0
    doubled: list[int] = field(default_factory=list)
    _last: dict[int, float] = field(default_factory=dict)

    def take(self, shard: int, now: float) -> bool:
        """Let one begin; False where it is too early."""
        bucket = shard % self.max_concurrency
        if now - self._last.get(bucket, 0.0) < self.span_seconds:
            return False
        self._last[bucket] = now
        return True
