"""Failures that a test orders for chosen requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass
class Fault:
    """What happens to the next `times` requests that fit, after `skip` were let go.

    `path` may hold `*`. With `accepted`, Discord does what was asked; only the answer is lost, or
    comes `slow_seconds` late. A `reset` is an ECONNRESET for the client;
    `banned` a 429 of Cloudflare's, not of Discord's. With `drop`, the gateway's connections break
    at this moment as well.
    """

    method: str
    path: str
    status: int | None = None
    reset: bool = False
    banned: bool = False
    drop: bool = False
    slow_seconds: float = 0.0
    retry_after_seconds: float = 0.05
    accepted: bool = False
    times: int = 1
    skip: int = 0
    met: int = 0

    @property
    def fails(self) -> bool:
        """Whether there is more to it than slowness."""
        return self.reset or self.banned or self.status is not None

    def fits(self, method: str, path: str) -> bool:
        """Whether the request is meant."""
        return self.method in (method, "*") and fnmatchcase(path, self.path)


@dataclass
class Faults:
    """The faults in store."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> Fault:
        """Puts a fault in store; `met` counts how often it happened."""
        self.waiting.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, if any."""
        for fault in self.waiting:
            if not fault.fits(method, path):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.met += 1
            if fault.met >= fault.times:
                self.waiting.remove(fault)
            return fault
        return None

    def clear(self) -> None:
        """From now on nothing fails."""
        self.waiting.clear()
