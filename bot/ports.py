"""What the core asks of an adapter, and what an adapter may ask of the core."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import (
    Action,
    Answer,
    Artifact,
    Attachment,
    Author,
    Blob,
    Caller,
    IncomingMessage,
    Order,
    Post,
    Progress,
    ThreadKey,
    ThreadSummary,
    WorkspaceFile,
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

    async def taken(self, message: IncomingMessage) -> None:
        """A light sign that files which came without a question are in the workspace."""

    async def answer(self, order: Order, result: CommandResult, *, again: bool) -> None:
        """Say what a command came to that was written as a message, where it was written.

        `again`: parts of it may have been said before; those that can be found are not repeated.

        Raises:
            PlatformError: it was not said, or not all of it.
        """

    async def forget(self, key: ThreadKey) -> None:
        """Erase what the adapter itself keeps of a thread, and end what it shows of it. What was
        posted in the chat stays there: it is the chat's."""

    def read(self, key: ThreadKey, attachment: Attachment) -> AsyncIterator[bytes]:
        """The attachment's bytes, in chunks.

        Raises:
            AttachmentUnavailable: with a sentence that tells the person why; as
                AttachmentInterrupted where another try may succeed.
        """

    async def open_reply(
        self, key: ThreadKey, *, turn_id: str, message_id: str, ref: str | None
    ) -> Reply:
        """The surface of a turn: a new one, or the one at `ref` after a restart. `message_id` is
        the first message that it answers.

        Opening the same turn twice (after a crash before `ref` was stored) must find the first
        surface again instead of making a second one.
        """


class Inbox(Protocol):
    """Where adapters hand in what people write: all of it that they see in threads, also what
    names nobody. Whether it is answered is the core's business."""

    async def accept(self, message: IncomingMessage) -> bool:
        """Commit a message; True where it is new and will be answered or taken in. Acknowledge
        the platform's event only after."""

    async def revise(self, key: ThreadKey, message_id: str, text: str) -> bool:
        """A message was edited; True where its new text still counts, as it was waiting."""

    async def withdraw(self, key: ThreadKey, message_id: str) -> bool:
        """A message was deleted; True where it was waiting, and so will not be answered. An answer
        that is under way to it alone is stopped."""


class Orders(Protocol):
    """Where adapters hand in messages that are nothing but a command (`Commands.parse`)."""

    async def accept(self, order: Order) -> bool:
        """Commit an order; True where it is new. It is followed at once, and answered by
        `ChatPlatform.answer`. Acknowledge the platform's event only after."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that an argument may have, and how a list shows it."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a command. `choices` are all there are; where `completes`, values are
    suggested by `Commands.complete`. The last argument of a command takes the rest of the line.
    Where it is `loose`, a word that is none of the choices belongs to the next argument."""

    name: str
    help: str
    required: bool = False
    choices: tuple[str, ...] = ()
    completes: bool = False
    loose: bool = False


class Place(StrEnum):
    """Where a command makes sense."""

    THREAD = "thread"
    ANYWHERE = "anywhere"  # also in a channel: `ThreadKey.thread` is then empty


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command as adapters offer it. `admin`: for people who manage the place alone; `listed`:
    shown in menus and help (buttons use the others)."""

    name: str
    help: str
    arguments: tuple[Argument, ...] = ()
    place: Place = Place.THREAD
    admin: bool = False
    listed: bool = True


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command says to the person who gave it (Markdown), with files and next steps.

    `public` results concern everybody in the thread; the others only who asked.
    """

    text: str
    ok: bool = True
    files: tuple[Artifact, ...] = ()
    actions: tuple[Action, ...] = ()
    public: bool = False


class Commands(Protocol):
    """The commands of bot/commands."""

    @property
    def specs(self) -> Sequence[CommandSpec]:
        """All commands, in the order in which help lists them."""

    def parse(self, text: str) -> tuple[str, str] | None:
        """A message that is nothing but a command ("reset everything"): its name and arguments;
        None for all that may be a question."""

    async def refusal(self, key: ThreadKey, author: Author) -> str | None:
        """Why somebody may not use the bot here, or None where they may: adapters open nothing
        for who may not."""

    async def run(
        self, name: str, key: ThreadKey, caller: Caller, arguments: str = "", *, once: str = ""
    ) -> CommandResult:
        """Carry out a command in a thread (or a channel: `key.thread` is empty). Unknown names,
        arguments that don't fit, missing rights and failures are answered, never raised. With
        the same `once` again, nothing is asked a second time."""

    async def complete(
        self,
        name: str,
        key: ThreadKey,
        caller: Caller,
        argument: str,
        typed: str,
        *,
        before: str = "",
    ) -> Sequence[Choice]:
        """Values for an argument that begin like, or contain, what was typed; at most 25.
        `before` is the line of the arguments that were given already."""


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

    async def files(self, key: ThreadKey) -> Sequence[WorkspaceFile]:
        """The files, the newest first; got and deleted by the command `files`."""


class ThreadList(Protocol):
    """Looking for threads."""

    async def recent(
        self,
        platform: str,
        workspace: str,
        *,
        channel: str | None = None,
        author_id: str | None = None,
        limit: int = 10,
    ) -> Sequence[ThreadSummary]:
        """The newest threads of a workspace first; of one channel, or with one person, if given."""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """What admins have set for a channel, and where they have not: the operator's default."""

    model: str
    effort: str | None
    memory_limit: str
    mode: str  # auto | explicit
    instructions: str
    followups: str  # all | smart | mentions
    budget_day_usd: float | None
    budget_month_usd: float | None
    users: tuple[str, ...]  # ids of those who may use the bot here; empty: everybody


class ChannelList(Protocol):
    """Looking at channels' settings; they are changed by the command `settings`."""

    async def settings(self, key: ThreadKey) -> ChannelSettings:
        """Of the channel in which the thread lies."""


class Leases(Protocol):
    """What only one worker at a time may do, where several share a database."""

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Wait until no other worker has the lease, and have it until the block ends.

        Raises:
            LeaseLost: in the block, when another worker may have it: it was given up by the
                others, or can't reach the database.
        """

    async def wait_for(self, name: str) -> None:
        """Wait until no other worker has the lease, and leave it where it is."""

    async def share(self, names: Sequence[str], work: Callable[[str], Awaitable[None]]) -> None:
        """Do the work of each name on one worker at a time, evenly divided, until cancelled. A
        dead worker's names are taken over; one that has too many gives some up to new workers.

        Raises:
            LeaseLost: another worker may have the names.
            Exception: whatever the work raises; all of it is ended then.
        """


@dataclass(frozen=True, slots=True)
class Services:
    """What the core offers an adapter."""

    inbox: Inbox
    orders: Orders
    commands: Commands
    blobs: Blobs
    workspaces: Workspaces
    threads: ThreadList
    channels: ChannelList
    leases: Leases
    # Called before each call to the chat: raises (a CancelledError) where what calls belongs to a
    # turn that is, or may be, another worker's by now.
    fence: Callable[[], None]
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
