"""More questions than a worker runs at once: shared among workers, fair, bounded."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fakes.discord import FakeDiscord, Message
from tests.fakes.responses_api import FakeResponsesApi, Say, Wait
from tests.fakes.workers import Worker, crew

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def question(body: dict[str, Any]) -> str:
    return str(body["input"][-1]["content"][0]["text"])


async def fetched(address: str, query: str) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(address) as db:
        return await (await db.execute(query)).fetchall()


def named(worker: Worker) -> str:
    return str(re.findall(r"worker joined\s+worker=(\S+)", worker.log)[-1])


async def test_a_backlog_outlives_a_worker(
    api: FakeResponsesApi, tmp_path: Path, postgres_url: str
) -> None:
    """What waits at one worker, and was begun by another that died, does not take up its room."""
    gates: dict[str, asyncio.Event] = {}

    def script(body: dict[str, Any]) -> list[Any]:
        return [Wait(gates.setdefault(question(body), asyncio.Event())), Say(question(body))]

    api.script = script
    settings = {"TURNS_AT_ONCE": "2", "SWEEP_SECONDS": "1", "ENGINE_REQUESTS_PER_MINUTE": "0"}
    address = {"DATABASE_URL": postgres_url, "OPENAI_BASE_URL": api.base_url}
    async with crew(tmp_path, 2, **settings, **address) as found:
        for number in range(12):
            found.say(f"t{number}", f"q{number}")
        async with asyncio.timeout(20):
            while len(gates) < 4:
                await asyncio.sleep(0.05)
        await asyncio.sleep(3)  # both have swept what waits
        running = "SELECT thread FROM turns WHERE worker = '{}' AND state = 'running'"
        doomed = found.workers[1]
        for (thread,) in await fetched(postgres_url, running.format(named(doomed))):
            gates["q" + thread.rpartition("/t")[2]].set()
        await asyncio.sleep(2)  # it goes on with others, which wait at the first one too
        doomed.send(signal.SIGKILL)
        async with asyncio.timeout(60):
            while len(found.posts()) < 12:
                for gate in list(gates.values()):
                    gate.set()
                await asyncio.sleep(0.1)

        assert sorted(post["text"] for post in found.posts()) == sorted(
            f"q{number}" for number in range(12)
        )


async def test_a_noisy_channel(api: FakeResponsesApi, tmp_path: Path, postgres_url: str) -> None:
    """However many questions wait, a quiet channel's comes soon, and those beyond the bound hear
    that there are too many."""
    asked: list[str] = []

    def script(body: dict[str, Any]) -> list[Any]:
        asked.append(question(body))
        return [Say(question(body))]

    api.script = script
    settings = {
        "TURNS_AT_ONCE": "4",
        "ENGINE_REQUESTS_PER_MINUTE": "30",
        "ENGINE_BURST": "1",
        "ENGINE_WAITING_MAX": "10",
    }
    address = {"DATABASE_URL": postgres_url, "OPENAI_BASE_URL": api.base_url}
    async with crew(tmp_path, 1, **settings, **address) as found:
        for number in range(40):
            found.say(f"noisy-{number}", f"noisy {number}", channel="noisy")
        async with asyncio.timeout(30):
            while sum(post["failed"] for post in found.posts()) < 5:
                await asyncio.sleep(0.1)
        waiting = len(asked)
        found.say("quiet", "quiet", channel="quiet")
        async with asyncio.timeout(60):
            while "quiet" not in asked and len(asked) < 30:
                await asyncio.sleep(0.05)

    assert "quiet" in asked
    assert asked.index("quiet") - waiting < 6


async def test_a_worker_that_wakes_up(
    api: FakeResponsesApi, tmp_path: Path, postgres_url: str
) -> None:
    """A worker that was paused while an answer grew, and is back after another has given it,
    changes nothing of it."""
    words = "".join(f"word{number} " for number in range(120))
    api.script = lambda body: [Say(f"{words}THE END", seconds=10)]
    async with FakeDiscord(rate_scale=0.1) as discord:
        environ = {
            "DATABASE_URL": postgres_url,
            "OPENAI_BASE_URL": api.base_url,
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_URL": discord.api_url,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
            "SWEEP_SECONDS": "1",
        }
        async with crew(tmp_path, 2, **environ) as found:
            await discord.gateway.connected(timeout_seconds=20)
            await discord.person("Ann").say(discord.channel("general"), "hello?", mention=True)
            await said(discord, "word5")
            [(holder,)] = await fetched(postgres_url, "SELECT worker FROM turns")
            paused = next(worker for worker in found.workers if holder in worker.log)
            paused.send(signal.SIGSTOP)
            finished = await said(discord, "THE END")
            paused.send(signal.SIGCONT)
            async with asyncio.timeout(20):
                while "joining again" not in paused.log:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(2)  # time to do harm

            assert finished.content.endswith("THE END")
            assert "Stop" not in [button.get("label") for button in finished.buttons]


async def said(discord: FakeDiscord, words: str) -> Message:
    """The bot's message with these words, when it is there."""
    async with asyncio.timeout(60):
        while True:
            for channel in discord.world.channels.values():
                for message in channel.public():
                    if message.author is discord.world.bot and words in message.content:
                        return message
            await asyncio.sleep(0.05)
