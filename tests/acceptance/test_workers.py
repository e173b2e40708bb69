"""Three workers on one PostgreSQL: killed, paused, ended; every question is answered once."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fakes.postgres import PostgresServer
from tests.fakes.responses_api import FakeResponsesApi, Say, Wait
from tests.fakes.workers import Crew, crew

pytestmark = pytest.mark.slow

TAKEN_OVER_WITHIN_SECONDS = 30
GONE_SECONDS = 5  # the workers give each other up after 3


def question(body: dict[str, Any]) -> str:
    return str(body["input"][-1]["content"][0]["text"])


def answers(found: Crew, thread: str) -> list[str]:
    return [post["text"] for post in found.posts(thread)]


async def given_up(address: str) -> None:
    """Wait until the others have given one of three workers up."""
    async with asyncio.timeout(20), await psycopg.AsyncConnection.connect(address) as db:
        await db.set_autocommit(True)
        while len(await (await db.execute("SELECT id FROM workers")).fetchall()) > 2:
            await asyncio.sleep(0.05)


class TestShare:
    async def test_order_and_once(
        self, api: FakeResponsesApi, tmp_path: Path, postgres_url: str
    ) -> None:
        """Messages that every worker delivers are answered once each, in order in each thread; a
        lease is every worker's, one after the other."""
        api.script = lambda body: [Say(question(body))]
        async with crew(
            tmp_path, 3, DATABASE_URL=postgres_url, OPENAI_BASE_URL=api.base_url
        ) as found:
            for number in range(5):
                for thread in ("a", "b", "c", "d"):
                    found.say(thread, f"{thread}{number}", author=f"person{number % 2}")
            await found.answered(20)
            await found.leased(3)

            for thread in ("a", "b", "c", "d"):
                assert answers(found, thread) == [f"{thread}{number}" for number in range(5)]


class TestLoss:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["kill", "stop"])
    async def test_of_a_worker(
        self, api: FakeResponsesApi, tmp_path: Path, postgres_url: str, number: signal.Signals
    ) -> None:
        """A dead or paused worker's turns are taken over in time; back, it answers nothing twice
        and works on."""
        gate = asyncio.Event()
        api.script = lambda body: [Wait(gate), Say(question(body))]
        async with crew(
            tmp_path, 3, DATABASE_URL=postgres_url, OPENAI_BASE_URL=api.base_url
        ) as found:
            threads = [f"t{each}" for each in range(12)]
            for thread in threads:
                found.say(thread, f"{thread} first", author="ann")
                found.say(thread, f"{thread} second", author="ben")
            async with asyncio.timeout(30):
                while len(api.responses) < len(threads):
                    await asyncio.sleep(0.02)
            lost, *others = found.workers
            lost.send(number)
            at = time.monotonic()
            gate.set()
            await found.answered(2 * len(threads))
            took = time.monotonic() - at
            by_the_lost = found.working()[lost.process.pid]
            if number is signal.SIGSTOP:
                lost.send(signal.SIGCONT)
            else:
                await lost.end(signal.SIGKILL)
                await lost.start()
            found.say("late", "late")
            await found.answered(2 * len(threads) + 1)
            await asyncio.gather(*(worker.end() for worker in (lost, *others)))

            assert by_the_lost == 0
            assert took < TAKEN_OVER_WITHIN_SECONDS
            for thread in threads:
                assert answers(found, thread) == [f"{thread} first", f"{thread} second"]
            assert Counter(post["post"] for post in found.posts()).most_common(1)[0][1] == 1
            assert [worker.process.returncode for worker in found.workers] == [0, 0, 0]
            print(f"taken over and answered after {took:.1f} s")

    async def test_of_the_database(
        self,
        api: FakeResponsesApi,
        tmp_path: Path,
        postgres: PostgresServer,
        postgres_url: str,
    ) -> None:
        """Workers outlive a database that is gone for longer than it takes to give one up: what
        was being answered is answered once, and so is what comes afterwards."""
        gate = asyncio.Event()
        api.script = lambda body: [Wait(gate), Say(question(body))]
        async with crew(
            tmp_path, 3, DATABASE_URL=postgres_url, OPENAI_BASE_URL=api.base_url
        ) as found:
            await found.leased(3)  # all of them have begun
            threads = [f"t{each}" for each in range(6)]
            for thread in threads:
                found.say(thread, f"{thread} first")
            async with asyncio.timeout(30):
                while len(api.responses) < len(threads):
                    await asyncio.sleep(0.02)
            postgres.shut(postgres_url)
            gate.set()
            await asyncio.sleep(GONE_SECONDS)
            postgres.reopen(postgres_url)
            await found.answered(len(threads))
            found.say("late", "late")
            await found.answered(len(threads) + 1)
            await asyncio.gather(*(worker.end() for worker in found.workers))

            assert [answers(found, thread) for thread in (*threads, "late")] == [
                *([f"{thread} first"] for thread in threads),
                ["late"],
            ]
            assert [worker.process.returncode for worker in found.workers] == [0, 0, 0]

    async def test_in_turn(self, api: FakeResponsesApi, tmp_path: Path, postgres_url: str) -> None:
        """Workers that are killed, paused and ended one after the other in the middle of it all
        lose no message, answer none twice, and keep each thread in order."""
        api.script = lambda body: [Say(question(body))]
        async with crew(
            tmp_path, 3, DATABASE_URL=postgres_url, OPENAI_BASE_URL=api.base_url
        ) as found:
            faults = [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM]
            rounds = 0
            for turn, fault in enumerate(faults):
                worker = found.workers[turn % 3]
                for thread in range(8):
                    found.say(f"t{thread}", f"{thread}.{turn}", author=f"person{turn % 2}")
                    rounds += 1
                    await asyncio.sleep(0.02)
                worker.send(fault)
                if fault is signal.SIGSTOP:
                    await given_up(postgres_url)
                    worker.send(signal.SIGCONT)
                else:
                    await worker.end(fault)
                    await worker.start()
            await found.answered(rounds)

            for thread in range(8):
                expected = [f"{thread}.{turn}" for turn in range(len(faults))]
                assert answers(found, f"t{thread}") == expected
