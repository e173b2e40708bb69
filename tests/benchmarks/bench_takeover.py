"""How soon a lost worker's turns go on elsewhere: `python -m tests.benchmarks.bench_takeover`."""

from __future__ import annotations

import asyncio
import re
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.figures import head, percentile, row
from tests.fakes.postgres import postgres_server
from tests.fakes.responses_api import FakeResponsesApi, Say, Wait, responses_api
from tests.fakes.workers import Crew, Worker, crew

WORKERS = 3
THREADS = 12
ROUNDS = 5
LIMIT_SECONDS = 60
LOOK_SECONDS = 0.02
DEFAULTS = {"WORKER_HEARTBEAT_SECONDS": "2", "WORKER_DEAD_SECONDS": "12"}
_JOINED = re.compile(r"worker joined\s.*?worker=(\S+)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Site:
    """Workers that all have turns under way."""

    def __init__(self, found: Crew, api: FakeResponsesApi, address: str) -> None:
        self._crew = found
        self._api = api
        self._address = address
        self._gate = asyncio.Event()
        self._round = 0
        api.script = lambda body: [Wait(self._gate), Say("Done.")]

    async def lose(self, number: signal.Signals) -> float:
        """Lose a worker in the middle of its turns; seconds until each of them is another's."""
        self._gate = asyncio.Event()
        self._round += 1
        worker, turns = await self._ask()
        began = time.perf_counter()
        worker.send(number)
        if number is signal.SIGTERM:
            self._gate.set()  # it finishes them itself
            await worker.process.wait()
        else:
            await self._are_elsewhere(turns, _id_of(worker))
        took = time.perf_counter() - began
        await self._go_on(worker, number)
        return took

    async def _ask(self) -> tuple[Worker, Sequence[str]]:
        """Ask in many threads; a worker that has some of the turns, and these."""
        before = len(self._api.asked)
        for thread in range(THREADS):
            self._crew.say(f"{self._round}-{thread}", "go")
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(self._api.asked) < before + THREADS:
                await asyncio.sleep(LOOK_SECONDS)
        for worker in self._crew.workers:
            name = _id_of(worker)
            query = "SELECT id FROM turns WHERE worker = %s AND finished_at IS NULL"
            if turns := [id for (id,) in await self._rows(query, [name])]:
                return worker, turns
        raise AssertionError("nobody has a turn")

    async def _are_elsewhere(self, turns: Sequence[str], lost: str) -> None:
        query = "SELECT 1 FROM turns WHERE id = ANY(%s) AND (worker IS NULL OR worker = %s)"
        async with asyncio.timeout(LIMIT_SECONDS):
            while await self._rows(query, [list(turns), lost]):
                await asyncio.sleep(LOOK_SECONDS)

    async def _go_on(self, worker: Worker, number: signal.Signals) -> None:
        self._gate.set()
        await self._crew.answered(self._round * THREADS)
        if number is signal.SIGSTOP:
            worker.send(signal.SIGCONT)
        await worker.end(signal.SIGKILL)
        await worker.start()

    async def _rows(self, query: str, values: list[Any]) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(self._address) as db:
            return await (await db.execute(query.encode(), values)).fetchall()


def _id_of(worker: Worker) -> str:
    """The name under which its newest start has joined."""
    return str(_JOINED.findall(_COLOURS.sub("", worker.log))[-1])


async def measure(address: str, folder: Path) -> None:
    """Print the figures."""
    head(f"A worker of {WORKERS} on PostgreSQL that is lost with turns under way")
    async with (
        responses_api(lambda body: [Say("Done.")]) as api,
        crew(
            folder, WORKERS, **DEFAULTS, DATABASE_URL=address, OPENAI_BASE_URL=api.base_url
        ) as found,
    ):
        site = Site(found, api, address)
        for number, what, goal in (
            (signal.SIGKILL, "kill -9 → its turns run elsewhere", "≤ 30 s"),
            (signal.SIGSTOP, "paused → its turns run elsewhere", "≤ 30 s"),
            (signal.SIGTERM, "SIGTERM → its turns are answered, and it has ended", ""),
        ):
            seconds = [await site.lose(number) for _ in range(ROUNDS)]
            row(f"{what}, p50", percentile(seconds, 0.5), "s")
            row("… longest", max(seconds), "s", goal)


def main() -> None:
    """Measure on a server of its own."""
    with postgres_server() as server, tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(server.create(), Path(folder)))


if __name__ == "__main__":
    main()
