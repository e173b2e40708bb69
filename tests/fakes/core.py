"""A small core in memory: the services an adapter gets, and turns played from a script."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bot.domain import (
    Answer,
    Author,
    Blob,
    ContainerState,
    IncomingMessage,
    Progress,
    RunState,
    ThreadKey,
    WorkspaceView,
)
from bot.errors import BlobMissing, TooLarge
from bot.ports import AdapterPlugin, ChatPlatform, CommandResult, Services
from bot.store.database import open_database, upgrade

Script = Callable[["FakeCore", IncomingMessage], AsyncIterator[Progress | Answer]]


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


class FakeCore:
    """Records what an adapter hands in and answers it with `script`, as the real turn does.

    The database and the blobs are in `folder`, so a second core on it is a restart.
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
        self.workspace = WorkspaceView(ContainerState.NONE)
        self.blobs = FakeBlobs(folder / "blobs")
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._locks: dict[ThreadKey, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._platform: ChatPlatform | None = None
        self.attempts = 0
        self.answers = True  # False: messages are taken and signed for, no turn begins
        self.services = Services(
            inbox=self,
            commands=self,
            blobs=self.blobs,
            workspaces=self,
            database=open_database(folder / "test.db", timeout_seconds=5),
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

    async def run(
        self, name: str, key: ThreadKey, author: Author, arguments: str = ""
    ) -> CommandResult:
        """Commands: stop, retry, reset."""
        del author, arguments
        self.commands.append((name, key))
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
        if name == "reset":
            self.workspace = WorkspaceView(ContainerState.NONE)
            return CommandResult("The lab was **reset**.")
        return CommandResult(f"There is no command {name}.", ok=False)

    async def view(self, key: ThreadKey) -> WorkspaceView:
        """Workspaces: what the test has set."""
        del key
        return self.workspace

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
