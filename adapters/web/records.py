"""What the adapter's tables hold, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain import (
    Addressing,
    Attachment,
    Author,
    Caller,
    IncomingMessage,
    Post,
    ThreadKey,
)

PLATFORM = "web"
PERSON = Author(id="person", name="You")
CALLER = Caller(PERSON, admin=True)  # whoever may open the page may do everything on it


class Role(StrEnum):
    """Who wrote a message."""

    PERSON = "person"
    BOT = "bot"
    NOTE = "note"  # a line of the page itself, such as that the lab was reset


class MessageState(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"  # a person's, no answer begun
    ANSWERED = "answered"  # a person's, an answer begun
    TAKEN = "taken"  # a person's, its files taken in, nothing asked
    RUNNING = "running"  # the bot's, being worked on
    PAUSED = "paused"  # the bot's, work ended without an answer
    DONE = "done"  # the bot's, finished


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation of the page."""

    id: str
    title: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a conversation, sent or made, with its bytes in the blob store."""

    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message, a person's or the bot's. `post` is the bot's finished answer; `good` what the
    person thinks of it, if they said so."""

    id: str
    conversation_id: str
    role: Role
    text: str
    attachments: tuple[Attachment, ...]
    turn_id: str | None
    post: Post | None
    state: MessageState
    created_at: datetime
    good: bool | None = None


def thread_key(conversation_id: str) -> ThreadKey:
    """The core's name for a conversation."""
    return ThreadKey(PLATFORM, "local", "page", conversation_id)


def conversation_of(key: ThreadKey) -> str:
    """The inverse of `thread_key`."""
    return key.thread


def attachment_of(file: StoredFile) -> Attachment:
    """A stored upload as the reference that the core keeps."""
    return Attachment(file.id, file.name, file.media_type, file.size_bytes, {"sha256": file.sha256})


def incoming(message: Message) -> IncomingMessage:
    """The message as the core takes it: on this page, everything is said to the bot."""
    return IncomingMessage(
        key=thread_key(message.conversation_id),
        id=message.id,
        author=PERSON,
        text=message.text,
        attachments=message.attachments,
        addressed=Addressing.DIRECT,
        sent_at=message.created_at,
    )
