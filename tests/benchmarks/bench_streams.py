"""Many threads streaming at once: `python -m tests.benchmarks.bench_streams [threads]`."""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

import openai
import psutil
import structlog

from tests.benchmarks.bench_turns import TOOLS, TimedChat, instant_engine
from tests.benchmarks.figures import head, percentile, row
from tests.fakes.threadlab import running

THREADS = 1_000
OPEN_FILES = 16_384
LOOK_SECONDS = 0.02


class Strain:
    """What a loop and its process go through while something runs."""

    def __init__(self) -> None:
        self.lags: list[float] = []  # ms by which the loop was late
        self.most_bytes = 0

    async def watch(self) -> None:
        """Look until cancelled."""
        process = psutil.Process()
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LOOK_SECONDS)
            self.lags.append((time.perf_counter() - began - LOOK_SECONDS) * 1000)
            self.most_bytes = max(self.most_bytes, process.memory_info().rss)

    async def during(self, work: Awaitable[None]) -> None:
        """Watch while something runs."""
        watching = asyncio.create_task(self.watch())
        try:
            await work
        finally:
            watching.cancel()

    def rows(self, what: str, before_bytes: int) -> None:
        """Print it."""
        row(f"{what}: memory more than idle", (self.most_bytes - before_bytes) / 1e6, "MB")
        row("… loop lag, p50", percentile(self.lags, 0.5), "ms")
        row("… p99", percentile(self.lags, 0.99), "ms")
        row("… longest", max(self.lags), "ms")


async def bare(base_url: str, threads: int) -> None:
    """As many streams with the plain client."""
    async with openai.AsyncOpenAI(base_url=base_url, api_key="k", max_retries=0) as client:

        async def one() -> None:
            stream = await client.responses.create(
                model="m", input="stream", stream=True, tools=TOOLS
            )
            async for _event in stream:
                pass

        await asyncio.gather(*(one() for _ in range(threads)))


async def measure(threads: int) -> None:
    """Threadlab's streams, then the bare ones."""
    head(f"{threads:,} threads whose answers grow at the same time, a few words a second each")
    with tempfile.TemporaryDirectory() as folder:
        async with instant_engine() as base_url:
            chat, ours, theirs = TimedChat(), Strain(), Strain()
            async with running(chat, Path(folder), base_url, turns_at_once=threads):
                await chat.say("warm")
                await chat.posted(1)
                before = psutil.Process().memory_info().rss
                began = time.perf_counter()

                async def ask() -> None:
                    for number in range(threads):
                        await chat.say("stream", thread=f"t{number}")
                    while sum(bool(each.posts) for each in chat.surfaces.values()) <= threads:
                        await asyncio.sleep(0.1)

                await ours.during(ask())
                took = time.perf_counter() - began
                row("all answered after", took, "s")
            failed = sum(p.failed for s in chat.surfaces.values() for p in s.posts.values())
            row("answers that failed", failed, "", "0")
            ours.rows("Threadlab", before)
            before = psutil.Process().memory_info().rss
            began = time.perf_counter()
            await theirs.during(bare(base_url, threads))
            plain = time.perf_counter() - began
            theirs.rows("the plain client", before)
            row("… all its answers after", plain, "s")
            row("Threadlab ÷ plain client", took / plain, "×")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else THREADS))
