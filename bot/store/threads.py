"""Threads: what we know of their containers and of the model's context."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import IncomingMessage, ThreadKey
from bot.store.messages import from_row, insert_once
from bot.store.tables import messages, participants, threads

GIVEN_UP = ""  # in place of a container: its variables went as a person wished


@dataclass(frozen=True, slots=True)
class Thread:
    """One conversation. Times are in seconds since 1970. `memory_limit`, `mode`, `model` and
    `effort` are what people chose for it; None where the channel's settings hold. `ran_container`
    is where code ran last: in any other container its variables are gone."""

    key: ThreadKey
    running_turn: str | None = None
    container_id: str | None = None
    container_memory: str | None = None
    container_used_at: float | None = None
    last_response_id: str | None = None
    generation: int = 0
    title: str = ""
    last_active_at: float = 0.0
    last_message_id: str = ""
    container_created_at: float | None = None
    container_mode: str | None = None
    ran_container: str | None = None
    memory_limit: str | None = None
    mode: str | None = None
    model: str | None = None
    effort: str | None = None


class Threads:
    """Queries on threads. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def get(self, key: ThreadKey) -> Thread:
        """The thread; an empty one where nothing was ever accepted in it."""
        query = sa.select(threads).where(threads.c.key == str(key))
        async with self._database.connect() as db:
            row = (await db.execute(query)).mappings().one_or_none()
        return Thread(key) if row is None else _from_row(row)

    async def first_message(self, key: ThreadKey) -> IncomingMessage | None:
        """The message with which the thread began; None where nothing was ever accepted in it."""
        query = sa.select(messages).where(messages.c.thread == str(key))
        async with self._database.connect() as db:
            row = (await db.execute(query.order_by(messages.c.seq).limit(1))).mappings().first()
        return None if row is None else from_row(row)

    async def names(self, key: ThreadKey, ids: Sequence[str]) -> dict[str, str]:
        """The names of people by id, as far as they wrote to the bot in the thread's workspace."""
        prefix = ThreadKey(key.platform, key.workspace, "", "").place
        query = (
            sa.select(messages.c.author_id, sa.func.max(messages.c.author_name))
            .where(messages.c.thread >= prefix, messages.c.thread < f"{prefix[:-1]}0")
            .where(messages.c.author_id.in_(ids))
            .group_by(messages.c.author_id)
        )
        async with self._database.connect() as db:
            return {id: name for id, name in await db.execute(query)}

    async def recent(
        self,
        platform: str,
        workspace: str,
        *,
        channel: str | None,
        author_id: str | None,
        limit: int,
    ) -> list[Thread]:
        """The threads that were active last; of one channel, or with one person, if given."""
        query = sa.select(threads).order_by(threads.c.last_active_at.desc()).limit(limit)
        if channel is None:
            # Keys are quoted: the character after "/" sorts behind every key of the workspace.
            prefix = ThreadKey(platform, workspace, "", "").place
            query = query.where(threads.c.place >= prefix, threads.c.place < f"{prefix[:-1]}0")
        else:
            place = ThreadKey(platform, workspace, channel, "").place
            query = query.where(threads.c.place == place)
        if author_id is not None:
            mine = sa.select(participants.c.thread).where(participants.c.author_id == author_id)
            query = query.where(threads.c.key.in_(mine))
        async with self._database.connect() as db:
            return [_from_row(row) for row in (await db.execute(query)).mappings()]

    async def choose(self, key: ThreadKey, **values: str | None) -> None:
        """Set `memory_limit`, `mode`, `model` or `effort` of a thread; None for the channel's."""
        async with self._database.begin() as db:
            await insert_once(db, threads, key=str(key), created_at=time.time(), place=key.place)
        await self._update(key, dict(values))

    async def forget_context(self, key: ThreadKey) -> None:
        """The chain of responses is lost; the container stays."""
        await self._update(key, {"last_response_id": None})

    async def adopt_container(
        self, key: ThreadKey, generation: int, container_id: str, memory_limit: str, mode: str
    ) -> None:
        """The container that the next question uses, unless the thread was reset meanwhile."""
        now = time.time()
        known = threads.c.container_id == container_id
        values = {
            "container_created_at": sa.case((known, threads.c.container_created_at), else_=now),
            "container_memory": sa.case((known, threads.c.container_memory), else_=memory_limit),
            "container_mode": sa.case((known, threads.c.container_mode), else_=mode),
            "container_id": container_id,
            "container_used_at": now,
        }
        await self._update(key, values, generation=generation)

    async def code_ran(self, key: ThreadKey, generation: int, container_id: str) -> None:
        """Variables live in this container, and in no other."""
        await self._update(key, {"ran_container": container_id}, generation=generation)

    async def give_up_variables(self, key: ThreadKey) -> None:
        """A person ended the container, and knows what went with it."""
        ran = threads.c.ran_container
        await self._update(key, {"ran_container": sa.case((ran.is_not(None), GIVEN_UP))})

    async def end_container(self, key: ThreadKey, container_id: str) -> None:
        """The container is no more; the conversation goes on in another."""
        await self._update(key, {"container_id": None}, container_id=container_id)

    async def with_own_container(self, limit: int) -> list[Thread]:
        """Threads whose container we made and end ourselves, the last active first."""
        query = (
            sa.select(threads)
            .where(threads.c.container_id.is_not(None), threads.c.container_mode == "explicit")
            .order_by(threads.c.last_active_at.desc())
            .limit(limit)
        )
        async with self._database.connect() as db:
            return [_from_row(row) for row in (await db.execute(query)).mappings()]

    async def keys(self) -> list[ThreadKey]:
        """All threads."""
        async with self._database.connect() as db:
            return [ThreadKey.parse(key) for key in await db.scalars(sa.select(threads.c.key))]

    async def untouched_since(self, when: float, limit: int) -> list[ThreadKey]:
        """Threads in which nothing happened since a time, the oldest first."""
        active = threads.c.last_active_at
        last = sa.case((active > threads.c.created_at, active), else_=threads.c.created_at)
        query = (
            sa.select(threads.c.key)
            .where(last < when, threads.c.running_turn.is_(None))
            .order_by(last)
            .limit(limit)
        )
        async with self._database.connect() as db:
            return [ThreadKey.parse(key) for key in await db.scalars(query)]

    async def touch_container(self, key: ThreadKey, container_id: str) -> None:
        """The container was used just now."""
        await self._update(key, {"container_used_at": time.time()}, container_id=container_id)

    async def reset(self, key: ThreadKey) -> None:
        """Forget container and context, also what a running turn would bring back."""
        values = {
            "container_id": None,
            "ran_container": None,
            "last_response_id": None,
            "generation": threads.c.generation + 1,
        }
        await self._update(key, values)

    async def _update(self, key: ThreadKey, values: dict[str, Any], **where: Any) -> None:
        conditions = [threads.c.key == str(key)]
        conditions += [threads.c[name] == value for name, value in where.items()]
        async with self._database.begin() as db:
            await db.execute(sa.update(threads).where(*conditions).values(**values))


def _from_row(row: Any) -> Thread:
    known = {name: row[name] for name in Thread.__slots__ if name != "key"}
    return Thread(key=ThreadKey.parse(row["key"]), **known)
