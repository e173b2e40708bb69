"""Several workers on one PostgreSQL: who is alive, who has which turn, who may still act."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import Answer
from bot.durable import Workflows
from bot.errors import LeaseLost, ResponseLost
from bot.events import Usage
from bot.followups import Followups
from bot.leases import SharedLeases, SoleLeases, alone
from bot.publishing import publish
from bot.recovery import Recovery
from bot.settings import Settings
from bot.store.arrivals import Arrivals
from bot.store.database import open_database, upgrade
from bot.store.fencing import Execution, TakenOver, executing
from bot.store.outbox import Outbox
from bot.store.tables import workers
from bot.store.turns import Turns, TurnState
from bot.store.workers import Workers
from bot.workers import Worker
from tests.fakes.platform import ScriptedChat
from tests.fakes.postgres import PostgresServer
from tests.fakes.threadlab import settings_for

SILENT_SECONDS = 10.0


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    engine = open_database(postgres_url, timeout_seconds=5)
    await upgrade(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def rows(database: AsyncEngine) -> Workers:
    found = Workers(database, ["script"])
    for name in ("a", "b"):
        await found.join(name)
    return found


@pytest.fixture
async def turn_id(database: AsyncEngine, chat: ScriptedChat) -> str:
    """A turn that nobody has begun."""
    arrival = await Arrivals(database).accept(chat.message("hello"), Followups.SMART)
    assert arrival.turn_id is not None
    return arrival.turn_id


async def fall_silent(database: AsyncEngine, name: str) -> None:
    """As if the worker had not been heard of for a long time."""
    async with database.begin() as db:
        since = {"seen_at": workers.c.seen_at - 2 * SILENT_SECONDS}
        await db.execute(sa.update(workers).where(workers.c.id == name).values(**since))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


class NoWorkflows:
    """What a worker asks of the library of workflows, written down."""

    def __init__(self) -> None:
        self.resumed: list[str] = []
        self.abandoned: list[str] = []

    async def resume(self, turn_id: str) -> None:
        self.resumed.append(turn_id)

    async def resume_after_close(self, turn_ids: Sequence[str]) -> None:
        self.resumed += turn_ids

    def abandon(self, turn_id: str) -> None:
        self.abandoned.append(turn_id)


@asynccontextmanager
async def working(
    database: AsyncEngine,
    workflows: NoWorkflows,
    stopped: list[str] | None = None,
    dead_seconds: float = SILENT_SECONDS,
) -> AsyncIterator[Worker]:
    """A worker that beats."""
    settings = Settings(
        _env_file=None, worker_heartbeat_seconds=0.05, worker_dead_seconds=dead_seconds
    )
    worker = Worker(settings, Workers(database, ["script"]), cast("Workflows", workflows))
    await worker.join((stopped if stopped is not None else []).append)
    try:
        yield worker
    finally:
        await worker.leave()


class Part:
    """What a worker has of some names."""

    def __init__(self, worker: Worker) -> None:
        self._leases = SharedLeases(worker, retry_seconds=0.02, rebalance_seconds=0.1)
        self.mine: set[str] = set()

    @asynccontextmanager
    async def of(self, names: Sequence[str]) -> AsyncIterator[None]:
        """Take part, until the block ends."""
        sharing = asyncio.create_task(self._leases.share(names, self._have))
        yield
        sharing.cancel()
        await asyncio.gather(sharing, return_exceptions=True)

    async def _have(self, name: str) -> None:
        self.mine.add(name)
        try:
            await asyncio.Event().wait()
        finally:
            self.mine.discard(name)


class TestTurns:
    async def test_begun_once(self, rows: Workers, turn_id: str) -> None:
        """Of workers that would all begin a waiting turn, one does."""
        taken = await asyncio.gather(*(rows.take(name, turn_id) for name in ("a", "b")))

        assert sorted(taken) == [False, True]

    async def test_of_a_busy_worker(self, rows: Workers, turn_id: str) -> None:
        """A turn that waits at a busy worker is seen by the others; one that was begun is not."""
        waiting = await rows.unsettled("b", 10)
        await rows.begin("a", turn_id, "a/1")

        assert waiting == [turn_id]
        assert await rows.unsettled("a", 10) == [turn_id]
        assert await rows.unsettled("b", 10) == []

    async def test_of_a_dead_worker(
        self, rows: Workers, database: AsyncEngine, turn_id: str
    ) -> None:
        """The turns of a silent worker are everybody's; those of one that beats stay its own."""
        await rows.begin("a", turn_id, "a/1")
        early = await rows.bury(SILENT_SECONDS)
        await fall_silent(database, "a")

        freed = await rows.bury(SILENT_SECONDS)

        assert (early, freed) == ([], [turn_id])
        assert not await rows.beat("a")
        assert await rows.begin("b", turn_id, "b/1")

    async def test_buried_by_one(self, rows: Workers, database: AsyncEngine, turn_id: str) -> None:
        """Of workers that all see one silent, one takes its turns over."""
        await rows.begin("a", turn_id, "a/1")
        await fall_silent(database, "a")

        freed = await asyncio.gather(*(rows.bury(SILENT_SECONDS) for _ in range(5)))

        assert sorted(list(each) for each in freed) == [[], [], [], [], [turn_id]]

    async def test_at_the_end(self, rows: Workers, turn_id: str) -> None:
        """What a worker leaves behind when it ends is free at once."""
        await rows.begin("a", turn_id, "a/1")

        assert await rows.leave("a") == [turn_id]
        assert await rows.take("b", turn_id)


