"""Two `threadlab run` that divide Discord's shards: one of them dies, and comes back."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fakes.discord import FakeDiscord, Message
from tests.fakes.discord.records import Guild
from tests.fakes.responses_api import FakeResponsesApi, Say
from tests.fakes.workers import Worker

pytestmark = pytest.mark.slow

SHARDS = 4
SECONDS = 60
DIVIDING = {
    "DISCORD_SHARDS": str(SHARDS),
    "WORKER_HEARTBEAT_SECONDS": "0.5",
    "WORKER_DEAD_SECONDS": "3",
    "WORKER_REBALANCE_SECONDS": "2",
}


def question(body: dict[str, Any]) -> str:
    return str(body["input"][-1]["content"][0]["text"])


@pytest.fixture
async def discord() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(rate_limits=False, shards=SHARDS) as made:
        yield made


@pytest.fixture
def guilds(discord: FakeDiscord) -> list[Guild]:
    """One server in each shard."""
    found: dict[int, Guild] = {}
    while len(found) < SHARDS:
        guild = discord.add_guild(f"Lab {len(found)}")
        found.setdefault((guild.id >> 22) % SHARDS, guild)
    return [found[shard] for shard in range(SHARDS)]


@pytest.fixture
def base(
    discord: FakeDiscord, api: FakeResponsesApi, tmp_path: Path, postgres_url: str
) -> dict[str, str]:
    """The settings that all workers have."""
    return {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": postgres_url,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": api.base_url,
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.api_url,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
    }


async def divided(address: str) -> list[int]:
    """How many shards each worker has, the most first."""
    query = "SELECT worker FROM leases WHERE name LIKE 'discord shard %'"
    async with await psycopg.AsyncConnection.connect(address) as db:
        rows = await (await db.execute(query)).fetchall()
    return sorted(Counter(worker for (worker,) in rows).values(), reverse=True)


async def until_divided(address: str, *wanted: int) -> None:
    async with asyncio.timeout(SECONDS):
        while await divided(address) != list(wanted):
            await asyncio.sleep(0.05)


async def ask_everywhere(discord: FakeDiscord, guilds: list[Guild], text: str) -> list[Message]:
    asked = []
    for guild in guilds:
        ann = discord.person("Ann", guild=guild)
        asked.append(await ann.say(discord.channel("general", guild), text, mention=True))
    return asked


async def answered(discord: FakeDiscord, asked: Message) -> list[str]:
    """What the bot said to a question, once it shows no more work."""
    thread = await discord.until(lambda: asked.thread, SECONDS)

    def finished() -> list[str]:
        said = [message.content for message in discord.bot_messages(thread)]
        return said if said and not any("⏳" in text for text in said) else []

    found: list[str] = await discord.until(finished, SECONDS)
    return found


async def test_are_divided_and_taken_over(
    discord: FakeDiscord,
    guilds: list[Guild],
    api: FakeResponsesApi,
    base: dict[str, str],
    tmp_path: Path,
    postgres_url: str,
) -> None:
    """Two workers have two of four shards each; one that is killed leaves its own to the other, and
    gets its part again when it is back. No shard has two sessions, no question two answers."""
    api.script = lambda body: [Say(f"You said: {question(body)}")]
    settings = base | DIVIDING
    one, two = (Worker(tmp_path, number, settings) for number in range(2))
    discord.gateway.identifying.span_seconds = 4.8  # the wire has its own delays
    try:
        await asyncio.gather(one.start(), two.start())
        await until_divided(postgres_url, 2, 2)
        await discord.until(lambda: len(discord.gateway.live()) == SHARDS, SECONDS)
        first = await ask_everywhere(discord, guilds, "one")
        answers = [await answered(discord, each) for each in first]
        begun = discord.gateway.identifies

        await one.end(signal.SIGKILL)
        missed = await ask_everywhere(discord, guilds, "two")
        await until_divided(postgres_url, 4)
        answers += [await answered(discord, each) for each in missed]
        taken_over = discord.gateway.identifies - begun

        await one.start()
        await until_divided(postgres_url, 2, 2)
        last = await ask_everywhere(discord, guilds, "three")
        answers += [await answered(discord, each) for each in last]
        await discord.until(lambda: len(discord.gateway.live()) == SHARDS, SECONDS)
        codes = [await worker.end() for worker in (one, two)]
    except BaseException as error:
        for worker in (one, two):
            error.add_note(f"A worker's log:\n{worker.log[-6000:]}")
            await worker.end(signal.SIGKILL)
        raise

    said = ["one"] * SHARDS + ["two"] * SHARDS + ["three"] * SHARDS
    assert answers == [[f"You said: {text}"] for text in said]
    assert taken_over == 2
    assert discord.gateway.identifying.doubled == []
    assert discord.violations == []
    assert codes == [0, 0]


async def test_of_a_paused_worker_are_taken_over(
    discord: FakeDiscord,
    guilds: list[Guild],
    api: FakeResponsesApi,
    base: dict[str, str],
    tmp_path: Path,
    postgres_url: str,
) -> None:
    """A worker that is paused loses its shards to the other; awake again it answers nothing that
    it was told meanwhile, and has its part of the shards."""
    api.script = lambda body: [Say(f"You said: {question(body)}")]
    settings = base | DIVIDING
    paused, other = (Worker(tmp_path, number, settings) for number in range(2))
    try:
        await asyncio.gather(paused.start(), other.start())
        await until_divided(postgres_url, 2, 2)
        await discord.until(lambda: len(discord.gateway.live()) == SHARDS, SECONDS)

        paused.send(signal.SIGSTOP)
        asked = await ask_everywhere(discord, guilds, "paused")
        await until_divided(postgres_url, 4)
        for each in asked:
            await answered(discord, each)
        paused.send(signal.SIGCONT)
        await until_divided(postgres_url, 2, 2)
        asked += await ask_everywhere(discord, guilds, "awake")
        answers = [await answered(discord, each) for each in asked]
        codes = [await worker.end() for worker in (paused, other)]
    except BaseException as error:
        for worker in (paused, other):
            error.add_note(f"A worker's log:\n{worker.log[-6000:]}")
            await worker.end(signal.SIGKILL)
        raise

    assert answers == [[f"You said: {text}"] for text in ["paused"] * SHARDS + ["awake"] * SHARDS]
    assert discord.violations == []
    assert codes == [0, 0]


async def test_begin_one_after_the_other(
    discord: FakeDiscord, base: dict[str, str], tmp_path: Path
) -> None:
    """Where Discord lets one session begin at a time, two workers wait for each other."""
    discord.gateway.identifying.max_concurrency = 1
    discord.gateway.identifying.span_seconds = 1.0
    settings = base | {
        "DISCORD_SHARDS": "0",
        "DISCORD_IDENTIFY_SECONDS": "3",
        "WORKER_HEARTBEAT_SECONDS": "0.3",
        "WORKER_DEAD_SECONDS": "30",
    }
    workers = [Worker(tmp_path, number, settings) for number in range(2)]
    try:
        await asyncio.gather(*(worker.start() for worker in workers))
        await discord.until(lambda: len(discord.gateway.live()) == SHARDS, SECONDS)
        codes = [await worker.end() for worker in workers]
    except BaseException as error:
        for worker in workers:
            error.add_note(f"A worker's log:\n{worker.log[-6000:]}")
            await worker.end(signal.SIGKILL)
        raise

    assert discord.gateway.identifies == SHARDS
    assert discord.violations == []
    assert codes == [0, 0]
