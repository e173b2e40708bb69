"""Reading and writing the adapter's tables."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.web.records import Conversation, Message, MessageState, Role, StoredFile
from adapters.web.tables import artifacts, conversations, messages, uploads
from bot.domain import Attachment, Post

_POST = TypeAdapter(Post)
_ATTACHMENTS = TypeAdapter(tuple[Attachment, ...])


class WebStore:
    """The conversations, messages and files of the page."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def create_conversation(self) -> Conversation:
        """A new, empty conversation."""
        now = _now()
        created = Conversation(uuid.uuid4().hex, "", now, now)
        await self._write(
            insert(conversations).values(
                id=created.id, title=created.title, created_at=now, updated_at=now
            )
        )
        return created

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """One conversation, or None."""
        row = await self._first(select(conversations).where(conversations.c.id == conversation_id))
        return None if row is None else _conversation(row)

    async def conversations(self, limit: int) -> list[Conversation]:
        """The conversations, the most recent first."""
        query = select(conversations).order_by(conversations.c.updated_at.desc()).limit(limit)
        return [_conversation(row) for row in await self._all(query)]

    async def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation a title; its place in the list stays."""
        await self._write(
            update(conversations).where(conversations.c.id == conversation_id).values(title=title)
        )

    async def touch(self, conversation_id: str, title_if_new: str = "") -> None:
        """Move a conversation to the top of the list; name it where it has no title yet."""
        mine = conversations.c.id == conversation_id
        async with self._database.begin() as connection:
            await connection.execute(update(conversations).where(mine).values(updated_at=_now()))
            if title_if_new:
                unnamed = mine & (conversations.c.title == "")
                await connection.execute(
                    update(conversations).where(unnamed).values(title=title_if_new)
                )

    async def messages(self, conversation_id: str, limit: int) -> list[Message]:
        """The newest `limit` messages of a conversation, oldest first."""
        query = (
            select(messages)
            .where(messages.c.conversation_id == conversation_id)
            .order_by(messages.c.position.desc())
            .limit(limit)
        )
        return [_message(row) for row in reversed(await self._all(query))]

    async def message(self, message_id: str) -> Message | None:
        """One message, or None."""
        row = await self._first(select(messages).where(messages.c.id == message_id))
        return None if row is None else _message(row)

    async def waiting(self) -> list[Message]:
        """The messages of people that no answer was begun for, in every conversation."""
        query = (
            select(messages)
            .where(messages.c.state == MessageState.WAITING)
            .order_by(messages.c.position)
        )
        return [_message(row) for row in await self._all(query)]

    async def add_person_message(
        self,
        conversation_id: str,
        message_id: str,
        text: str,
        author: str,
        attachments: Sequence[Attachment],
    ) -> Message | None:
        """Keep a person's message; a repeat with the same id gives the first one.

        Returns None where the id belongs to another conversation.
        """
        await self._insert_once(
            messages,
            id=message_id,
            conversation_id=conversation_id,
            role=Role.PERSON,
            author=author,
            text=text,
            attachments=_ATTACHMENTS.dump_python(tuple(attachments), mode="json"),
            state=MessageState.WAITING,
            created_at=_now(),
        )
        found = await self.message(message_id)
        return found if found and found.conversation_id == conversation_id else None

    async def open_answer(self, conversation_id: str, turn_id: str) -> Message:
        """The bot's message of a turn, made where it is not there; what waited is answered."""
        of_turn = messages.c.turn_id == turn_id
        await self._insert_once(
            messages,
            id=uuid.uuid4().hex,
            conversation_id=conversation_id,
            role=Role.BOT,
            author="bot",
            text="",
            attachments=[],
            turn_id=turn_id,
            state=MessageState.RUNNING,
            created_at=_now(),
        )
        waiting = (messages.c.conversation_id == conversation_id) & (
            messages.c.state == MessageState.WAITING
        )
        paused = of_turn & (messages.c.state == MessageState.PAUSED)
        async with self._database.begin() as connection:
            await connection.execute(
                update(messages).where(waiting).values(state=MessageState.ANSWERED)
            )
            await connection.execute(
                update(messages).where(paused).values(state=MessageState.RUNNING)
            )
        row = await self._first(select(messages).where(of_turn))
        assert row is not None
        return _message(row)

    async def pause(self, message_id: str) -> None:
        """Note that work on an answer ended before it was finished."""
        running = (messages.c.id == message_id) & (messages.c.state == MessageState.RUNNING)
        await self._write(update(messages).where(running).values(state=MessageState.PAUSED))

    async def finish(self, conversation_id: str, message_id: str, post: Post) -> None:
        """Store a finished answer and what can be downloaded with it; repeating changes nothing."""
        files = [
            {
                "conversation_id": conversation_id,
                "id": artifact.id,
                "name": artifact.name,
                "media_type": artifact.media_type,
                "size_bytes": artifact.blob.size_bytes,
                "sha256": artifact.blob.sha256,
            }
            for artifact in {artifact.id: artifact for artifact in post.artifacts}.values()
        ]
        async with self._database.begin() as connection:
            await connection.execute(
                update(messages)
                .where(messages.c.id == message_id)
                .values(
                    post_id=post.id,
                    post=_POST.dump_python(post, mode="json"),
                    state=MessageState.DONE,
                )
            )
            for file in files:
                await connection.execute(
                    delete(artifacts).where(
                        artifacts.c.conversation_id == conversation_id,
                        artifacts.c.id == file["id"],
                    )
                )
                await connection.execute(insert(artifacts).values(**file))

    async def posted(self, post_id: str) -> str | None:
        """The id of the message that carries a post, or None."""
        row = await self._first(select(messages.c.id).where(messages.c.post_id == post_id))
        return None if row is None else str(row.id)

    async def add_upload(self, conversation_id: str, file: StoredFile) -> None:
        """Keep a file that a person sent."""
        await self._write(
            insert(uploads).values(
                id=file.id,
                conversation_id=conversation_id,
                name=file.name,
                media_type=file.media_type,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                created_at=_now(),
            )
        )

    async def upload(self, conversation_id: str, upload_id: str) -> StoredFile | None:
        """A file sent in this conversation, or None."""
        return await self._file(uploads, conversation_id, upload_id)

    async def artifact(self, conversation_id: str, artifact_id: str) -> StoredFile | None:
        """A file posted in this conversation, or None."""
        return await self._file(artifacts, conversation_id, artifact_id)

    async def _file(self, table: Table, conversation_id: str, file_id: str) -> StoredFile | None:
        row = await self._first(
            select(table).where(table.c.conversation_id == conversation_id, table.c.id == file_id)
        )
        if row is None:
            return None
        return StoredFile(row.id, row.name, row.media_type, row.size_bytes, row.sha256)

    async def _insert_once(self, table: Table, **values: Any) -> None:
        try:
            await self._write(insert(table).values(**values))
        except IntegrityError as error:
            # A repeat is expected; anything else shows when the row is read back.
            del error

    async def _write(self, statement: Any) -> None:
        async with self._database.begin() as connection:
            await connection.execute(statement)

    async def _first(self, query: Any) -> Row[Any] | None:
        async with self._database.connect() as connection:
            return (await connection.execute(query)).first()

    async def _all(self, query: Any) -> Sequence[Row[Any]]:
        async with self._database.connect() as connection:
            return (await connection.execute(query)).all()


def _now() -> datetime:
    return datetime.now(UTC)


def _utc(moment: datetime) -> datetime:
    """SQLite gives times back without their zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation(row.id, row.title, _utc(row.created_at), _utc(row.updated_at))


def _message(row: Row[Any]) -> Message:
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        role=Role(row.role),
        text=row.text,
        attachments=_ATTACHMENTS.validate_python(row.attachments),
        turn_id=row.turn_id,
        post=None if row.post is None else _POST.validate_python(row.post),
        state=MessageState(row.state),
        created_at=_utc(row.created_at),
    )