class TestFencing:
    async def test_a_taken_turn(
        self, rows: Workers, database: AsyncEngine, turn_id: str, chat: ScriptedChat
    ) -> None:
        """A worker that comes back to a turn which another one has posts and changes nothing."""
        turns, outbox = Turns(database), Outbox(database)
        await rows.begin("a", turn_id, "a/1")
        await turns.collect(turn_id)
        reply = await chat.open_reply(chat.thread(), turn_id=turn_id, message_id="m1", ref=None)
        await fall_silent(database, "a")
        await rows.bury(SILENT_SECONDS)
        await rows.begin("b", turn_id, "b/1")
        before = await turns.get(turn_id)
        answer = Answer(turn_id, "twice", (), ())
        deeds: list[Callable[[], Awaitable[object]]] = [
            lambda: turns.collect(turn_id),
            lambda: turns.update(turn_id, response_id="r"),
            lambda: publish(outbox, reply, answer),
            lambda: turns.settle(turn_id, TurnState.DONE),
        ]

        for deed in deeds:
            with executing(Execution("a/1", lambda: True)), pytest.raises(TakenOver):
                await deed()

        assert await turns.get(turn_id) == before
        assert not [effect for effect in chat.effects if effect[1] == "post"]

    async def test_by_itself(self, rows: Workers, database: AsyncEngine, turn_id: str) -> None:
        """A worker's own earlier execution of a turn is fenced off as well."""
        await rows.begin("a", turn_id, "a/1")
        await rows.begin("a", turn_id, "a/2")

        with executing(Execution("a/1", lambda: True)), pytest.raises(TakenOver):
            await Turns(database).update(turn_id, response_id="r")
        with executing(Execution("a/2", lambda: True)):
            await Turns(database).update(turn_id, response_id="r")

    async def test_in_the_last_moment(
        self, rows: Workers, database: AsyncEngine, turn_id: str, chat: ScriptedChat
    ) -> None:
        """Paused between its note in the outbox and the post, a worker does not post; the next
        one looks for the post, and makes it."""
        outbox = Outbox(database)
        await rows.begin("a", turn_id, "a/1")
        reply = await chat.open_reply(chat.thread(), turn_id=turn_id, message_id="m1", ref=None)
        answer = Answer(turn_id, "once", (), ())
        with executing(Execution("a/1", lambda: False)), pytest.raises(TakenOver):
            await publish(outbox, reply, answer)
        await rows.leave("a")
        await rows.begin("b", turn_id, "b/1")

        with executing(Execution("b/1", lambda: True)):
            await publish(outbox, reply, answer)

        assert [effect[1] for effect in chat.effects] == ["open", "find", "post"]

    async def test_a_response(self, tmp_path: Path) -> None:
        """What a worker that lost its turn asked for is not thrown away: another follows it."""
        given_up: list[str] = []

        async def give_up(response_id: str) -> None:
            given_up.append(response_id)

        async def taken_over(response_id: str | None) -> None:
            raise TakenOver(str(response_id))

        row = SimpleNamespace(response_id="resp_1", outcome=None)
        turn = SimpleNamespace(
            id="turn", turn=row, charged=Usage(), set_response=taken_over, seconds_left=lambda: 9.0
        )
        workspace: Any = SimpleNamespace(give_up=give_up)
        recovery = Recovery(
            settings_for(tmp_path, None), cast("Any", None), workspace, cast("Any", None)
        )

        with pytest.raises(TakenOver):
            await recovery.failed(cast("Any", turn), ResponseLost("cut"), 0)

        assert given_up == []

    async def test_commands(self, rows: Workers, database: AsyncEngine, turn_id: str) -> None:
        """What people ask for reaches a turn from every worker."""
        await rows.begin("a", turn_id, "a/1")

        await Turns(database).update(turn_id, stop_requested=True)

        assert await rows.stopped("a") == [turn_id]
        assert await rows.stopped("b") == []


