"""A container, as told to clients and planners."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Container:
    """What is known of a container; a snapshot."""

    id: str
    name: str
    memory_limit: str
    idle_minutes: int
    created_at: float
    last_active_at: float
    expired: bool
    place: str | None  # its folder, as a path within the data folder: that may be moved

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Container:
        """A container as the database knows it."""
        return cls(
            id=row["id"],
            name=row["name"],
            memory_limit=row["memory_limit"],
            idle_minutes=row["idle_minutes"],
            created_at=row["created_at"],
            last_active_at=row["last_active_at"],
            expired=bool(row["expired"]),
            place=row["data_dir"],
        )

    def as_json(self) -> dict[str, object]:
        """Schema `ContainerResource`."""
        return {
            "id": self.id,
            "object": "container",
            "created_at": int(self.created_at),
            "status": "expired" if self.expired else "running",
            "expires_after": {"anchor": "last_active_at", "minutes": self.idle_minutes},
            "last_active_at": int(self.last_active_at),
            "memory_limit": self.memory_limit,
            "name": self.name,
            "network_policy": {"type": "disabled"},
        }
