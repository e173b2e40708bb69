"""A planner that follows a script, and plain in-process kernels, for the tests of the engine."""

from __future__ import annotations

import asyncio
import contextlib
import io
import secrets
import shutil
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from engine.kernel_port import Execution, Stop
from engine.planner.protocol import Lab, Question
from engine.server import create_app
from engine.serving import listen
from engine.settings import EngineSettings
from tests.fakes.openai_spec import JudgingTransport

Script = Callable[[Question, Lab], Awaitable[None]]


async def echo(question: Question, lab: Lab) -> None:
    """Answer at once with the question."""
    await lab.say(f"You said: {question.text}")


class ScriptedPlanner:
    """Does what the test's script does, and remembers the questions."""

    def __init__(self, script: Script = echo) -> None:
        self.script = script
        self.questions: list[Question] = []

    async def answer(self, question: Question, lab: Lab) -> None:
        """Follow the script."""
        self.questions.append(question)
        await self.script(question, lab)


class InProcessKernel:
    """Runs code with `exec`, in a thread; `/mnt/data` in the code is the folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._interrupted = asyncio.Event()
        self.waits = asyncio.Event()  # set once an endless wait has begun
        self.rested = asyncio.Event()  # set once an endless wait was interrupted
        self._names: dict[str, Any] = {}
        self.closed = False

    @property
    def data_dir(self) -> Path:
        """The folder."""
        return self._data_dir

    async def execute(self, code: str) -> Execution:
        """Run code; that which is only `wait_for_ever()` ends by an interrupt."""
        if code == "wait_for_ever()":
            self.waits.set()
            await self._interrupted.wait()
            self._interrupted.clear()
            self.rested.set()
            return Execution(logs="begun\n", stop=Stop.INTERRUPTED)
        return await asyncio.to_thread(self._execute, code)

    async def interrupt(self) -> None:
        """End `wait_for_ever()`."""
        self._interrupted.set()

    async def close(self) -> None:
        """Nothing to end."""
        self.closed = True

    def _execute(self, code: str) -> Execution:
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                exec(code.replace("/mnt/data", str(self._data_dir)), self._names)
        except Exception as error:
            shown = traceback.format_exc(limit=0)
            text = f"{type(error).__name__}: {error}"
            return Execution(out.getvalue(), error=text, traceback=shown)
        return Execution(out.getvalue())


class InProcessHost:
    """Makes in-process kernels, each over a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.kernels: list[InProcessKernel] = []
        self.refusal: Exception | None = None  # raised instead of making a kernel
        self._folder = folder

    async def start(self) -> None:
        """Nothing to check."""

    async def acquire(self, memory_limit: str) -> InProcessKernel:
        """A kernel over a new folder."""
        data_dir = self._folder / secrets.token_hex(8)
        data_dir.mkdir(parents=True)
        return await self.revive(data_dir, memory_limit)

    async def revive(self, data_dir: Path, memory_limit: str) -> InProcessKernel:
        """A kernel over a folder that exists."""
        if self.refusal is not None:
            raise self.refusal
        self.kernels.append(InProcessKernel(data_dir))
        return self.kernels[-1]

    async def remove_others(self, data_dirs: Collection[Path]) -> None:
        """Remove the folders that are none of these."""
        for folder in set(self._folder.iterdir() if self._folder.exists() else ()) - set(data_dirs):
            shutil.rmtree(folder)

    async def close(self) -> None:
        """Close all kernels."""
        for kernel in self.kernels:
            await kernel.close()


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """A server on a loopback port, and a client of it that judges every answer."""

    client: AsyncOpenAI
    base_url: str
    planner: ScriptedPlanner
    hosts: InProcessHost


KEY = "test-key"


@asynccontextmanager
async def running_engine(
    data_dir: Path, script: Script = echo, settings: EngineSettings | None = None
) -> AsyncIterator[RunningEngine]:
    """Serve the engine over in-process kernels and a scripted planner."""
    settings = settings or EngineSettings(shutdown_seconds=1)
    planner, hosts = ScriptedPlanner(script), InProcessHost(data_dir / "kernels")
    app = create_app(settings, data_dir, hosts, planner, keys=(KEY,))
    async with listen(app, "127.0.0.1", 0, settings.shutdown_seconds) as port:
        base_url = f"http://127.0.0.1:{port}/v1"
        async with client_of(base_url, KEY) as client:
            yield RunningEngine(client, base_url, planner, hosts)


def client_of(base_url: str, key: str) -> AsyncOpenAI:
    """A client that holds all answers against the published document."""
    http = DefaultAsyncHttpxClient(transport=JudgingTransport())
    return AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, http_client=http)
