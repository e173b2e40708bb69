"""The engine's pace: never beyond the limit, in fair order, shared by all workers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.pacing import rate_of
from bot.store.database import open_database, upgrade
from bot.store.pace import Pace
from bot.store.tables import metadata
from tests.fakes.threadlab import settings_for

PER_MINUTE, BURST = 20, 4
RATE = rate_of(PER_MINUTE, BURST)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[AsyncEngine]:
    folder.mkdir(exist_ok=True)
    engine = open_database(folder / "test.db", timeout_seconds=5)
    async with engine.begin() as db:
        await db.run_sync(metadata.drop_all)
        await db.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with opened(tmp_path) as engine:
        yield engine


@pytest.fixture
async def either(database_url: str | None, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """SQLite, and then PostgreSQL."""
    del database_url  # it lies in the environment
    engine = open_database(settings_for(tmp_path, None).database, timeout_seconds=5)
    await upgrade(engine)
    yield engine
    await engine.dispose()


@dataclass
class Play:
    """A queue played on a clock of its own, second by second."""

    pace: Pace
    now: float = 1_000.0
    waiting: dict[str, str] = field(default_factory=dict)  # turn → place
    went: list[tuple[float, str, str]] = field(default_factory=list)

    async def ask(self, turn: str, place: str) -> None:
        if await self.pace.take(self.now):
            self.went.append((self.now, turn, place))
        else:
            await self.pace.join(turn, place, self.now, self.now + 1_000)
            self.waiting[turn] = place

    async def tick(self, seconds: float) -> None:
        self.now += seconds
        for turn, place in list(self.waiting.items()):
            if (await self.pace.check(turn, place, self.now, self.now + 1_000)).granted:
                self.went.append((self.now, turn, self.waiting.pop(turn)))

    async def drain(self) -> None:
        while self.waiting:
            await self.tick(RATE.interval_seconds / 3)


def most_in_a_minute(went: list[tuple[float, str, str]]) -> int:
    times = [at for at, _, _ in went]
    return max((sum(start <= at < start + 60 for at in times) for start in times), default=0)


class TestPace:
    async def test_a_burst(self, database: AsyncEngine) -> None:
        """After a quiet time a few go at once; the next one has to wait."""
        pace = Pace(database, RATE)

        went = [await pace.take(1_000.0) for _ in range(BURST + 1)]

        assert went == [True] * BURST + [False]

    async def test_together(self, database: AsyncEngine) -> None:
        """Many that ask at the same moment share the burst exactly."""
        paces = [Pace(database, RATE) for _ in range(3)]

        went = await asyncio.gather(*(pace.take(1_000.0) for pace in paces * 5))

        assert sum(went) == BURST

    async def test_a_pause(self, database: AsyncEngine) -> None:
        """When the engine asks to wait, nobody goes before; a shorter wait changes nothing."""
        pace = Pace(database, RATE)
        await pace.pause(1_030.0)
        await pace.pause(1_010.0)

        early, late = await pace.take(1_029.0), await pace.take(1_030.0)

        assert (early, late) == (False, True)

    async def test_nobody_overtakes(self, database: AsyncEngine) -> None:
        """While somebody waits, a newcomer waits as well."""
        play = Play(Pace(database, RATE))
        for number in range(BURST + 1):
            await play.ask(f"t{number}", "a")

        play.now += RATE.interval_seconds
        await play.ask("newcomer", "b")

        assert list(play.waiting) == [f"t{BURST}", "newcomer"]

    async def test_a_dead_workers_place(self, database: AsyncEngine) -> None:
        """A place that nobody keeps alive does not hold the others up."""
        pace = Pace(database, RATE)
        for _ in range(BURST):
            await pace.take(1_000.0)
        await pace.join("dead", "a", 1_000.0, alive_until=1_005.0)
        await pace.join("alive", "b", 1_001.0, alive_until=1_100.0)

        early = await pace.check("alive", "b", 1_004.9, 1_100.0)
        late = await pace.check("alive", "b", 1_005.1, 1_100.0)

        assert (early.granted, early.ahead) == (False, 1)
        assert late.granted

    async def test_a_lost_place(self, either: AsyncEngine) -> None:
        """One that was dropped, as it did not look for too long, begins anew behind those of its
        own place; it overtakes nobody there, and is not lost."""
        pace = Pace(either, rate_of(60, 1))
        await pace.take(1_000.0)
        await pace.join("late", "p", 1_000.0, alive_until=1_020.0)
        for number in range(3):
            await pace.join(f"t{number}", "p", 1_001.0, alive_until=2_000.0)
        await pace.join("other", "q", 1_025.0, alive_until=2_000.0)

        tickets = [await pace.check("late", "p", 1_025.0 + n, 2_000.0) for n in range(2)]
        went = []
        for second in range(1_030, 1_040, 2):
            for turn, place in [("late", "p"), ("other", "q"), *((f"t{n}", "p") for n in range(3))]:
                if turn not in went and (await pace.check(turn, place, second, 2_000.0)).granted:
                    went.append(turn)

        assert [(ticket.granted, ticket.ahead) for ticket in tickets] == [(False, 4)] * 2
        assert went == ["other", "t0", "t1", "t2", "late"]

    async def test_the_wait_is_told(self, database: AsyncEngine) -> None:
        """Who waits learns how many are ahead, and about how long it takes."""
        pace = Pace(database, RATE)
        for _ in range(BURST):
            await pace.take(1_000.0)
        for number in range(3):
            await pace.join(f"t{number}", f"p{number}", 1_000.0 + number, 2_000.0)

        ticket = await pace.check("t2", "p2", 1_003.0, 2_000.0)

        assert ticket.ahead == 2
        assert ticket.wait_seconds == pytest.approx(3 * RATE.interval_seconds - 3)

    async def test_who_left_is_not_waited_for(self, database: AsyncEngine) -> None:
        """Who stopped waiting frees the place."""
        play = Play(Pace(database, RATE))
        for number in range(BURST + 2):
            await play.ask(f"t{number}", "a")
        await play.pace.leave(f"t{BURST}")
        play.waiting.pop(f"t{BURST}")

        await play.tick(RATE.interval_seconds)

        assert play.waiting == {}


@pytest.mark.parametrize("per_minute", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("burst", [1, 12, 500])
async def test_any_limit(database: AsyncEngine, per_minute: int, burst: int) -> None:
    """Whatever is set, the limit holds for those who ask as often as they can."""
    pace = Pace(database, rate_of(per_minute, burst))
    went = [n * 1.5 for n in range(100) if await pace.take(1_000 + n * 1.5)]

    most = max(sum(start <= at < start + 60 for at in went) for start in went)

    assert 1 <= most <= per_minute


arrivals = st.lists(
    st.tuples(st.sampled_from("abc"), st.floats(0, 20, allow_nan=False)), min_size=1, max_size=40
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(arrivals)
def test_any_crowd(tmp_path: Path, crowd: list[tuple[str, float]]) -> None:
    """Everybody goes exactly once, never more in a minute than allowed; and before a place that
    waits gets its turn, no other gets more than two."""

    async def played() -> tuple[Play, int]:
        async with opened(tmp_path) as engine:
            play = Play(Pace(engine, RATE))
            for number, (place, seconds) in enumerate(crowd):
                await play.tick(seconds)
                await play.ask(f"t{number:02}", place)
            first = len(play.went)
            await play.drain()
        return play, first

    play, first = asyncio.run(played())

    assert sorted(turn for _, turn, _ in play.went) == [f"t{n:02}" for n in range(len(crowd))]
    assert most_in_a_minute(play.went) <= PER_MINUTE
    order = [place for _, _, place in play.went[first:]]
    for position in range(len(order)):
        for place in set(order[position:]):
            before = order[position : order.index(place, position)]
            assert max(Counter(before).values(), default=0) <= 2
