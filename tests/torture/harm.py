"""Talking to several workers while they are killed, paused and ended."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.log_chat import TROUBLE
from tests.fakes.responses_api import FakeResponsesApi, Fault, Say, Wait, responses_api
from tests.fakes.workers import Crew, Worker, crew
from tests.torture.checker import findings

THREADS = 12
WORKERS = 3
LONGEST_ANSWER_SECONDS = 1.5
LONGEST_PAUSE_SECONDS = 6.0
LAST_ANSWERS_SECONDS = 180
ENGINE_TROUBLE = 0.03
CHAT_TROUBLE = 0.05
FAULTS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM)


@dataclass
class Report:
    """What was done, and what came of it."""

    said: int = 0
    asked: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


async def torture(
    folder: Path, address: str, *, messages: int, faults: int, chance: random.Random
) -> Report:
    """Say so many messages while so many faults happen; wait for the last answer, and check."""
    report = Report()
    begun = time.monotonic()
    async with responses_api(_script(chance)) as api:
        settings = {
            "DATABASE_URL": address,
            "OPENAI_BASE_URL": api.base_url,
            "ENGINE_REQUESTS_PER_MINUTE": "0",
            "SWEEP_SECONDS": "2",
            "SHUTDOWN_SECONDS": "1",
            TROUBLE: str(CHAT_TROUBLE),
        }
        async with crew(folder, WORKERS, **settings) as found:
            said: list[dict[str, Any]] = []
            talking = asyncio.create_task(_talk(found, api, said, messages, chance))
            left = iter(range(faults))
            await asyncio.gather(
                *(_harm(worker, left, report.faults, chance) for worker in found.workers)
            )
            await talking
            await _last_answers(found, messages)
            report.wrong = findings(said, found.posts())
        report.said, report.asked = len(said), len(api.asked)
    report.seconds = time.monotonic() - begun
    return report


def _script(chance: random.Random) -> Callable[[dict[str, Any]], list[Any]]:
    def script(body: dict[str, Any]) -> list[Any]:
        gate = asyncio.Event()
        seconds = chance.random() * LONGEST_ANSWER_SECONDS
        asyncio.get_running_loop().call_later(seconds, gate.set)
        return [Wait(gate), Say(str(body["input"][-1]["content"][0]["text"]))]

    return script


async def _talk(
    found: Crew,
    api: FakeResponsesApi,
    said: list[dict[str, Any]],
    messages: int,
    chance: random.Random,
) -> None:
    for number in range(messages):
        # Neighbours in a thread are two people's, so that none are answered together.
        thread, text = f"t{number % THREADS}", f"message {number}"
        found.say(thread, text, author=f"person{number // THREADS % 2}")
        said.append({"thread": thread, "text": text})
        if chance.random() < ENGINE_TROUBLE:
            api.faults.append(Fault("/v1/responses", chance.choice([429, 500, 503])))
        await asyncio.sleep(chance.random() * 0.3)


async def _harm(worker: Worker, left: Any, happened: Counter[str], chance: random.Random) -> None:
    for _ in left:
        await asyncio.sleep(chance.random() * LONGEST_PAUSE_SECONDS)
        fault = chance.choice(FAULTS)
        happened[fault.name] += 1
        if fault is signal.SIGSTOP:
            worker.send(fault)
            await asyncio.sleep(chance.random() * LONGEST_PAUSE_SECONDS)
            worker.send(signal.SIGCONT)
        else:
            await worker.end(fault)
            await worker.start()


async def _last_answers(found: Crew, messages: int) -> None:
    """Wait until everything is answered, or has had the time to be."""
    until = time.monotonic() + LAST_ANSWERS_SECONDS
    while len(found.posts()) < messages and time.monotonic() < until:
        await asyncio.sleep(0.2)
    await asyncio.sleep(LONGEST_PAUSE_SECONDS)  # who was paused last may still post, wrongly
