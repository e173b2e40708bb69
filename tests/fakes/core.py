"""A small core in memory: the services an adapter gets, and turns played from a script."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bot.commands.hello import CAPABILITIES, HELLO
from bot.domain import (
    Answer,
    Author,
    Blob,
    Caller,
    ContainerState,
    IncomingMessage,
    Order,
    Progress,
    RunState,
    ThreadKey,
    ThreadSummary,
    WorkspaceFile,
    WorkspaceView,
)
from bot.errors import BlobMissing, TooLarge
from bot.leases import SoleLeases
from bot.ports import (
    AdapterPlugin,
    Argument,
    ChannelSettings,
    ChatPlatform,
    Choice,
    CommandResult,
    CommandSpec,
    Place,
    Services,
)
from bot.store.database import open_database, upgrade

Script = Callable[["FakeCore", IncomingMessage], AsyncIterator[Progress | Answer]]

SPECS = (
    CommandSpec("help", "what I can do", place=Place.ANYWHERE),
    CommandSpec("status", "the container and its files"),
    CommandSpec("stop", "end the running answer"),
    CommandSpec("retry", "ask the last question again"),
    CommandSpec(
        "reset", "a fresh container", (Argument("what", "what goes", choices=("everything",)),)
    ),
    CommandSpec(
        "memory",
        "the memory tier",
        (Argument("tier", "how much", required=True, choices=("1g", "4g", "16g", "64g")),),
    ),
    CommandSpec(
        "files",
        "what is in the workspace",
        (
            Argument("action", "what to do", choices=("get", "delete", "zip")),
            Argument("name", "which file", completes=True),
        ),
    ),
    CommandSpec("code", "the code of an answer"),
    CommandSpec("notebook", "the thread as a notebook"),
    CommandSpec("usage", "what was used", place=Place.ANYWHERE),
    CommandSpec(
        "settings",
        "of this channel",
        (Argument("name", "which"), Argument("value", "its new value")),
        place=Place.ANYWHERE,
        admin=True,
    ),
    CommandSpec("model", "the model that answers", (Argument("name", "which", completes=True),)),
    CommandSpec(
        "effort",
        "how long the model thinks",
        (Argument("level", "how long", choices=("minimal", "low", "medium", "high")),),
    ),
    CommandSpec(
        "mode",
        "who makes the container",
        (Argument("who", "who does", choices=("auto", "explicit")),),
    ),
    CommandSpec(
        "forget", "erase the thread", (Argument("sure", "yes, for good", choices=("yes",)),)
    ),
    CommandSpec(
        "feedback",
        "what a person thinks of an answer",
        (
            Argument("answer", "which answer", required=True),
            Argument("verdict", "good or bad", required=True, choices=("good", "bad")),
        ),
        listed=False,
    ),
)


class FakeBlobs:
    """Blobs in a folder, one folder per thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: ThreadKey, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> Blob:
        """Store a stream; TooLarge past the limit."""
        content = bytearray()
        async for chunk in chunks:
            content += chunk
            if len(content) > limit_bytes:
                raise TooLarge(limit_bytes)
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(key, sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return Blob(sha256, len(content))

    async def open(self, key: ThreadKey, sha256: str) -> AsyncIterator[bytes]:
        """The bytes; BlobMissing where this thread has none of that name."""
        path = self._path(key, sha256)
        if not sha256 or not path.is_file():
            raise BlobMissing("no such blob")
        yield path.read_bytes()

    def _path(self, key: ThreadKey, sha256: str) -> Path:
        return self._folder / hashlib.sha256(str(key).encode()).hexdigest() / sha256


class FakeOrders:
    """Follows each order once, as the real ones do, also where two cores share a folder."""

    def __init__(self, core: FakeCore, folder: Path) -> None:
        self._core = core
        self._folder = folder
        self.given: list[Order] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, order: Order) -> bool:
        """Carry the command out and have the platform say what it came to."""
        self._folder.mkdir(exist_ok=True)
        name = hashlib.sha256(f"{order.key}/{order.id}".encode()).hexdigest()
        try:
            (self._folder / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        self.given.append(order)
        task = asyncio.create_task(self._follow(order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _follow(self, order: Order) -> None:
        result = await self._core.run(order.command, order.key, order.caller, order.arguments)
        await self._core.platform.answer(order, result, again=False)


class FakeCore:
    """Records what an adapter hands in and answers it with `script`, as the real turn does.

    The blobs are in `folder`, and the database where DATABASE_URL does not say otherwise, so a
    second core on it is a restart.
    """

    def __init__(
        self,
        folder: Path,
        script: Script,
        environ: Mapping[str, str],
        attachment_limit_bytes: int = 1_000_000,
    ) -> None:
        self.script = script
        self.accepted: list[IncomingMessage] = []
        self.commands: list[tuple[str, ThreadKey]] = []
        self.calls: list[tuple[str, ThreadKey, Caller, str]] = []
        self.results: dict[str, CommandResult] = {}
        self.in_workspace: list[WorkspaceFile] = []
        self.completed_after = ""  # the arguments before the one that was completed last
        self.choices: dict[str, list[Choice]] = {}  # by command, where a test has set them
        self.revised: list[tuple[ThreadKey, str, str]] = []
        self.withdrawn: list[tuple[ThreadKey, str]] = []
        self.channel = ChannelSettings(
            model="gpt-5",
            effort=None,
            memory_limit="1g",
            mode="auto",
            instructions="",
            followups="smart",
            budget_day_usd=None,
            budget_month_usd=None,
            users=(),
        )
        self.workspace = WorkspaceView(ContainerState.NONE)
        self.blobs = FakeBlobs(folder / "blobs")
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._locks: dict[ThreadKey, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._platform: ChatPlatform | None = None
        self.attempts = 0
        self.refused: dict[str, str] = {}  # why, by the names of people
        self.answers = True  # False: messages are taken and signed for, no turn begins
        self.orders = FakeOrders(self, folder / "orders")
        self.services = Services(
            inbox=self,
            orders=self.orders,
            commands=self,
            blobs=self.blobs,
            workspaces=self,
            threads=self,
            channels=self,
            leases=SoleLeases(),
            fence=lambda: None,
            database=open_database(
                os.environ.get("DATABASE_URL") or folder / "test.db", timeout_seconds=5
            ),
            environ=environ,
            attachment_limit_bytes=attachment_limit_bytes,
            engine_note="Offline planner: no language model is configured.",
        )

    async def attach(self, plugin: AdapterPlugin) -> ChatPlatform:
        """Bring the plugin's tables up to date and build its platform."""
        if plugin.migrations is not None:
            await upgrade(self.services.database, name=plugin.name, migrations=plugin.migrations)
        self._platform = plugin.build(self.services)
        return self._platform

    @property
    def platform(self) -> ChatPlatform:
        """The platform that is attached."""
        assert self._platform is not None
        return self._platform

    async def close(self) -> None:
        """End the turns without an answer, as a stopping process does."""
        for task in list(self._turns.values()):
            task.cancel()
        await asyncio.gather(*self._turns.values(), return_exceptions=True)
        await self.services.database.dispose()

    async def accept(self, message: IncomingMessage) -> bool:
        """Inbox: note the message and start its turn."""
        if any((message.key, message.id) == (known.key, known.id) for known in self.accepted):
            return False
        self.accepted.append(message)
        assert self._platform is not None
        await self._platform.acknowledge(message)
        if self.answers:
            self.start_turn(message, f"turn-{message.id}")
        return True

    async def revise(self, key: ThreadKey, message_id: str, text: str) -> bool:
        """Inbox: note the edit."""
        self.revised.append((key, message_id, text))
        return True

    async def withdraw(self, key: ThreadKey, message_id: str) -> bool:
        """Inbox: note the deletion."""
        self.withdrawn.append((key, message_id))
        return True

    async def recent(
        self,
        platform: str,
        workspace: str,
        *,
        channel: str | None = None,
        author_id: str | None = None,
        limit: int = 10,
    ) -> Sequence[ThreadSummary]:
        """Threads: those of the accepted messages, newest first."""
        newest: dict[ThreadKey, ThreadSummary] = {}
        for message in self.accepted:
            key = message.key
            wanted = (key.platform, key.workspace) == (platform, workspace)
            if not wanted or (channel is not None and key.channel != channel):
                continue
            if author_id is None or message.author.id == author_id:
                first = newest.pop(key, None)
                title = first.title if first else message.text
                busy = any(turn.startswith(f"turn-{message.id}") for turn in self._turns)
                newest[key] = ThreadSummary(
                    key, title, message.sent_at, message.id, self.workspace, busy
                )
        return list(newest.values())[: -limit - 1 : -1]

    async def settings(self, key: ThreadKey) -> ChannelSettings:
        """Channels: what the test has set."""
        del key
        return self.channel

    @property
    def specs(self) -> Sequence[CommandSpec]:
        """Commands: those that this core knows."""
        return SPECS

    def parse(self, text: str) -> tuple[str, str] | None:
        """Commands: a message that is nothing but a command's name."""
        name, _, rest = text.strip().partition(" ")
        return (name, rest) if name in {spec.name for spec in SPECS} else None

    async def refusal(self, key: ThreadKey, author: Author) -> str | None:
        """Commands: what the test has set."""
        del key
        return self.refused.get(author.name)

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
        """Commands: what the test has set, else two values that contain what was typed."""
        del key, caller, argument
        self.completed_after = before
        if name in self.choices:
            return [choice for choice in self.choices[name] if typed in choice.label]
        return [Choice(f"{typed}-1", f"{typed} one"), Choice(f"{typed}-2", f"{typed} two")]

    async def run(
        self, name: str, key: ThreadKey, caller: Caller, arguments: str = "", *, once: str = ""
    ) -> CommandResult:
        """Commands: stop, retry, reset; others as the test has set in `results`."""
        del once
        self.commands.append((name, key))
        self.calls.append((name, key, caller, arguments))
        if refused := await self.refusal(key, caller.author):
            return CommandResult(refused, ok=False)
        if name in self.results:
            return self.results[name]
        if name == HELLO:
            return CommandResult(CAPABILITIES, public=True)
        asked = [message for message in self.accepted if message.key == key]
        if name == "stop":
            running = [turn for turn in self._turns if turn.startswith(f"turn-{asked[-1].id}")]
            for turn in running:
                self._turns[turn].cancel()
            return CommandResult("")
        if name == "retry":
            self.attempts += 1
            self.start_turn(asked[-1], f"turn-{asked[-1].id}-{self.attempts}")
            return CommandResult("")
        if name == "forget" and arguments == "yes":
            self.accepted = [message for message in self.accepted if message.key != key]
            assert self._platform is not None
            await self._platform.forget(key)
            return CommandResult("The thread is **erased**.")
        if name == "reset":
            self.workspace = WorkspaceView(ContainerState.NONE)
            return CommandResult("The lab was **reset**.")
        return CommandResult(f"There is no command {name}.", ok=False)

    async def view(self, key: ThreadKey) -> WorkspaceView:
        """Workspaces: what the test has set."""
        del key
        return self.workspace

    async def files(self, key: ThreadKey) -> Sequence[WorkspaceFile]:
        """Workspaces: what the test has set."""
        del key
        return self.in_workspace

    def start_turn(self, message: IncomingMessage, turn_id: str) -> None:
        """Play the script for a message."""
        task = asyncio.create_task(self._turn(message, turn_id))
        self._turns[turn_id] = task
        task.add_done_callback(lambda _: self._turns.pop(turn_id, None))

    async def _turn(self, message: IncomingMessage, turn_id: str) -> None:
        assert self._platform is not None
        async with self._locks[message.key]:
            reply = await self._platform.open_reply(
                message.key, turn_id=turn_id, message_id=message.id, ref=None
            )
            shown = Progress()
            try:
                async for item in self.script(self, message):
                    if isinstance(item, Progress):
                        shown = item
                        reply.show(item)
                        continue
                    for post in reply.plan(item):
                        await reply.send(post)
            except asyncio.CancelledError:
                if not any(name == "stop" for name, _ in self.commands):
                    raise
                runs = tuple(replace(run, state=RunState.STOPPED) for run in shown.runs)
                stopped = Answer(turn_id, shown.text, runs, notes=("Stopped.",))
                for post in reply.plan(stopped):
                    await reply.send(post)
            finally:
                await reply.close()
