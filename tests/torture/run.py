"""One torture, from its seed: the program, the chats, the engine, the faults, the verdict."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.torture.checker import asked_twice, check, most_in_a_minute
from tests.torture.discord_side import DiscordSide
from tests.torture.engine import TortureEngine, torture_engine
from tests.torture.evidence import Evidence
from tests.torture.misfortunes import CONNECT_SECONDS, DEAD_SECONDS, Misfortunes
from tests.torture.people import People
from tests.torture.plan import Plan, Report
from tests.torture.points import POINTS
from tests.torture.slack_side import CLOCK_SPEED, SlackSide
from tests.torture.workers import Log, TortureWorker

STEADY_SECONDS = 1.0  # nothing new may come for so long in the end
STUCK_SECONDS = 40.0  # what is wrong and has not changed for so long stays wrong
_POLL_SECONDS = 0.1


class Torture:
    """Everything that runs."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.report = Report(plan)
        self._dice = random.Random(plan.seed)
        self._folder = folder
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True)
        self._log = Log(self._logs)
        self._workers: list[TortureWorker] = []
        self._wrong: list[str] = []
        self._ills = Misfortunes(plan, self.report, self._dice, self._log)

    async def run(self) -> Report:
        """The whole torture. Raises TimeoutError where it takes longer than planned."""
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            slack = await stack.enter_async_context(FakeSlack(clock_speed=CLOCK_SPEED))
            discord = await stack.enter_async_context(FakeDiscord(rate_scale=0.1))
            engine = await stack.enter_async_context(
                torture_engine(random.Random(self.plan.seed), self._ills.points.reached)
            )
            sides: list[SlackSide | DiscordSide] = [
                SlackSide(slack, self._dice),
                DiscordSide(discord, self._dice, self._log),
            ]
            self._ills.points.watch(slack, discord)
            self._hire(sides, engine)
            try:
                await self._torment(sides, engine)
            finally:
                self.report.took_seconds = time.monotonic() - began
                await self._dismiss()
        return self.report

    def _hire(self, sides: Sequence[SlackSide | DiscordSide], engine: TortureEngine) -> None:
        settings = {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "DATA_DIR": str(self._folder / "data"),
            "OPENAI_API_KEY": "sk-torture",
            "OPENAI_BASE_URL": engine.base_url,
            "ENGINE_REQUESTS_PER_MINUTE": str(self.plan.per_minute),
            "ENGINE_QUEUE_LOOK_SECONDS": "1",
            "ENGINE_ATTEMPTS": "12",
            "POST_ATTEMPTS": "12",
            "ATTACHMENT_ATTEMPTS": "12",
            "SETTLE_ATTEMPTS": "12",
            "RETRY_WAIT_SECONDS": "1",
            "SWEEP_SECONDS": "1",
            "TURNS_AT_ONCE": "4",
            "SHUTDOWN_SECONDS": "5",
            "WORKFLOWS_POLL_SECONDS": "0.2",
            "FOLLOWUPS": "all",
            "ORDER_MINUTES": "60",
        }
        for side in sides:
            settings |= side.settings()
        if self.plan.database_url:
            settings |= {
                "DATABASE_URL": self.plan.database_url,
                "WORKER_HEARTBEAT_SECONDS": "0.5",
                "WORKER_DEAD_SECONDS": str(DEAD_SECONDS),
            }
        for number in range(self.plan.workers):
            worker = TortureWorker(self._folder / f"worker{number}", self._logs, settings)
            self._workers.append(worker)
        self._ills.strike(self._workers)

    async def _torment(self, sides: list[SlackSide | DiscordSide], engine: TortureEngine) -> None:
        people = People(sides, engine, self._dice, threads_max=self.plan.threads_max)
        for worker in self._workers:
            await worker.start()
        following = asyncio.create_task(self._log.follow())
        keeping = [asyncio.create_task(self._ills.keep_alive(worker)) for worker in self._workers]
        try:
            for side in sides:
                await side.connected(CONNECT_SECONDS)
            troubling = asyncio.create_task(self._ills.trouble(sides, engine))
            try:
                async with asyncio.timeout(self.plan.limit_seconds):
                    await _together(self._talk(people), self._ills.kill_often(sides))
            except TimeoutError:
                self._wrong.append("The time was up before all messages and kills were done.")
            finally:
                troubling.cancel()
                await asyncio.gather(troubling, return_exceptions=True)
            await self._await_quiet(sides, engine, people)
        finally:
            self._ills.end()
            for task in (following, *keeping, *self._ills.pauses):
                task.cancel()
            await asyncio.gather(following, *keeping, *self._ills.pauses, return_exceptions=True)

    # -- people

    async def _talk(self, people: People) -> None:
        changes: list[asyncio.Task[None]] = []
        at = {
            round((each + 1) * self.plan.messages / (self.plan.changes + 1))
            for each in range(self.plan.changes)
        }
        while len(people.said) < self.plan.messages:
            if len(people.said) in at:
                at.discard(len(people.said))
                changes.append(asyncio.create_task(people.change_waiting()))
            await people.write()
            await asyncio.sleep(self._dice.expovariate(self.plan.messages_per_second))
        await asyncio.gather(*changes)

    # -- the end

    async def _await_quiet(
        self,
        sides: Sequence[SlackSide | DiscordSide],
        engine: TortureEngine,
        people: People,
    ) -> None:
        """Nothing goes wrong any more: wait until all is well and stays so, then judge."""
        self._ills.end()
        engine.faults.clear()
        engine.mischief.clear()
        engine.drop_stream_after = None
        for side in sides:
            side.calm()
        began = time.monotonic()
        steady_since, before = began, ([""], 0)
        while True:
            found = self._judge(sides, engine, people)
            quiet = all(side.quiet() for side in sides)
            now = time.monotonic()
            if not quiet or (found, _effects(sides)) != before:
                steady_since, before = now, (found, _effects(sides))
            steady = now - steady_since > (STUCK_SECONDS if found else STEADY_SECONDS)
            if steady or now - began > self.plan.quiet_seconds:
                break
            await asyncio.sleep(_POLL_SECONDS)
        self.report.found = [*self._wrong, *found, *self._shortcomings()]
        self.report.quiet_seconds = time.monotonic() - began
        self.report.messages = len(people.said)
        self.report.kills = self._ills.kills
        self.report.points = self._ills.points.met
        self.report.most_in_a_minute = most_in_a_minute(engine.knocks)
        self.report.asked_again = asked_twice(engine.log)
        self.report.errors = Counter(error[:70] for error in self._log.errors)

    def _judge(
        self,
        sides: Sequence[SlackSide | DiscordSide],
        engine: TortureEngine,
        people: People,
    ) -> list[str]:
        people.close_books()
        return check(
            Evidence(
                said=people.said,
                called=people.called,
                shown=[shown for side in sides for shown in side.shown()],
                asked=engine.log,
                working=[place for side in sides for place in side.working()],
                violations=[what for side in sides for what in side.violations],
                per_minute=self.plan.per_minute,
                knocks=engine.knocks,
            )
        )

    def _shortcomings(self) -> list[str]:
        """What the torture itself did not do, or the program did of its own."""
        ended = [f"A worker ended by itself: {code}." for code in self._ills.ended_by_itself]
        missed = sorted(set(POINTS.values()) - set(self._ills.points.met))
        never = [f"Nothing was killed at: {point}." for point in missed]
        return ended + (never if self.plan.all_points else [])

    async def _dismiss(self) -> None:
        self._ills.end()
        for worker in self._workers:
            if worker.alive:
                try:
                    code = await worker.end()
                except TimeoutError:
                    worker.kill()
                    code = await worker.ended()
                if code != 0:
                    sentence = f"A worker that was asked to end did so with {code}."
                    self.report.found = [*self.report.found, sentence]


def _effects(sides: Sequence[SlackSide | DiscordSide]) -> int:
    return sum(1 for side in sides for _ in side.shown())


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)
