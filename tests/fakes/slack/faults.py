"""Faults that a test puts in the way of its next calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class Fault:
    """What happens to one call.

    Arguments:
        error: answer `{"ok": false, "error": …}` without doing anything.
        status: answer with this HTTP status; 429 carries `retry_after_seconds`.
        drop: cut the connection, "before" or "after" the call took effect.
        slow_seconds: wait so long (real time) before doing it; alone, the call then succeeds.
    """

    error: str | None = None
    status: int | None = None
    retry_after_seconds: int = 1
    drop: Literal["before", "after"] | None = None
    slow_seconds: float = 0.0


class Faults:
    """The faults that wait, by method; "upload", "download" and "response_url" count as methods."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Fault | None]] = {}

    def add(self, method: str, fault: Fault, *, times: int, after: int) -> None:
        """Put a fault in the way of the next `times` calls after letting `after` of them by."""
        queue = self._waiting.setdefault(method, [])
        queue.extend([None] * after + [fault] * times)

    def take(self, method: str) -> Fault | None:
        """The fault for this call, if one waits."""
        queue = self._waiting.get(method)
        return queue.pop(0) if queue else None

    def waiting(self, method: str) -> int:
        """How many faults wait for calls of a method."""
        return sum(fault is not None for fault in self._waiting.get(method, ()))

    def clear(self) -> None:
        """Nothing goes wrong from here on."""
        self._waiting.clear()