class TestWorker:
    async def test_stop(self, database: AsyncEngine, turn_id: str) -> None:
        """A stop that was asked for at another worker is heard where the turn runs."""
        heard: list[str] = []
        async with working(database, NoWorkflows(), heard) as worker:
            await worker.take(turn_id)

            await Turns(database).update(turn_id, stop_requested=True)
            await until(lambda: turn_id in heard)

    async def test_takes_over(self, database: AsyncEngine, rows: Workers, turn_id: str) -> None:
        """A worker that beats has a dead one's turns go on."""
        workflows = NoWorkflows()
        await rows.begin("a", turn_id, "a/1")
        async with working(database, workflows):
            await fall_silent(database, "a")

            await until(lambda: workflows.resumed == [turn_id])

    async def test_given_up(self, database: AsyncEngine) -> None:
        """A worker that the others gave up joins again under a new name."""
        async with working(database, NoWorkflows()) as worker:
            before = worker.id
            await Workers(database, ["script"]).leave(before)

            await until(lambda: worker.id != before)
            async with asyncio.timeout(10):
                while not await Workers(database, ["script"]).beat(worker.id):
                    await asyncio.sleep(0.01)

    @pytest.mark.parametrize("fault", ["fails", "hangs"])
    async def test_can_not_sign_off(
        self, database: AsyncEngine, rows: Workers, turn_id: str, fault: str
    ) -> None:
        """A worker whose turns can't be handed over at its end does not wait for it for ever."""

        class Lost(NoWorkflows):
            async def resume_after_close(self, turn_ids: Sequence[str]) -> None:
                if fault == "fails":
                    raise ConnectionError("gone")
                await asyncio.Event().wait()

        async with asyncio.timeout(10), working(database, Lost(), dead_seconds=2) as worker:
            await worker.take(turn_id)

        assert not await rows.beat(worker.id)

    def test_patience(self) -> None:
        """The others wait for three heartbeats or more."""
        with pytest.raises(ValueError, match="three"):
            Settings(_env_file=None, worker_heartbeat_seconds=5, worker_dead_seconds=10)


class TestPlatforms:
    async def test_of_another_worker(self, database: AsyncEngine, turn_id: str) -> None:
        """A worker leaves the turns of platforms that it does not serve to those who do."""
        others = Workers(database, ["slack", "scr", "discord"])
        ours = Workers(database, ["slack", "script"])
        for worker, rows in (("a", others), ("b", ours)):
            await rows.join(worker)

        assert await others.unsettled("a", 10) == []
        assert not await others.take("a", turn_id)
        assert not await others.begin("a", turn_id, "a/1")
        assert await ours.unsettled("b", 10) == [turn_id]
        assert await ours.begin("b", turn_id, "b/1")


