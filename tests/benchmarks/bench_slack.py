"""Figures of Slack's first sign: `python -m tests.benchmarks.bench_slack`, goals beside them."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog

from adapters.slack import plugin
from bot.app import Application, application
from bot.domain import IncomingMessage
from tests.benchmarks.bench_turns import instant_engine
from tests.benchmarks.figures import head, percentile, row
from tests.fakes.slack import FakeSlack, Person
from tests.fakes.slack_driver import environment, loopback
from tests.fakes.threadlab import settings_for

ROUNDS = 100
WARM_ROUNDS = 10
PAUSE_SECONDS = 0.05
CHANNEL = "C1"
SIGN = "agents.sessions.setStatus"
# The loopback Slack counts no calls here, and neither does the adapter.
UNBOUND = {
    "SLACK_SESSIONS_PER_MINUTE": "1000000",
    "SLACK_STREAMS_PER_MINUTE": "1000000",
}


def timed(app: Application) -> dict[str, float]:
    """When each message was committed, by its id (seconds, monotonic)."""
    inbox: Any = app.services.inbox
    accept, accepted = inbox.accept, {}

    async def accept_timed(message: IncomingMessage) -> bool:
        is_new: bool = await accept(message)
        if is_new:
            accepted[message.id] = time.monotonic()
        return is_new

    inbox.accept = accept_timed
    return accepted


async def ask(slack: FakeSlack, ann: Person, number: int) -> tuple[str, float, float]:
    """One question: its message's id, when it was sent, and when its first sign came."""
    before = len(slack.requests)
    began = time.monotonic()
    asked = await ann.say(CHANNEL, f"hello {number}", mention=True)

    def sign() -> list[float]:
        return [r.came_at for r in slack.requests[before:] if r.method == SIGN]

    await slack.until(sign)
    await slack.until(lambda: any(m.metadata for m in slack.answers(CHANNEL, asked.ts)))
    await slack.until(lambda: slack.sessions_of(CHANNEL, asked.ts).status == "active")
    await asyncio.sleep(PAUSE_SECONDS)
    return asked.ts, began, sign()[0]


async def measure(folder: Path) -> None:
    """Mentions in a channel, one after the other, with an engine that answers at once."""
    head("Slack, on a loopback server, with an engine that answers at once")
    async with instant_engine() as base_url, loopback() as slack:
        slack.limits.enabled = False
        settings = settings_for(folder, base_url)
        async with application(settings, environment(slack, **UNBOUND), [plugin]) as app:
            serving = asyncio.create_task(app.serve())
            await slack.connected()
            accepted = timed(app)
            ann = slack.person("U1", "Ann")
            slack.channel(CHANNEL, members=[ann])
            asked = [await ask(slack, ann, number) for number in range(ROUNDS)][WARM_ROUNDS:]
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    after_commit = [(sign - accepted[id]) * 1000 for id, _, sign in asked]
    after_sending = [(sign - began) * 1000 for _, began, sign in asked]
    row("event accepted → first sign at Slack, p50", percentile(after_commit, 0.5), "ms", "≤ 10 ms")
    row("… p95", percentile(after_commit, 0.95), "ms")
    row("event sent → first sign at Slack, p50", percentile(after_sending, 0.5), "ms")
    row("… p95", percentile(after_sending, 0.95), "ms")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(measure(Path(place)))
