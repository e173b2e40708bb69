"""Reading and writing the adapter's tables. Each method is one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Row, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.web import rows
from adapters.web.file_store import put_artifacts
from adapters.web.records import Conversation, Message, MessageState, Role
from adapters.web.tables import artifacts, conversations, messages, uploads
from bot.domain import Attachment, Post


class WebStore:
    """The conversations of the page and their messages."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def create_conversation(self) -> Conversation:
        """A new, empty conversation."""
        now = rows.now()
        created = Conversation(uuid.uuid4().hex, "", now, now)
        values = {"id": created.id, "title": "", "created_at": now, "updated_at": now}
        async with self._database.begin() as connection:
            await connection.execute(insert(conversations).values(**values))
        return created

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """One conversation, or None."""
        row = await self._first(select(conversations).where(conversations.c.id == conversation_id))
        return None if row is None else rows.conversation_of(row)

    async def conversations(self, limit: int) -> list[Conversation]:
        """The conversations, the most recent first."""
        query = select(conversations).order_by(conversations.c.updated_at.desc()).limit(limit)
        return [rows.conversation_of(row) for row in await self._all(query)]

    async def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation a title; its place in the list stays."""
        mine = conversations.c.id == conversation_id
        async with self._database.begin() as connection:
            await connection.execute(update(conversations).where(mine).values(title=title))

    async def messages(self, conversation_id: str, limit: int) -> list[Message]:
        """The newest `limit` messages of a conversation, oldest first."""
        query = (
            select(messages)
            .where(messages.c.conversation_id == conversation_id)
            .order_by(messages.c.position.desc())
            .limit(limit)
        )
        return [rows.message_of(row) for row in reversed(await self._all(query))]

    async def message(self, message_id: str) -> Message | None:
        """One message, or None."""
        row = await self._first(select(messages).where(messages.c.id == message_id))
        return None if row is None else rows.message_of(row)

    async def waiting(self) -> list[Message]:
        """The messages of people that no answer was begun for, in every conversation."""
        query = (
            select(messages)
            .where(messages.c.state == MessageState.WAITING)
            .order_by(messages.c.position)
        )
        return [rows.message_of(row) for row in await self._all(query)]

    async def add_person_message(
        self,
        conversation_id: str,
        message_id: str,
        text: str,
        author: str,
        attachments: Sequence[Attachment],
        *,
        title_if_new: str,
    ) -> tuple[Message, Conversation] | None:
        """Keep a person's message; a repeat with the same id gives the first one.

        The conversation moves to the top of the list, and gets its title where it has none.
        Returns both as they are then; None where the id belongs to another conversation.
        """
        values = {
            "id": message_id,
            "conversation_id": conversation_id,
            "role": Role.PERSON,
            "author": author,
            "text": text,
            "attachments": rows.attachments_json(attachments),
            "state": MessageState.WAITING,
            "created_at": rows.now(),
        }
        unnamed = (conversations.c.id == conversation_id) & (conversations.c.title == "")
        async with self._database.begin() as connection:
            await _insert_once(connection, messages, values)
            await connection.execute(
                update(conversations).where(unnamed).values(title=title_if_new)
            )
            conversation = await _touched(connection, conversation_id)
            message = await _message(connection, messages.c.id == message_id)
        return (message, conversation) if message.conversation_id == conversation_id else None

    async def add_note(self, conversation_id: str, text: str) -> Message:
        """Keep a line of the page itself."""
        note_id = uuid.uuid4().hex
        values = {
            "id": note_id,
            "conversation_id": conversation_id,
            "role": Role.NOTE,
            "author": "",
            "text": text,
            "attachments": [],
            "state": MessageState.DONE,
            "created_at": rows.now(),
        }
        async with self._database.begin() as connection:
            await connection.execute(insert(messages).values(**values))
            return await _message(connection, messages.c.id == note_id)

    async def open_answer(self, conversation_id: str, turn_id: str, message_id: str) -> Message:
        """The bot's message of a turn, made where it is not there.

        The person's message `message_id`, and what waited before it, is answered with it. A later
        one may not have reached the inbox yet, and keeps waiting.
        """
        values = {
            "id": uuid.uuid4().hex,
            "conversation_id": conversation_id,
            "role": Role.BOT,
            "author": "bot",
            "text": "",
            "attachments": [],
            "turn_id": turn_id,
            "state": MessageState.RUNNING,
            "created_at": rows.now(),
        }
        of_turn = messages.c.turn_id == turn_id
        asked = select(messages.c.position).where(messages.c.id == message_id).scalar_subquery()
        waiting = (
            (messages.c.conversation_id == conversation_id)
            & (messages.c.state == MessageState.WAITING)
            & (messages.c.position <= asked)
        )
        paused = of_turn & (messages.c.state == MessageState.PAUSED)
        async with self._database.begin() as connection:
            await _insert_once(connection, messages, values)
            await _set_state(connection, waiting, MessageState.ANSWERED)
            await _set_state(connection, paused, MessageState.RUNNING)
            return await _message(connection, of_turn)

    async def take(self, message_id: str) -> Message:
        """Note that a message's files were taken in, and that nothing was asked."""
        mine = messages.c.id == message_id
        async with self._database.begin() as connection:
            await _set_state(connection, mine, MessageState.TAKEN)
            return await _message(connection, mine)

    async def judge(self, message_id: str, *, good: bool) -> Message:
        """Note what a person thinks of an answer."""
        mine = messages.c.id == message_id
        async with self._database.begin() as connection:
            await connection.execute(update(messages).where(mine).values(good=good))
            return await _message(connection, mine)

    async def forget(self, conversation_id: str) -> None:
        """Erase a conversation."""
        async with self._database.begin() as connection:
            for table in (messages, uploads, artifacts):
                mine = table.c.conversation_id == conversation_id
                await connection.execute(delete(table).where(mine))
            gone = conversations.c.id == conversation_id
            await connection.execute(delete(conversations).where(gone))

    async def pause(self, message_id: str) -> None:
        """Note that work on an answer ended before it was finished."""
        running = (messages.c.id == message_id) & (messages.c.state == MessageState.RUNNING)
        async with self._database.begin() as connection:
            await _set_state(connection, running, MessageState.PAUSED)

    async def finish(
        self, conversation_id: str, message_id: str, post: Post
    ) -> tuple[Message, Conversation]:
        """Store a finished answer and what can be downloaded with it; repeating changes nothing.

        Returns the message and its conversation as they are then.
        """
        values = {"post_id": post.id, "post": rows.post_json(post), "state": MessageState.DONE}
        async with self._database.begin() as connection:
            await connection.execute(
                update(messages).where(messages.c.id == message_id).values(**values)
            )
            await put_artifacts(connection, conversation_id, post.artifacts)
            conversation = await _touched(connection, conversation_id)
            return await _message(connection, messages.c.id == message_id), conversation

    async def posted(self, post_id: str) -> str | None:
        """The id of the message that carries a post, or None."""
        row = await self._first(select(messages.c.id).where(messages.c.post_id == post_id))
        return None if row is None else str(row.id)

    async def _first(self, query: Any) -> Row[Any] | None:
        async with self._database.connect() as connection:
            return (await connection.execute(query)).first()

    async def _all(self, query: Any) -> Sequence[Row[Any]]:
        async with self._database.connect() as connection:
            return (await connection.execute(query)).all()


async def _insert_once(connection: AsyncConnection, table: Table, values: dict[str, Any]) -> None:
    # A repeat is expected, and reading the row back shows anything else.
    with suppress(IntegrityError):
        async with connection.begin_nested():
            await connection.execute(insert(table).values(**values))


async def _touched(connection: AsyncConnection, conversation_id: str) -> Conversation:
    """The conversation, moved to the top of the list."""
    mine = conversations.c.id == conversation_id
    await connection.execute(update(conversations).where(mine).values(updated_at=rows.now()))
    return rows.conversation_of((await connection.execute(select(conversations).where(mine))).one())


async def _message(connection: AsyncConnection, which: Any) -> Message:
    return rows.message_of((await connection.execute(select(messages).where(which))).one())


async def _set_state(connection: AsyncConnection, which: Any, state: MessageState) -> None:
    await connection.execute(update(messages).where(which).values(state=state))
