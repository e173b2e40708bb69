"""Reading and writing the adapter's tables. Each method is one transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Table, case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.discord.tables import claims, invocations, places, posts, state
from bot.domain import ThreadKey

TOKEN_SECONDS = 14.5 * 60  # Discord's 15 minutes, less what a request takes [facts: discord]
CLAIM_SECONDS = 86_400.0  # long after which nobody delivers a command again, or edits it
STATUS = ":status"  # how the identity of a turn's surface ends
_NONE = ""  # the message of a post that is about to be sent


@dataclass(frozen=True, slots=True)
class Posted:
    """A message of the bot's."""

    channel_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation's answers go; `chained`: as replies in a plain channel."""

    channel_id: int
    chained: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question by command, as it is shown in a message."""

    message_id: int
    shown: str


@dataclass(frozen=True, slots=True, repr=False)
class Invocation:
    """A command through which the bot may answer for a while. The token is a secret."""

    application_id: int
    token: str
    closes_at: float  # seconds since 1970
    question: Question | None = None


class DiscordStore:
    """What was posted where, and a few single values."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def begin_post(self, post_id: str, key: ThreadKey) -> bool:
        """Note that a post is about to be sent; whether it is for the first time."""
        values = {"id": post_id, "thread": str(key), "channel_id": _NONE, "message_id": _NONE}
        async with self._database.begin() as db:
            return await _inserted(db, posts, values | {"created_at": time.time()})

    async def posted(self, post_id: str) -> Posted | None:
        """The message that carries a post, or None."""
        query = select(posts).where(posts.c.id == post_id, posts.c.message_id != _NONE)
        row = await self._first(query)
        return None if row is None else Posted(int(row.channel_id), int(row.message_id))

    async def note_post(self, post_id: str, key: ThreadKey, posted: Posted) -> None:
        """Keep where a post is."""
        values = {
            "thread": str(key),
            "channel_id": str(posted.channel_id),
            "message_id": str(posted.message_id),
            "created_at": time.time(),
        }
        await self._put(posts, {"id": post_id}, values)

    async def taken(self, message_ids: Sequence[int], identity: str) -> set[int]:
        """Which of these messages carry something else than this post: it may stand where its
        turn's status was."""
        own = [identity, f"{identity.partition(':')[0]}{STATUS}"]
        among = posts.c.message_id.in_([str(each) for each in message_ids])
        query = select(posts.c.message_id).where(among, posts.c.id.not_in(own))
        async with self._database.connect() as db:
            return {int(row.message_id) for row in await db.execute(query)}

    async def thread_of(self, message_id: int) -> ThreadKey | None:
        """The conversation of one of the bot's messages, or None."""
        query = select(posts.c.thread).where(posts.c.message_id == str(message_id))
        row = await self._first(query)
        return None if row is None else ThreadKey.parse(row.thread)

    async def answers_in(self, key: ThreadKey) -> bool:
        """Whether the bot has posted in a conversation."""
        sent = posts.c.message_id != _NONE
        query = select(posts.c.id).where(posts.c.thread == str(key), sent).limit(1)
        return await self._first(query) is not None

    async def place(self, key: ThreadKey) -> Place | None:
        """Where a conversation's answers go, once that was found out."""
        row = await self._first(select(places).where(places.c.thread == str(key)))
        return None if row is None else Place(int(row.channel_id), row.chained)

    async def note_place(self, key: ThreadKey, place: Place) -> None:
        """Keep where a conversation's answers go."""
        values = {"channel_id": str(place.channel_id), "chained": place.chained}
        await self._put(places, {"thread": str(key)}, values)

    async def invocation(self, key: ThreadKey, message_id: str = "") -> Invocation | None:
        """The command that asked what is shown in a message, else the newest of a conversation,
        while its token lives."""
        mine = invocations.c.thread == str(key)
        alive = invocations.c.created_at > time.time() - TOKEN_SECONDS
        asked = case((invocations.c.message_id == message_id, 0), else_=1)
        order = asked, invocations.c.created_at.desc()
        row = await self._first(select(invocations).where(mine, alive).order_by(*order).limit(1))
        if row is None:
            return None
        own = row.message_id and row.message_id == message_id
        question = Question(int(row.message_id), row.question) if own else None
        closes_at = row.created_at + TOKEN_SECONDS
        return Invocation(int(row.application_id), row.token, closes_at, question)

    async def note_invocation(
        self,
        interaction_id: int,
        key: ThreadKey,
        application_id: int,
        token: str,
        question: Question | None = None,
    ) -> None:
        """Keep a command's token; those that have died go."""
        now = time.time()
        values = {
            "id": str(interaction_id),
            "thread": str(key),
            "application_id": str(application_id),
            "token": token,
            "created_at": now,
            "message_id": str(question.message_id) if question else None,
            "question": question.shown if question else None,
        }
        dead = invocations.c.created_at < now - TOKEN_SECONDS
        async with self._database.begin() as db:
            await db.execute(delete(invocations).where(dead))
            await db.execute(insert(invocations).values(**values))

    async def claim(self, order_id: int) -> bool:
        """Whether a command, by its message or interaction, is for this worker to follow."""
        now = time.time()
        async with self._database.begin() as db:
            await db.execute(delete(claims).where(claims.c.created_at < now - CLAIM_SECONDS))
            return await _inserted(db, claims, {"id": str(order_id), "created_at": now})

    async def forget(self, key: ThreadKey) -> None:
        """Erase what is kept of a conversation."""
        async with self._database.begin() as db:
            for table in (posts, places, invocations):
                await db.execute(delete(table).where(table.c.thread == str(key)))
            kept = state.c.name.startswith(f"late:{key}:", autoescape=True)
            await db.execute(delete(state).where(kept))

    async def value(self, name: str) -> str | None:
        """A single value, or None."""
        row = await self._first(select(state.c.value).where(state.c.name == name))
        return None if row is None else str(row.value)

    async def values(self, prefix: str) -> dict[str, str]:
        """All single values whose names begin so, by name."""
        query = select(state).where(state.c.name.startswith(prefix, autoescape=True))
        async with self._database.connect() as db:
            return {str(row.name): str(row.value) for row in await db.execute(query)}

    async def drop_value(self, name: str) -> None:
        """Forget a single value."""
        async with self._database.begin() as db:
            await db.execute(delete(state).where(state.c.name == name))

    async def set_value(self, name: str, value: str) -> None:
        """Keep a single value."""
        await self._put(state, {"name": name}, {"value": value})

    async def first_value(self, name: str, value: str) -> str:
        """A single value as it was set first: by this call, where there was none."""
        async with self._database.begin() as db:
            if await _inserted(db, state, {"name": name, "value": value}):
                return value
            return str(await db.scalar(select(state.c.value).where(state.c.name == name)))

    async def _put(self, table: Table, which: dict[str, Any], values: dict[str, Any]) -> None:
        async with self._database.begin() as db:
            if not await _inserted(db, table, which | values):
                mine = [table.c[name] == value for name, value in which.items()]
                await db.execute(update(table).where(*mine).values(**values))

    async def _first(self, query: Any) -> Row[Any] | None:
        async with self._database.connect() as db:
            return (await db.execute(query)).first()


async def _inserted(db: AsyncConnection, table: Table, values: dict[str, Any]) -> bool:
    try:
        async with db.begin_nested():
            await db.execute(insert(table).values(**values))
    except IntegrityError:
        return False
    return True
