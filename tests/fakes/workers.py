"""Several `threadlab run` on one database, as processes that are paused and killed."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.fakes.log_chat import FOLDER, Book
from tests.fakes.program import COMMAND, environment

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
END_SECONDS = 30
ANSWER_SECONDS = 60
POLL_SECONDS = 0.02
LOG_SHOWN_CHARS = 4_000
JOINED = "worker joined"


class Worker:
    """One process."""

    def __init__(self, folder: Path, number: int, settings: dict[str, str]) -> None:
        self._folder = folder
        self._log = folder / f"worker{number}.log"
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        """Everything that it wrote."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process of its newest start."""
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        """Start it, and wait until it is one of the workers."""
        joined = self.log.count(JOINED)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(COMMAND, "run"),
                cwd=self._folder,
                env=environment(self._folder, **self._settings),
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(START_SECONDS):
            while self.log.count(JOINED) == joined:
                assert self.process.returncode is None, self.log
                await asyncio.sleep(POLL_SECONDS)

    def send(self, number: signal.Signals) -> None:
        """Signal it."""
        self.process.send_signal(number)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, and wait for its end; its exit code."""
        if self.process.returncode is None:
            self.send(number)
        async with asyncio.timeout(END_SECONDS):
            return await self.process.wait()


class Crew:
    """All workers, what people tell them, and what they did."""

    def __init__(self, folder: Path, workers: Sequence[Worker]) -> None:
        self.workers = workers
        self._messages, self._effects = Book(folder / "messages"), Book(folder / "effects")
        self._count = 0

    def say(self, thread: str, text: str, author: str = "ann", channel: str = "c") -> str:
        """Somebody writes; the message's id."""
        self._count += 1
        message = f"m{self._count}"
        self._messages.write(id=message, channel=channel, thread=thread, text=text, author=author)
        return message

    def posts(self, thread: str | None = None) -> list[dict[str, Any]]:
        """What was posted, oldest first."""
        lines = [line for line in self._effects.read() if line["effect"] == "post"]
        return [line for line in lines if thread in (None, line["thread"])]

    async def answered(self, count: int) -> list[dict[str, Any]]:
        """The posts, once there are so many."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(posts := self.posts()) < count:
                await asyncio.sleep(POLL_SECONDS)
        return posts

    async def leased(self, count: int) -> None:
        """Wait until the lease that each worker asks for was granted so often."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while sum(line["effect"] == "lease" for line in self._effects.read()) < count:
                await asyncio.sleep(POLL_SECONDS)

    def working(self) -> Counter[int]:
        """How many posts each process made."""
        return Counter(line["pid"] for line in self.posts())


@asynccontextmanager
async def crew(folder: Path, count: int, **settings: str) -> AsyncIterator[Crew]:
    """Workers, until the block ends; their logs are shown with what goes wrong in it."""
    chat = folder / "chat"
    chat.mkdir()
    _install(folder / "plugins")
    base = {
        "PYTHONPATH": f"{ROOT}:{folder / 'plugins'}",
        "DATA_DIR": str(folder / "data"),
        FOLDER: str(chat),
        "WORKER_HEARTBEAT_SECONDS": "0.5",
        "WORKER_DEAD_SECONDS": "3",
        "OPENAI_API_KEY": "sk-test",
    }
    workers = [Worker(folder, number, base | settings) for number in range(count)]
    found = Crew(chat, workers)
    async with AsyncExitStack() as stack:
        try:
            await asyncio.gather(*(worker.start() for worker in workers))
            for worker in workers:
                stack.push_async_callback(worker.end, signal.SIGKILL)
            yield found
        except BaseException as error:
            for worker in workers:
                error.add_note(f"A worker's log:\n{worker.log[-LOG_SHOWN_CHARS:]}")
            raise


def _install(folder: Path) -> None:
    """Have the chat found by its entry point, as a package's would be."""
    info = folder / "log_chat-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: log-chat\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[threadlab.adapters]\nlog = tests.fakes.log_chat:plugin\n"
    )
