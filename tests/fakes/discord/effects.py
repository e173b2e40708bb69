"""What was asked of Discord, in order, and what was improper about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Effect:
    """One request; `at` in the fake clock's seconds, `route` the template of its path."""

    at: float
    method: str
    route: str
    status: int
    channel_id: int | None = None
    message_id: int | None = None
    nonce: str | int | None = None
    code: int | None = None
    body: Any = None
    repeated: bool = False

    @property
    def changed(self) -> bool:
        """Whether it changed anything."""
        return self.method != "GET" and self.status < 300 and not self.repeated


@dataclass
class Effects:
    """Every request in order. Iterating gives those that changed something."""

    requests: list[Effect] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __iter__(self) -> Any:
        return iter([effect for effect in self.requests if effect.changed])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def count(self, method: str, route: str) -> int:
        """How many requests of this kind changed something."""
        return sum(1 for e in self if (e.method, e.route) == (method, route))

    def per_route(self) -> Counter[str]:
        """How many requests came in by "METHOD /route", refused ones included."""
        return Counter(f"{e.method} {e.route}" for e in self.requests)

    def statuses(self) -> Counter[int]:
        """How many answers had each status."""
        return Counter(e.status for e in self.requests)

    def complain(self, what: str) -> None:
        """Notes something that Discord lets pass and we do not."""
        self.violations.append(what)
