"""A lab without a server: code runs in this process, `/mnt/data` is a folder of the test's."""

from __future__ import annotations

import contextlib
import io
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.kernel_port import Kernel
from engine.lab import run_result
from engine.planner.protocol import LabFile, RunResult
from engine.settings import EngineSettings
from engine.verdict import verdict


class FolderLab:
    """Runs code with `exec`, `/mnt/data` replaced by `folder`; keeps what was said and run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.codes: list[str] = []
        self.logs: list[str] = []
        self._uploads: list[str] = []
        self._variables: dict[str, Any] = {"__name__": "__main__"}

    @property
    def answer(self) -> str:
        """All that was said."""
        return "".join(self.said)

    def upload(self, name: str, content: bytes) -> str:
        """Put a person's file there; returns its path in the container."""
        (self.folder / name).write_bytes(content)
        self._uploads.append(name)
        return f"/mnt/data/{name}"

    def made(self, name: str) -> Path:
        """A file that code made, on this machine."""
        return self.folder / name

    def variable(self, name: str) -> Any:
        """A variable that code left behind."""
        return self._variables[name]

    async def files(self) -> Sequence[LabFile]:
        """All files, oldest first."""
        found = sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return [
            LabFile(
                id=f"cfile_{path.name}",
                path=f"/mnt/data/{path.name}",
                size_bytes=path.stat().st_size,
                source="user" if path.name in self._uploads else "assistant",
            )
            for path in found
        ]

    async def run(self, code: str) -> RunResult:
        """Run code; an exception is part of the result."""
        self._end_message()
        self.codes.append(code)
        output = io.StringIO()
        error, trace = None, ""
        local = code.replace("/mnt/data", str(self.folder))
        with contextlib.redirect_stdout(output):
            try:
                exec(compile(local, "<cell>", "exec"), self._variables)
            except Exception as exception:
                error, trace = f"{type(exception).__name__}: {exception}", traceback.format_exc()
        logs = output.getvalue().replace(str(self.folder), "/mnt/data")
        self.logs.append(logs)
        return RunResult(logs=logs, error=error, traceback=trace)

    async def say(self, text: str) -> None:
        """Keep the text."""
        self.said.append(text)

    def _end_message(self) -> None:
        """What is said after a run is a message of its own, as in a response."""
        if self.said and self.said[-1] != "\n\n":
            self.said.append("\n\n")


class KernelLab(FolderLab):
    """The same over a real kernel and its folder."""

    def __init__(
        self, kernel: Kernel, settings: EngineSettings | None = None, memory_limit: str = "1g"
    ) -> None:
        super().__init__(kernel.data_dir)
        self._kernel = kernel
        self._settings = settings or EngineSettings()
        self._memory_limit = memory_limit

    async def run(self, code: str) -> RunResult:
        """Run code in the kernel."""
        self._end_message()
        self.codes.append(code)
        done = await self._kernel.execute(code)
        self.logs.append(done.logs)
        return run_result(done, verdict(done, self._settings, self._memory_limit))
