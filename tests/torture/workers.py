"""`threadlab run` as processes that are killed, paused and started again, and their log."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from pathlib import Path

from tests.fakes.program import COMMAND, environment

END_SECONDS = 40
_TOLD = re.compile(r"\[info\s*\] (accepted|revised|withdrawn)\s.*?\bmessage=(\S+)(.*)")
_MISFORTUNE = re.compile(r"\[(?:error|critical)\s*\] (.*)")


class Log:
    """What the program said about messages, read as it is written."""

    def __init__(self, folder: Path) -> None:
        self.accepted: dict[str, float] = {}
        self.changed: dict[str, float] = {}
        self.errors: list[str] = []
        self._folder = folder
        self._read: dict[Path, int] = {}

    async def follow(self, every_seconds: float = 0.05) -> None:
        """Read what is new, until cancelled."""
        while True:
            self.read()
            await asyncio.sleep(every_seconds)

    def read(self) -> None:
        """Read what is new."""
        for path in self._folder.glob("*.log"):
            with path.open("rb") as log:
                log.seek(self._read.get(path, 0))
                new = log.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            for line in whole.decode(errors="replace").splitlines():
                self._note(line)

    def _note(self, line: str) -> None:
        if told := _TOLD.search(line):
            word, message, rest = told.groups()
            if word == "accepted":
                self.accepted.setdefault(message, time.monotonic())
            elif "waiting=True" in rest:
                self.changed[message] = time.monotonic()
        elif met := _MISFORTUNE.search(line):
            self.errors.append(met[1])


class TortureWorker:
    """One process of the program.

    Arguments:
        folder: its working directory; its log lies in `log_folder` under its name.
        settings: variables of its environment.
    """

    def __init__(self, folder: Path, log_folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.settings = settings
        self.kills = 0
        self.asked_to_end = False
        self.stopped = False
        self._log = log_folder / f"{folder.name}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it over its data."""
        self.folder.mkdir(exist_ok=True)
        self.asked_to_end = False
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(COMMAND, "run"),
                cwd=self.folder,
                env=environment(self.folder, **self.settings),
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill it at once; `ended` comes later."""
        if self.alive and not self.stopped:
            assert self._process is not None
            self._process.kill()
            self.kills += 1

    def terminate(self) -> None:
        """Ask it to end; `ended` comes later."""
        if self.alive and not self.stopped:
            assert self._process is not None
            self.asked_to_end = True
            self._process.terminate()

    async def ended(self) -> int:
        """Wait for its end; its exit code."""
        assert self._process is not None
        async with asyncio.timeout(END_SECONDS):
            return await self._process.wait()

    async def pause(self, seconds: float) -> None:
        """Stop it for a while."""
        if not self.alive or self.stopped:
            return
        assert self._process is not None
        self.stopped = True
        self._process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.stopped = False
            if self.alive:
                self._process.send_signal(signal.SIGCONT)

    async def end(self) -> int:
        """Ask it to end, and wait."""
        self.terminate()
        return await self.ended()