class TestLeases:
    async def test_one_at_a_time(self, database: AsyncEngine) -> None:
        """A lease is one worker's until its block ends, and then the next one's."""
        order: list[str] = []

        async def use(worker: Worker, name: str) -> None:
            async with SharedLeases(worker, retry_seconds=0.02).hold("x"):
                order.append(f"{name} has it")
                await asyncio.sleep(0.05)
                order.append(f"{name} had it")

        async with working(database, NoWorkflows()) as a, working(database, NoWorkflows()) as b:
            await asyncio.gather(use(a, "a"), use(b, "b"))

        (one, two) = order[0][0], order[2][0]
        assert order == [f"{one} has it", f"{one} had it", f"{two} has it", f"{two} had it"]
        assert {one, two} == {"a", "b"}

    async def test_database_gone(
        self, database: AsyncEngine, postgres: PostgresServer, postgres_url: str
    ) -> None:
        """While the database is gone one goes on to wait for a lease; it is had when the database
        is back, and what could not be released meanwhile is released then."""
        leave, left = asyncio.Event(), asyncio.Event()

        async def use(worker: Worker) -> None:
            async with SharedLeases(worker, retry_seconds=0.02).hold("x"):
                await leave.wait()
            left.set()

        async with working(database, NoWorkflows()) as a, working(database, NoWorkflows()) as b:
            first = asyncio.create_task(use(a))
            await until(lambda: bool(a._holders))
            second = asyncio.create_task(use(b))
            postgres.shut(postgres_url)
            leave.set()
            await left.wait()
            await asyncio.sleep(0.1)
            waits = not second.done()
            postgres.reopen(postgres_url)

            async with asyncio.timeout(10):
                await asyncio.gather(first, second)

        assert waits

    async def test_lost(self, database: AsyncEngine) -> None:
        """The block of a lease ends when the worker is given up; the lease can be had again."""
        async with working(database, NoWorkflows()) as worker:
            leases = SharedLeases(worker, retry_seconds=0.02)

            async def given_up_in_the_block() -> None:
                async with leases.hold("x"):
                    await Workers(database, ["script"]).leave(worker.id)
                    await asyncio.sleep(10)

            with pytest.raises(LeaseLost):
                await given_up_in_the_block()

            async with asyncio.timeout(10), leases.hold("x"):
                pass

    async def test_cancelled(self, database: AsyncEngine) -> None:
        """A block that is cancelled is cancelled, and its lease free at once."""
        async with working(database, NoWorkflows()) as worker:
            leases = SharedLeases(worker, retry_seconds=0.02)

            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), leases.hold("x"):
                    await asyncio.sleep(10)

            async with asyncio.timeout(10), leases.hold("x"):
                pass

    async def test_work_for_ever(self, database: AsyncEngine) -> None:
        """Work under a lease begins again when the lease was lost and is there again."""
        begun: list[str] = []

        async def work() -> None:
            begun.append("")
            await asyncio.sleep(10)

        async with working(database, NoWorkflows()) as worker:
            leases = SharedLeases(worker, retry_seconds=0.02)
            working_on = asyncio.create_task(alone(leases, "x", work))
            await until(lambda: len(begun) == 1)
            await Workers(database, ["script"]).leave(worker.id)
            await until(lambda: len(begun) == 2)
            working_on.cancel()
            await asyncio.gather(working_on, return_exceptions=True)

        assert working_on.cancelled()

    async def test_shared_evenly(self, database: AsyncEngine) -> None:
        """What workers divide is done by one of them each; a new one gets its part, and one that
        ends leaves its own to the others."""
        names = ["one", "two", "three", "four"]
        async with working(database, NoWorkflows()) as a:
            first = Part(a)
            async with first.of(names):
                await until(lambda: len(first.mine) == 4)
                async with working(database, NoWorkflows()) as b:
                    second = Part(b)
                    async with second.of(names):
                        await until(lambda: (len(first.mine), len(second.mine)) == (2, 2))
                        together = first.mine | second.mine
                await until(lambda: len(first.mine) == 4)

        assert together == set(names)
        assert first.mine == set()

    async def test_shared_with_the_dead(self, database: AsyncEngine, rows: Workers) -> None:
        """A dead worker's part is taken over."""
        await rows.leave("b")
        assert await rows.grant("a", "one")
        async with working(database, NoWorkflows()) as worker:
            part = Part(worker)
            async with part.of(["one", "two"]):
                await until(lambda: part.mine == {"two"})
                await fall_silent(database, "a")
                await until(lambda: part.mine == {"one", "two"})

    async def test_shared_work_that_fails(self, database: AsyncEngine) -> None:
        """A failure ends all of the worker's part, and is raised; the names are free."""
        async with working(database, NoWorkflows()) as worker:
            leases = SharedLeases(worker, retry_seconds=0.02)
            begun: list[str] = []

            async def work(name: str) -> None:
                begun.append(name)
                await until(lambda: len(begun) == 2)
                raise ValueError(name)

            with pytest.raises(ValueError, match=r"one|two"):
                await leases.share(["one", "two"], work)
            part = Part(worker)
            async with part.of(["one", "two"]):
                await until(lambda: part.mine == {"one", "two"})

    async def test_all_of_a_sole_worker(self) -> None:
        """Where there is one worker, it does all that is divided; a failure is raised as it is."""
        begun: list[str] = []

        async def work(name: str) -> None:
            begun.append(name)
            await until(lambda: len(begun) == 2)
            raise ValueError(name)

        with pytest.raises(ValueError, match=r"one|two"):
            await SoleLeases().share(["one", "two"], work)

    async def test_sole_worker(self) -> None:
        """Where there is one worker, a lease is granted at once, also twice."""
        leases = SoleLeases()

        async with leases.hold("x"), leases.hold("x"):
            pass
