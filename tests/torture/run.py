"""One torture, from its seed: the program, the chats, the engine, the faults, the verdict."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.discord import FakeDiscord
from tests.fakes.responses_api import Fault
from tests.fakes.slack import FakeSlack
from tests.torture.checker import asked_twice, check
from tests.torture.discord_side import DiscordSide
from tests.torture.engine import Mischief, TortureEngine, torture_engine
from tests.torture.evidence import IN_A_ROW_MAX, Evidence
from tests.torture.people import People
from tests.torture.points import POINTS, Points
from tests.torture.slack_side import CLOCK_SPEED, SlackSide
from tests.torture.workers import Log, TortureWorker

CONNECT_SECONDS = 60.0
STEADY_SECONDS = 1.0  # nothing new may come for so long in the end
STUCK_SECONDS = 40.0  # what is wrong and has not changed for so long stays wrong
POINT_SECONDS = 3.0
TROUBLE_PAUSE_SECONDS = 0.4
DEAD_SECONDS = 3.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Plan:
    """How much of everything.

    `quiet_seconds` is how long the program may take for what is left when the faults are over.
    """

    seed: int
    messages: int
    kills: int
    workers: int = 1
    database_url: str | None = None
    messages_per_second: float = 3.0
    threads_max: int = 40
    changes: int = 4
    per_minute: int = 0
    limit_seconds: float = 120.0
    quiet_seconds: float = 60.0


@dataclass
class Report:
    """What came of it."""

    plan: Plan
    messages: int = 0
    kills: int = 0
    pauses: int = 0
    restarts: int = 0
    troubles: int = 0
    asked_again: int = 0
    took_seconds: float = 0.0
    quiet_seconds: float = 0.0
    points: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    note: str = ""
    found: Sequence[str] = ()

    def __str__(self) -> str:
        """The figures, a line each."""
        points = ", ".join(f"{name}: {count}" for name, count in sorted(self.points.items()))
        where = "PostgreSQL" if self.plan.database_url else "SQLite"
        return "\n".join(
            [
                f"seed {self.plan.seed}, {where}, {self.plan.workers} worker(s)",
                f"{self.messages} messages, {self.kills} kills, {self.pauses} pauses, "
                f"{self.restarts} polite restarts, "
                f"{self.troubles} other faults, {self.asked_again} questions asked again",
                f"at named points: {points or 'none'}",
                f"{self.took_seconds:.0f} s, of which {self.quiet_seconds:.0f} s after the faults",
                f"logged errors: {dict(self.errors.most_common(8))}",
                f"wrong: {len(self.found)}",
                *self.found,
                self.note,
            ]
        )


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
        self._points = Points(self._kill)
        self._pauses: set[asyncio.Task[None]] = set()
        self._over = False

    async def run(self) -> Report:
        """The whole torture. Raises TimeoutError where it takes longer than planned."""
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            slack = await stack.enter_async_context(FakeSlack(clock_speed=CLOCK_SPEED))
            discord = await stack.enter_async_context(FakeDiscord(rate_scale=0.1))
            engine = await stack.enter_async_context(
                torture_engine(random.Random(self.plan.seed), self._points.reached)
            )
            sides: list[SlackSide | DiscordSide] = [
                SlackSide(slack, self._dice),
                DiscordSide(discord, self._dice, self._log),
            ]
            self._points.watch(slack, discord)
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
            "SETTLE_ATTEMPTS": "12",
            "RETRY_WAIT_SECONDS": "1",
            "SWEEP_SECONDS": "1",
            "SHUTDOWN_SECONDS": "5",
            "WORKFLOWS_POLL_SECONDS": "0.2",
            "FOLLOWUPS": "all",
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

    async def _torment(self, sides: list[SlackSide | DiscordSide], engine: TortureEngine) -> None:
        people = People(sides, engine, self._dice, threads_max=self.plan.threads_max)
        for worker in self._workers:
            await worker.start()
        following = asyncio.create_task(self._log.follow())
        keeping = [asyncio.create_task(self._keep_alive(worker)) for worker in self._workers]
        try:
            for side in sides:
                await side.connected(CONNECT_SECONDS)
            troubling = asyncio.create_task(self._trouble(sides, engine))
            try:
                async with asyncio.timeout(self.plan.limit_seconds):
                    await _together(self._talk(people), self._kill_often(sides))
            except TimeoutError:
                self.report.note = "The time was up before all messages and kills were done."
            finally:
                troubling.cancel()
                await asyncio.gather(troubling, return_exceptions=True)
            await self._await_quiet(sides, engine, people)
        finally:
            self._over = True
            for task in (following, *keeping, *self._pauses):
                task.cancel()
            await asyncio.gather(following, *keeping, *self._pauses, return_exceptions=True)

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

    # -- faults

    def _kill(self) -> None:
        """Kill one worker, or all of them."""
        if self._over:
            return
        alive = [worker for worker in self._workers if worker.alive and not worker.stopped]
        together = len(alive) > 1 and self._dice.random() < 0.3
        for worker in alive if together else self._dice.sample(alive, min(1, len(alive))):
            worker.kill()

    async def _keep_alive(self, worker: TortureWorker) -> None:
        """Start a worker again whenever it has died."""
        while True:
            if worker.alive:
                await asyncio.sleep(_POLL_SECONDS)
                continue
            code = await worker.ended()
            if code != -9 and not (code == 0 and worker.asked_to_end):
                self._log.errors.append(f"ended by itself: {code}")
            await asyncio.sleep(self._dice.random() * 0.5)
            await worker.start()

    async def _kill_often(self, sides: Sequence[SlackSide | DiscordSide]) -> None:
        """Kills at named points and at random, each when the program has come back."""
        while self._kills < self.plan.kills:
            await _first(side.connected(CONNECT_SECONDS) for side in sides)
            await asyncio.sleep(self._dice.random() * 1.5)
            found = self._dice.random()
            if found < 0.15:
                self._pause()
            elif found < 0.2:
                self._terminate()
            elif found < 0.75:
                await self._kill_at_point()
            else:
                self._kill()
            await asyncio.sleep(_POLL_SECONDS)

    @property
    def _kills(self) -> int:
        return sum(worker.kills for worker in self._workers)

    async def _kill_at_point(self) -> None:
        points = sorted(set(POINTS.values()))
        rare = min(points, key=lambda point: self._points.met[point])
        self._points.arm([rare, *self._dice.sample(points, 2)])
        until = time.monotonic() + POINT_SECONDS
        while self._points.armed and time.monotonic() < until:
            await asyncio.sleep(0.02)
        if self._points.armed:
            self._points.disarm()
            self._kill()

    def _terminate(self) -> None:
        """A polite restart, as for an upgrade."""
        self._dice.choice(self._workers).terminate()
        self.report.restarts += 1

    def _pause(self) -> None:
        longest = 2.0 if self.plan.workers == 1 else 2 * DEAD_SECONDS
        worker = self._dice.choice(self._workers)
        task = asyncio.create_task(worker.pause(self._dice.uniform(0.2, longest)))
        self._pauses.add(task)
        task.add_done_callback(self._pauses.discard)
        self.report.pauses += 1

    async def _trouble(
        self, sides: Sequence[SlackSide | DiscordSide], engine: TortureEngine
    ) -> None:
        """Faults of the chats and the engine, until cancelled."""
        while True:
            await asyncio.sleep(self._dice.expovariate(1 / TROUBLE_PAUSE_SECONDS))
            self.report.troubles += 1
            if self._dice.random() < 0.3:
                self._trouble_engine(engine)
            else:
                self._dice.choice(sides).trouble()

    def _trouble_engine(self, engine: TortureEngine) -> None:
        found = self._dice.random()
        path = self._dice.choice(["/v1/responses", "/v1/files", "/v1/containers"])
        if len(engine.faults) + len(engine.mischief) >= IN_A_ROW_MAX:
            return
        if found < 0.2:
            engine.faults.append(Fault(path, 429, "Slow down.", headers={"retry-after": "1"}))
        elif found < 0.4:
            engine.faults.append(Fault(path))
        elif found < 0.6:
            engine.drop_stream_after = self._dice.randrange(1, 8)
        else:
            kind = self._dice.choice(["before", "after", "slow"])
            engine.mischief.append(Mischief(path, kind))

    # -- the end

    async def _await_quiet(
        self,
        sides: Sequence[SlackSide | DiscordSide],
        engine: TortureEngine,
        people: People,
    ) -> None:
        """Nothing goes wrong any more: wait until all is well and stays so, then judge."""
        self._over = True
        self._points.disarm()
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
        self.report.found = found
        self.report.quiet_seconds = time.monotonic() - began
        self.report.messages = len(people.said)
        self.report.kills = self._kills
        self.report.points = self._points.met
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
                shown=[shown for side in sides for shown in side.shown()],
                asked=engine.log,
                working=[place for side in sides for place in side.working()],
                violations=[what for side in sides for what in side.violations],
                per_minute=self.plan.per_minute,
            )
        )

    async def _dismiss(self) -> None:
        self._over = True
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


async def _first(waits: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for the first, and give the others up."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)
