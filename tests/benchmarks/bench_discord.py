"""Figures of the first sign on Discord: `python -m tests.benchmarks.bench_discord`."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import structlog

from adapters.discord import plugin
from bot.app import application
from tests.benchmarks.bench_slack import timed
from tests.benchmarks.bench_turns import instant_engine
from tests.benchmarks.figures import head, percentile, row
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.effects import Effect
from tests.fakes.threadlab import settings_for

ROUNDS = 100
WARM_ROUNDS = 10
PAUSE_SECONDS = 0.05
WAIT_SECONDS = 20
SIGN = ("POST", "/channels/{channel_id}/typing")


class Clocked(list[Effect]):
    """A log of requests that notes when each first sign came (seconds, monotonic)."""

    def __init__(self, entries: Iterable[Effect]) -> None:
        super().__init__(entries)
        self.signs: list[float] = []

    def append(self, entry: Effect) -> None:
        """Note one request, which is not answered yet."""
        super().append(entry)
        if (entry.method, entry.route) == SIGN:
            self.signs.append(time.monotonic())


async def ask(discord: FakeDiscord, log: Clocked, number: int) -> tuple[str, float, float]:
    """One question: its message's id, when it was sent, and when its first sign came."""
    before, began = len(log.signs), time.monotonic()
    general, ann = discord.channel("general"), discord.person("Ann")
    asked = await ann.say(general, f"hello {number}", mention=True)
    await discord.until(lambda: len(log.signs) > before, WAIT_SECONDS)
    thread: Any = await discord.until(lambda: asked.thread, WAIT_SECONDS)

    def finished() -> bool:
        said = discord.bot_messages(thread)
        return bool(said) and "⏳" not in said[-1].content

    await discord.until(finished, WAIT_SECONDS)
    await asyncio.sleep(PAUSE_SECONDS)
    return str(asked.id), began, log.signs[before]


async def measure(folder: Path) -> None:
    """Mentions in a channel, one after the other, with an engine that answers at once."""
    head("Discord, on a loopback server, with an engine that answers at once")
    async with instant_engine() as base_url, FakeDiscord(rate_limits=False) as discord:
        log = Clocked(discord.effects.requests)
        discord.effects.requests = log
        environ = {
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_URL": discord.api_url,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
        }
        with discord.in_discord_py():
            async with application(settings_for(folder, base_url), environ, [plugin]) as app:
                serving = asyncio.create_task(app.serve())
                await discord.gateway.connected()
                accepted = timed(app)
                rounds = [await ask(discord, log, number) for number in range(ROUNDS)]
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
    asked = rounds[WARM_ROUNDS:]
    after_commit = [(sign - accepted[id]) * 1000 for id, _, sign in asked]
    after_sending = [(sign - began) * 1000 for _, began, sign in asked]
    row(
        "message accepted → first sign at Discord, p50",
        percentile(after_commit, 0.5),
        "ms",
        "≤ 10 ms",
    )
    row("… p95", percentile(after_commit, 0.95), "ms")
    row("message sent → first sign at Discord, p50", percentile(after_sending, 0.5), "ms")
    row("… p95", percentile(after_sending, 0.95), "ms")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(measure(Path(place)))
