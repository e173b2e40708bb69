"""Figures of turns: `python -m tests.benchmarks.bench_turns`, goals beside them."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import openai
import psutil
import structlog
from openai.types.responses import ToolParam

from bot.app import application
from bot.domain import IncomingMessage
from bot.settings import Settings
from tests.benchmarks.figures import head, percentile, row
from tests.fakes.platform import ScriptedChat
from tests.fakes.threadlab import running

ROUNDS = 200
WARM_ROUNDS = 20
AT_ONCE = 50
IDLE_SECONDS = 15
PAUSE_SECONDS = 0.02
TOOLS: list[ToolParam] = [
    {
        "type": "code_interpreter",
        "container": {
            "type": "auto",
            "file_ids": [],
            "network_policy": {"type": "disabled"},
        },
    }
]


class TimedChat(ScriptedChat):
    """Remembers when each message was signed and each turn posted (seconds, monotonic)."""

    def __init__(self) -> None:
        super().__init__()
        self.signs: dict[str, float] = {}
        self.posts: dict[str, float] = {}

    async def acknowledge(self, message: IncomingMessage) -> None:
        self.signs[message.id] = time.perf_counter()
        await super().acknowledge(message)

    async def posted(self, count: int) -> None:
        while True:
            for surface in self.surfaces.values():
                if surface.posts and surface.message_id not in self.posts:
                    self.posts[surface.message_id] = time.perf_counter()
            if len(self.posts) >= count:
                return
            await asyncio.sleep(0.0005)


@asynccontextmanager
async def instant_engine() -> AsyncIterator[str]:
    """The address of a scripted engine in another process."""
    command = [sys.executable, "-m", "tests.benchmarks.instant_engine"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield (await asyncio.to_thread(process.stdout.readline)).strip()
        process.stdin.close()


async def one_by_one(chat: TimedChat, text: str, rounds: int) -> tuple[list[float], list[float]]:
    """First signs and finished replies of questions asked one after the other, in ms."""
    signs, replies = [], []
    for number in range(rounds):
        began = time.perf_counter()
        message = await chat.say(text, thread=f"{text}-{number}")
        await chat.posted(len(chat.posts) + 1)
        signs.append((chat.signs[message.id] - began) * 1000)
        replies.append((chat.posts[message.id] - began) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    return signs, replies


async def all_at_once(chat: TimedChat, text: str, threads: int) -> float:
    """Turns per second when many threads ask in the same moment."""
    before = len(chat.posts)
    began = time.perf_counter()
    for number in range(threads):
        await chat.say(text, thread=f"{text}-burst-{before}-{number}")
    await chat.posted(before + threads)
    return threads / (time.perf_counter() - began)


async def bare_calls(base_url: str) -> tuple[list[float], float]:
    """The same questions with the plain client, for comparison: one after the other, in ms; and
    how many a second when many are asked in the same moment."""
    async with openai.AsyncOpenAI(base_url=base_url, api_key="k") as client:

        async def ask() -> float:
            began = time.perf_counter()
            stream = await client.responses.create(
                model="m", input="hello", stream=True, tools=TOOLS
            )
            async for _event in stream:
                pass
            return (time.perf_counter() - began) * 1000

        times = []
        for _ in range(ROUNDS):
            times.append(await ask())
            await asyncio.sleep(PAUSE_SECONDS)
        began = time.perf_counter()
        await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
        return times[WARM_ROUNDS:], AT_ONCE / (time.perf_counter() - began)


async def measure_instant(folder: Path) -> None:
    """An engine that answers at once: what Threadlab itself costs."""
    head("Turns, with an engine that answers at once")
    chat = TimedChat()
    async with instant_engine() as base_url, running(chat, folder, base_url):
        await one_by_one(chat, "warm", WARM_ROUNDS)
        signs, replies = await one_by_one(chat, "hello", ROUNDS)
        row("message accepted → first sign, p50", percentile(signs, 0.5), "ms", "≤ 10 ms")
        row("… p95", percentile(signs, 0.95), "ms")
        row("accepted → finished reply, p50", percentile(replies, 0.5), "ms", "≤ 60 ms")
        row("… p95", percentile(replies, 0.95), "ms", "≤ 150 ms")
        row("… p99", percentile(replies, 0.99), "ms")
        _, computed = await one_by_one(chat, "compute", ROUNDS // 2)
        row("the same where code ran, p50", percentile(computed, 0.5), "ms")
        row("… p95", percentile(computed, 0.95), "ms")
        rates = [await all_at_once(chat, "hello", AT_ONCE) for _ in range(3)]
        row(f"{AT_ONCE} threads at once", percentile(rates, 0.5), "turns/s", "≥ 40 turns/s")
        calls, rate = await bare_calls(base_url)
        row("the bare engine call, p50", percentile(calls, 0.5), "ms")
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            ours, bare = percentile(replies, share), percentile(calls, share)
            row(f"added to it per turn, {name}", ours - bare, "ms")
            row("… reply ÷ bare call", ours / bare, "×")
        row(f"{AT_ONCE} bare calls at once", rate, "calls/s")
        row("… bare calls ÷ turns", rate / percentile(rates, 0.5), "×")


async def measure_offline(folder: Path) -> None:
    """The embedded engine with the offline planner and real kernels; then nothing to do."""
    head("Turns, with the embedded engine and its offline planner")
    chat = TimedChat()
    settings = Settings(_env_file=None, data_dir=folder)
    async with application(settings, {}, [chat]) as app:
        serving = asyncio.create_task(app.serve())
        question = "what is 65465-6544 * 65464-6+1.02255"
        await one_by_one(chat, f"{question} ", 2)
        for number in range(8):
            await asyncio.sleep(2)  # a kernel gets ready meanwhile
            await one_by_one(chat, f"{question} + {number}", 1)
        times = [(chat.posts[id] - chat.signs[id]) * 1000 for id in list(chat.posts)[2:]]
        row("accepted → finished reply in a new container, p50", percentile(times, 0.5), "ms")
        follow_ups = []
        for number in range(20):
            began = time.perf_counter()
            await chat.say(f"{number} * 3", thread="one")
            await chat.posted(len(chat.posts) + 1)
            follow_ups.append((time.perf_counter() - began) * 1000)
        row("… in the thread's own container, p50", percentile(follow_ups[1:], 0.5), "ms")
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def measure_idle(folder: Path) -> None:
    """The program with everything embedded and nobody there."""
    head("The idle program, everything embedded")
    environment = {"DATA_DIR": str(folder), "WEB_PORT": "0", "PATH": "/usr/bin:/bin"}
    program = Path(sys.executable).parent / "threadlab"
    with subprocess.Popen(
        [program, "run"], env=environment, cwd=folder, stderr=subprocess.DEVNULL
    ) as process:
        await asyncio.sleep(IDLE_SECONDS)
        watched = psutil.Process(process.pid)
        before, began = _cpu_seconds(watched), time.monotonic()
        await asyncio.sleep(IDLE_SECONDS)
        share = (_cpu_seconds(watched) - before) / (time.monotonic() - began) * 100
        row("CPU of the program and its warm kernels", share, "%", "≤ 2 %")
        row("memory of the program (PSS)", watched.memory_full_info().pss / 1e6, "MB")
        process.terminate()
        process.wait(30)


def _cpu_seconds(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return float(sum(sum(member.cpu_times()[:2]) for member in family))


async def measure() -> None:
    """All figures of turns."""
    for part in (measure_instant, measure_offline, measure_idle):
        with tempfile.TemporaryDirectory() as folder:
            await part(Path(folder))


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(measure())
