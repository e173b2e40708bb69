"""What goes wrong: kills, pauses, restarts, and faults of the chats and the engine."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from tests.fakes.responses_api import Fault
from tests.torture.discord_side import DiscordSide
from tests.torture.engine import Mischief, TortureEngine
from tests.torture.evidence import IN_A_ROW_MAX
from tests.torture.plan import Plan, Report
from tests.torture.points import POINTS, Points
from tests.torture.slack_side import SlackSide
from tests.torture.workers import Log, TortureWorker

CONNECT_SECONDS = 60.0
POINT_SECONDS = 3.0
TROUBLE_PAUSE_SECONDS = 0.4
DEAD_SECONDS = 3.0  # after so long a silence the other workers take over
_POLL_SECONDS = 0.1


class Misfortunes:
    """Happens to the workers, the chats and the engine until it is `over`."""

    def __init__(self, plan: Plan, report: Report, dice: random.Random, log: Log) -> None:
        self.over = False
        self.ended_by_itself: list[int] = []
        self.points = Points(self.kill)
        self.pauses: set[asyncio.Task[None]] = set()
        self._workers: Sequence[TortureWorker] = ()
        self._plan = plan
        self._report = report
        self._dice = dice
        self._log = log

    def strike(self, workers: Sequence[TortureWorker]) -> None:
        """These are the workers."""
        self._workers = workers

    def end(self) -> None:
        """Nothing more goes wrong."""
        self.over = True
        self.points.disarm()

    def kill(self) -> None:
        """Kill one worker, or all of them."""
        if self.over:
            return
        alive = [worker for worker in self._workers if worker.alive and not worker.stopped]
        together = len(alive) > 1 and self._dice.random() < 0.3
        for worker in alive if together else self._dice.sample(alive, min(1, len(alive))):
            worker.kill()

    async def keep_alive(self, worker: TortureWorker) -> None:
        """Start a worker again whenever it has died."""
        while True:
            if worker.alive:
                await asyncio.sleep(_POLL_SECONDS)
                continue
            code = await worker.ended()
            # A start that is ended before the program hears of signals ends with the signal.
            if code != -9 and not (code in (0, -15) and worker.asked_to_end):
                self.ended_by_itself.append(code)
            await asyncio.sleep(self._dice.random() * 0.5)
            await worker.start()

    async def kill_often(self, sides: Sequence[SlackSide | DiscordSide]) -> None:
        """Kills at named points and at random, each when the program has come back."""
        while self.kills < self._plan.kills:
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
                self.kill()
            await asyncio.sleep(_POLL_SECONDS)

    @property
    def kills(self) -> int:
        """How often a worker was killed."""
        return sum(worker.kills for worker in self._workers)

    async def _kill_at_point(self) -> None:
        points = sorted(set(POINTS.values()))
        rare = min(points, key=lambda point: self.points.met[point])
        self.points.arm([rare, *self._dice.sample(points, 2)])
        until = time.monotonic() + POINT_SECONDS
        while self.points.armed and time.monotonic() < until:
            await asyncio.sleep(0.02)
        if self.points.armed:
            self.points.disarm()
            self.kill()

    def _terminate(self) -> None:
        """A polite restart, as for an upgrade."""
        self._dice.choice(self._workers).terminate()
        self._report.restarts += 1

    def _pause(self) -> None:
        longest = 2.0 if self._plan.workers == 1 else 2 * DEAD_SECONDS
        worker = self._dice.choice(self._workers)
        task = asyncio.create_task(worker.pause(self._dice.uniform(0.2, longest)))
        self.pauses.add(task)
        task.add_done_callback(self.pauses.discard)
        self._report.pauses += 1

    async def trouble(
        self, sides: Sequence[SlackSide | DiscordSide], engine: TortureEngine
    ) -> None:
        """Faults of the chats and the engine, until cancelled."""
        while True:
            await asyncio.sleep(self._dice.expovariate(1 / TROUBLE_PAUSE_SECONDS))
            self._report.troubles += 1
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


async def _first(waits: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for the first, and give the others up."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
