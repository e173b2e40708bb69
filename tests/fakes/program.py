"""`threadlab` as a real process: started, talked to over HTTP, killed, started again."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
import sys
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

COMMAND = str(Path(sys.executable).parent / "threadlab")
START_SECONDS = 30
END_SECONDS = 30
ANSWER_SECONDS = 60
POLL_SECONDS = 0.03
LOG_SHOWN_CHARS = 6_000
_READY = re.compile(r"web page ready\s.*?url=(\S+)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

View = dict[str, Any]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """An environment in which nothing is set but what is given: no key, no token, no proxy."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **settings}


class Program:
    """`threadlab run` over one folder, on one port; it can be ended and started again.

    Arguments:
        folder: its working directory (so that no `.env` is picked up) and the place of its data.
        settings: variables of its environment.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        base = {"DATA_DIR": str(self.data_dir), "WEB_PORT": "0", "ENGINE_POOL_SIZE": "1"}
        self.settings = base | settings
        self.url = ""
        self._log = folder / "program.log"
        self._process: asyncio.subprocess.Process | None = None
        self._client: httpx.AsyncClient | None = None

    @property
    def log(self) -> str:
        """Everything that it wrote, over all its starts."""
        return _COLOURS.sub("", self._log.read_text(errors="replace"))

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def client(self) -> httpx.AsyncClient:
        """A client of the page."""
        assert self._client is not None
        return self._client

    @property
    def peak_mb(self) -> float:
        """The most memory it has had since it was started, without its kernels."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    async def start(self) -> None:
        """Start it, and wait until its page is served; a later start takes the same port."""
        starts = len(_READY.findall(self.log)) if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(COMMAND, "run"),
                cwd=self.folder,
                env=environment(self.folder, **self.settings),
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(START_SECONDS):
            while len(urls := _READY.findall(self.log)) == starts:
                assert self.alive, f"it ended at its start:\n{self.log}"
                await asyncio.sleep(POLL_SECONDS)
        self.url = urls[-1]
        self.settings["WEB_PORT"] = self.url.rpartition(":")[2]
        self._client = httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=60)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, and wait for its end and that of every process it had started.

        Returns:
            Its exit code; negative where a signal ended it.
        """
        assert self._process is not None
        assert self._client is not None
        await self._client.aclose()
        kernels = psutil.Process(self._process.pid).children(recursive=True)
        self._process.send_signal(number)
        code = await asyncio.wait_for(self._process.wait(), END_SECONDS)
        await _gone(kernels)
        return code

    async def create(self) -> str:
        """A new conversation's id."""
        return str((await self.client.post("/api/conversations")).json()["id"])

    async def upload(
        self, conversation: str, name: str, content: bytes | AsyncIterable[bytes]
    ) -> httpx.Response:
        """Send a file; without a length where the content is a stream."""
        return await self.client.post(
            f"/api/conversations/{conversation}/files", params={"name": name}, content=content
        )

    async def say(
        self, conversation: str, text: str, files: Mapping[str, bytes] | None = None
    ) -> None:
        """Upload the files, then send the message."""
        sent = [
            (await self.upload(conversation, name, content)).json()["id"]
            for name, content in (files or {}).items()
        ]
        body = {"client_id": secrets.token_hex(8), "text": text, "upload_ids": sent}
        answer = await self.client.post(f"/api/conversations/{conversation}/messages", json=body)
        assert answer.status_code == 202, answer.text

    async def messages(self, conversation: str) -> list[View]:
        """A conversation's messages, as a reloaded page shows them."""
        return list((await self._read(conversation))["messages"])

    async def workspace(self, conversation: str) -> View:
        """A conversation's container, as the chip in the header shows it."""
        return dict((await self._read(conversation))["workspace"])

    async def answer(self, conversation: str, number: int = 0) -> View:
        """The bot's answer of that number, from 0, once it is finished."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                answers = [m for m in await self.messages(conversation) if m["role"] == "bot"]
                if len(answers) > number and answers[number]["state"] == "done":
                    return answers[number]
                await asyncio.sleep(POLL_SECONDS)

    async def until_running(self, conversation: str) -> None:
        """Wait until code runs in the conversation."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while not any(
                run["state"] == "running"
                for message in await self.messages(conversation)
                for run in message.get("runs", [])
            ):
                await asyncio.sleep(POLL_SECONDS)

    async def ask(
        self, conversation: str, text: str, files: Mapping[str, bytes] | None = None
    ) -> View:
        """Send a message and wait for its finished answer."""
        before = [m for m in await self.messages(conversation) if m["role"] == "bot"]
        await self.say(conversation, text, files)
        return await self.answer(conversation, len(before))

    async def file(self, answer: View, name: str) -> bytes:
        """The content of a file that an answer delivered."""
        (url,) = (file["url"] for file in answer["files"] if file["name"] == name)
        return (await self.client.get(url)).content

    async def _read(self, conversation: str) -> View:
        answer = await self.client.get(f"/api/conversations/{conversation}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def _gone(processes: list[psutil.Process]) -> None:
    """Wait until processes have ended, whether or not somebody has asked for their exit codes."""
    try:
        async with asyncio.timeout(END_SECONDS):
            while any(map(_runs, processes)):
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        left = [process for process in processes if _runs(process)]
        for process in left:
            process.kill()
        raise AssertionError(f"processes were left behind: {left}") from None


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@asynccontextmanager
async def running(folder: Path, **settings: str) -> AsyncIterator[Program]:
    """The program, until the block ends; its log is shown with what goes wrong in the block."""
    program = Program(folder, **settings)
    try:
        await program.start()
        yield program
        if program.alive:
            assert await program.end() == 0
    except BaseException as error:
        error.add_note(f"The program's log:\n{program.log[-LOG_SHOWN_CHARS:]}")
        raise
    finally:
        if program.alive:
            await program.end(signal.SIGKILL)
