"""The words of Threadlab as frozen dataclasses. No I/O, no platform, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote

NO_WORKSPACE = "@me"


@dataclass(frozen=True, slots=True)
class ThreadKey:
    """Where a conversation lives: a thread or DM of a chat platform, or a web conversation.

    What lies in no workspace that people share has NO_WORKSPACE in its place.
    """

    platform: str
    workspace: str
    channel: str
    thread: str

    def __str__(self) -> str:
        """The key as one string, safe in ids, logs and database columns."""
        parts = (self.platform, self.workspace, self.channel, self.thread)
        return "/".join(quote(part, safe="") for part in parts)

    @property
    def place(self) -> str:
        """The channel that it lies in, as one string like `str(key)`."""
        return str(self).rpartition("/")[0]

    @classmethod
    def parse(cls, text: str) -> ThreadKey:
        """The inverse of `str(key)`; ValueError where the text has not four parts."""
        platform, workspace, channel, thread = (unquote(part) for part in text.split("/"))
        return cls(platform, workspace, channel, thread)


class Addressing(StrEnum):
    """How a message addressed the bot."""

    MENTION = "mention"
    DIRECT = "direct"  # a DM, or a page that only the bot answers on
    REPLY = "reply"  # a reply to one of the bot's own messages
    AMBIENT = "ambient"  # in a thread of ours, naming nobody
    ELSEWHERE = "elsewhere"  # in a thread of ours, to somebody else: it names them, not the bot

    @property
    def overheard(self) -> bool:
        """Whether it was not said to the bot."""
        return self in (Addressing.AMBIENT, Addressing.ELSEWHERE)


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a message. `id` is unique within the platform's workspace."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who gives a command. `admin`: the platform lets them manage the place where they do."""

    author: Author
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a person sent: a reference that the adapter can open again later, never bytes.

    `locator` is JSON-able and means something to the adapter alone.
    """

    id: str
    name: str
    media_type: str
    size_bytes: int | None
    locator: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """What a person wrote, normalised. `id` is the platform's, unique within the thread.

    `others` are ids of people of whom the adapter knows that they wrote in the thread too.
    """

    key: ThreadKey
    id: str
    author: Author
    text: str
    attachments: tuple[Attachment, ...]
    addressed: Addressing
    sent_at: datetime
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """A message that is nothing but a command. `id` is the platform's, as a message's is.

    `locator` says where it is answered: JSON-able, it means something to the adapter alone.
    """

    key: ThreadKey
    id: str
    caller: Caller
    command: str
    arguments: str
    sent_at: datetime
    locator: Mapping[str, Any] = field(default_factory=dict)


class RunState(StrEnum):
    """What became of one run of code."""

    WRITING = "writing"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # the turn ended before the run did


@dataclass(frozen=True, slots=True)
class CodeRun:
    """One piece of code the model ran. `images` are `data:image/png;base64,…` URLs."""

    id: str
    code: str
    state: RunState
    logs: str = ""
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """A whole picture of a running turn; each one replaces the last. Adapters diff and pace."""

    status: str = ""
    runs: tuple[CodeRun, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes in the blob store, named by their content, within one thread."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that the code made, kept by us. `id` is stable across retries of a turn."""

    id: str
    name: str
    media_type: str
    blob: Blob


@dataclass(frozen=True, slots=True)
class Action:
    """A button: a command of the core (bot/commands) with its arguments, under a short label.

    Together they stay below 80 characters, as chats put them into a button's id.
    """

    command: str
    label: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished turn, ready to publish.

    `text` is Markdown; a link to an artifact is written `artifact:<artifact id>`, and an image
    `![name](artifact:<id>)`: each adapter turns them into what its chat can show.
    `notes` are single sentences for the person (a fresh container, a refused file).
    """

    turn_id: str
    text: str
    runs: tuple[CodeRun, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    notes: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    """One message of a published answer. `id` is its idempotency key (the outbox row's id)."""

    id: str
    text: str
    artifacts: tuple[Artifact, ...] = ()
    runs: tuple[CodeRun, ...] = ()
    notes: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    failed: bool = False


class ContainerState(StrEnum):
    """What we know of a thread's container."""

    NONE = "none"
    RUNNING = "running"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class WorkspaceView:
    """A thread's workspace, as shown to people. `expires_at`: when idleness ends the container."""

    state: ContainerState
    container_id: str | None = None
    memory_limit: str | None = None
    expires_at: datetime | None = None
    file_count: int = 0


@dataclass(frozen=True, slots=True)
class WorkspaceFile:
    """A file of a workspace, as shown to people: its newest version, and how many there are.

    `author_name` is who sent it; None where code made it, or where nobody knows.
    """

    name: str
    media_type: str
    size_bytes: int
    made_by_code: bool
    author_name: str | None = None
    versions: int = 1


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """A thread in a list. `title` is how its first question begins; `last_message_id` is the
    platform's id of the newest message that was accepted; `busy`: an answer is being worked on."""

    key: ThreadKey
    title: str
    last_active_at: datetime
    last_message_id: str
    workspace: WorkspaceView
    busy: bool = False
