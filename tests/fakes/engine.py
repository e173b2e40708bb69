"""A planner that follows a script and a host of plain in-process kernels, for the engine's tests."""

from __future__ import annotations

import asyncio
import contextlib
import io
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from engine.kernel_port import Execution, Stop
from engine.planner.protocol import Lab, Question

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
    """Runs code with `exec`, in a thread; `/mnt/data` in the code is the folder. Code that calls
    `sleep(seconds)` can be interrupted."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._interrupted = asyncio.Event()
        self._names: dict[str, Any] = {}
        self.closed = False

    @property
    def data_dir(self) -> Path:
        """The folder."""
        return self._data_dir

    async def execute(self, code: str) -> Execution:
        """Run code; `wait_for_ever()` alone is only ended by an interrupt."""
        if code == "wait_for_ever()":
            await self._interrupted.wait()
            self._interrupted.clear()
            return Execution(logs="", stop=Stop.INTERRUPTED)
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

    def __init__(self) -> None:
        self.kernels: list[InProcessKernel] = []

    async def start(self) -> None:
        """Nothing to check."""

    async def acquire(self, memory_limit: str) -> InProcessKernel:
        """A kernel over a new folder."""
        return await self.revive(Path(tempfile.mkdtemp(prefix="kernel-")), memory_limit)

    async def revive(self, data_dir: Path, memory_limit: str) -> InProcessKernel:
        """A kernel over a folder that exists."""
        self.kernels.append(InProcessKernel(data_dir))
        return self.kernels[-1]

    async def close(self) -> None:
        """Close all kernels."""
        for kernel in self.kernels:
            await kernel.close()
