"""`threadlab run` as a process, on a loopback Discord; it can be ended and started again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil

from tests.fakes.discord import Channel, FakeDiscord, Message
from tests.fakes.program import COMMAND, END_SECONDS, START_SECONDS, environment

ANSWER_SECONDS = 60
EMBEDDED = {"ENGINE": "embedded"}
WORKING = "⏳"


@asynccontextmanager
async def program(
    folder: Path, discord: FakeDiscord, others: Mapping[str, str] = EMBEDDED
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot as a process, with nothing set but what Discord takes, and these other variables."""
    settings = {
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.api_url,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
        **others,
    }
    with (folder / "program.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, "run"),
            cwd=folder,
            env=environment(folder, **settings),
            stdout=log,
            stderr=log,
        )
    kernels: list[psutil.Process] = []
    try:
        await discord.gateway.connected(timeout_seconds=START_SECONDS)
        yield process
        kernels = psutil.Process(process.pid).children(recursive=True) if _alive(process) else []
        if _alive(process):
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(END_SECONDS):
                assert await process.wait() == 0
    except BaseException as error:
        error.add_note((folder / "program.log").read_text(errors="replace")[-6000:])
        raise
    finally:
        if _alive(process):
            process.kill()
            await process.wait()
        for kernel in kernels:
            if kernel.is_running() and kernel.status() != psutil.STATUS_ZOMBIE:
                kernel.kill()


def _alive(process: asyncio.subprocess.Process) -> bool:
    return process.returncode is None


class Running:
    """The program on a Discord that outlives it."""

    def __init__(self, folder: Path, discord: FakeDiscord, **others: str) -> None:
        self._folder = folder
        self._others = EMBEDDED | others
        self._stack = AsyncExitStack()
        self.discord = discord

    async def start(self) -> None:
        """Start it, and wait until it is connected."""
        bot = program(self._folder, self.discord, self._others)
        await self._stack.enter_async_context(bot)

    async def end(self) -> None:
        """Ask it to end, and wait for that."""
        await self._stack.aclose()

    async def answers(self, place: Channel, count: int = 1) -> list[Message]:
        """What the bot said there, once it is so much and nothing is worked on."""

        def finished() -> list[Message]:
            said = self.discord.bot_messages(place)
            working = any(WORKING in message.content for message in said)
            return [] if working or len(said) < count else said

        return list(await self.discord.until(finished, ANSWER_SECONDS))

    async def answer_to(self, asked: Message) -> Message:
        """The first answer to a question, in the thread that is opened for it."""
        thread = await self.discord.until(lambda: asked.thread, ANSWER_SECONDS)
        return (await self.answers(thread))[0]
