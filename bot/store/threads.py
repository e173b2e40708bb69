"""Threads: what we know of their containers and of the model's context."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import ThreadKey
from bot.store.tables import threads


@dataclass(frozen=True, slots=True)
class Thread:
    """One conversation. `container_used_at` is in seconds since 1970."""

    key: ThreadKey
    running_turn: str | None = None
    container_id: str | None = None
    container_memory: str | None = None
    container_used_at: float | None = None
    last_response_id: str | None = None
    generation: int = 0


class Threads:
    """Queries on threads. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def get(self, key: ThreadKey) -> Thread:
        """The thread; an empty one where nothing was ever accepted in it."""
        query = sa.select(threads).where(threads.c.key == str(key))
        async with self._database.connect() as db:
            row = (await db.execute(query)).mappings().one_or_none()
        if row is None:
            return Thread(key)
        known = {name: row[name] for name in Thread.__slots__ if name != "key"}
        return Thread(key=key, **known)

    async def forget_context(self, key: ThreadKey) -> None:
        """The chain of responses is lost; the container stays."""
        await self._update(key, {"last_response_id": None})

    async def adopt_container(
        self, key: ThreadKey, generation: int, container_id: str, memory_limit: str
    ) -> None:
        """The container that the next question uses, unless the thread was reset meanwhile."""
        values = {
            "container_id": container_id,
            "container_memory": memory_limit,
            "container_used_at": time.time(),
        }
        await self._update(key, values, generation=generation)

    async def touch_container(self, key: ThreadKey, container_id: str) -> None:
        """The container was used just now."""
        await self._update(key, {"container_used_at": time.time()}, container_id=container_id)

    async def reset(self, key: ThreadKey) -> None:
        """Forget container and context, also what a running turn would bring back."""
        values = {
            "container_id": None,
            "last_response_id": None,
            "generation": threads.c.generation + 1,
        }
        await self._update(key, values)

    async def _update(self, key: ThreadKey, values: dict[str, Any], **where: Any) -> None:
        conditions = [threads.c.key == str(key)]
        conditions += [threads.c[name] == value for name, value in where.items()]
        async with self._database.begin() as db:
            await db.execute(sa.update(threads).where(*conditions).values(**values))
