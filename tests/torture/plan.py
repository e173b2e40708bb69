"""What a torture does, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """How much of everything.

    `quiet_seconds` is how long the program may take for what is left when the faults are over;
    `all_points`: it has to be killed at each named point at least once.
    """

    seed: int
    messages: int
    kills: int
    workers: int = 1
    database_url: str | None = None
    messages_per_second: float = 3.0
    threads_max: int = 40
    changes: int = 4
    per_minute: int = 0
    limit_seconds: float = 120.0
    quiet_seconds: float = 60.0
    all_points: bool = False


@dataclass
class Report:
    """What came of it."""

    plan: Plan
    messages: int = 0
    kills: int = 0
    pauses: int = 0
    restarts: int = 0
    troubles: int = 0
    asked_again: int = 0
    most_in_a_minute: int = 0
    took_seconds: float = 0.0
    quiet_seconds: float = 0.0
    points: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    found: Sequence[str] = ()

    def __str__(self) -> str:
        """The figures, a line each."""
        points = ", ".join(f"{name}: {count}" for name, count in sorted(self.points.items()))
        where = "PostgreSQL" if self.plan.database_url else "SQLite"
        return "\n".join(
            [
                f"seed {self.plan.seed}, {where}, {self.plan.workers} worker(s)",
                f"{self.messages} messages, {self.kills} kills, {self.pauses} pauses, "
                f"{self.restarts} polite restarts, "
                f"{self.troubles} other faults, {self.asked_again} questions asked again",
                f"at most {self.most_in_a_minute} questions in a minute, of "
                f"{self.plan.per_minute or 'any number'}",
                f"at named points: {points or 'none'}",
                f"{self.took_seconds:.0f} s, of which {self.quiet_seconds:.0f} s after the faults",
                f"logged errors: {dict(self.errors.most_common(8))}",
                f"wrong: {len(self.found)}",
                *self.found,
            ]
        )
