"""What the core asks of an adapter, and what an adapter may ask of the core."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import (
    Answer,
    Attachment,
    Author,
    Blob,
    IncomingMessage,
    Post,
    Progress,
    ThreadKey,
    WorkspaceView,
)


class Reply(Protocol):
    """The live surface in the chat on which one turn is shown."""

    @property
    def ref(self) -> str:
        """Where the surface is (a message id…): stored, so that a restart continues on it."""

    def show(self, progress: Progress) -> None:
        """Show how the turn stands. Never waits, never raises: the adapter paces and conflates."""

    def plan(self, answer: Answer) -> Sequence[Post]:
        """Split an answer into posts as this chat takes them. Pure: the same answer, the same
        posts with the same ids (`<turn id>:<n>`)."""

    async def send(self, post: Post) -> str:
        """Publish one post and return its reference in the chat.

        Raises:
            AmbiguousSend: it may or may not have arrived; the core calls `find` before a repeat.
            PlatformError: it did not arrive.
        """

    async def find(self, post_id: str) -> str | None:
        """The reference of a post that has arrived, or None."""

    async def close(self) -> None:
        """Stop showing progress. Called once, also after failures."""


class ChatPlatform(Protocol):
    """One chat platform, as the core sees it."""

    @property
    def name(self) -> str:
        """The platform of the keys it makes (`ThreadKey.platform`)."""

    async def run(self) -> None:
        """Bring events in until cancelled."""

    async def acknowledge(self, message: IncomingMessage) -> None:
        """The first sign to the person, straight after the message was accepted."""

    def read(self, key: ThreadKey, attachment: Attachment) -> AsyncIterator[bytes]:
        """The attachment's bytes, in chunks.

        Raises:
            AttachmentUnavailable: with a sentence that tells the person why.
        """

    async def open_reply(
        self, key: ThreadKey, *, turn_id: str, message_id: str, ref: str | None
    ) -> Reply:
        """The surface of a turn: a new one, or the one at `ref` after a restart.

        Opening the same turn twice (after a crash before `ref` was stored) must find the first
        surface again instead of making a second one.
        """


class Inbox(Protocol):
    """Where adapters hand messages in."""

    async def accept(self, message: IncomingMessage) -> bool:
        """Commit a message; True where it is new. Acknowledge the platform's event only after."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command says to the person who gave it (Markdown)."""

    text: str
    ok: bool = True


class Commands(Protocol):
    """The commands of bot/commands.py."""

    async def run(
        self, name: str, key: ThreadKey, author: Author, arguments: str = ""
    ) -> CommandResult:
        """Carry out a command in a thread. An unknown name is answered, not raised."""


class Blobs(Protocol):
    """Bytes kept for a thread. A key reaches its own thread's blobs and no others."""

    async def put(self, key: ThreadKey, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> Blob:
        """Store a stream in constant memory.

        Raises:
            TooLarge: past `limit_bytes`; nothing is kept.
        """

    def open(self, key: ThreadKey, sha256: str) -> AsyncIterator[bytes]:
        """The bytes, in chunks. Raises BlobMissing where this thread has none of that name."""


class Workspaces(Protocol):
    """Looking at a thread's workspace."""

    async def view(self, key: ThreadKey) -> WorkspaceView:
        """What is known without asking the engine; never keeps a container alive."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the core offers an adapter."""

    inbox: Inbox
    commands: Commands
    blobs: Blobs
    workspaces: Workspaces
    database: AsyncEngine
    environ: Mapping[str, str]
    attachment_limit_bytes: int
    engine_note: str = ""  # said on first screens, e.g. that the offline planner answers


class AdapterPlugin(Protocol):
    """What an adapter package offers under the entry-point group `threadlab.adapters`."""

    @property
    def name(self) -> str:
        """The platform's name."""

    @property
    def local(self) -> bool:
        """Whether only people on this machine meet it: then it may run without being asked for,
        and without an engine being chosen."""

    @property
    def migrations(self) -> Path | None:
        """A folder of Alembic migrations for tables of its own, or None."""

    def wanted(self, environ: Mapping[str, str]) -> bool:
        """Whether the settings ask for this platform (its tokens are set)."""

    def build(self, services: Services) -> ChatPlatform:
        """Make the platform. Raises SettingsError where its settings can't work."""
