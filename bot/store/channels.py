"""What admins have set for channels, one row a setting."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import Author
from bot.store.tables import channel_settings


class StoredSettings:
    """Queries on channels' settings. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def all(self) -> dict[str, dict[str, Any]]:
        """Every channel's settings by name, by `ThreadKey.place`."""
        found: dict[str, dict[str, Any]] = {}
        async with self._database.connect() as db:
            for row in await db.execute(sa.select(channel_settings)):
                found.setdefault(row.place, {})[row.name] = row.value
        return found

    async def set(self, place: str, name: str, value: Any, author: Author) -> None:
        """Set a channel's setting, in place of what was set before."""
        values = {"value": value, "set_by": author.id, "set_at": time.time()}
        async with self._database.begin() as db:
            await db.execute(_row(place, name))
            await db.execute(sa.insert(channel_settings).values(place=place, name=name, **values))

    async def clear(self, place: str, name: str) -> None:
        """Let the operator's default hold again."""
        async with self._database.begin() as db:
            await db.execute(_row(place, name))


def _row(place: str, name: str) -> sa.Delete:
    columns = channel_settings.c
    return sa.delete(channel_settings).where(columns.place == place, columns.name == name)
