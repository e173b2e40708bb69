"""Several workers and a thread that is being forgotten: what one of them does, the others heed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import cast

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.durable import Workflows
from bot.erasing import Eraser
from bot.followups import Followups
from bot.forgetting import Forgetter
from bot.leases import SharedLeases
from bot.open_turn import OpenTurns
from bot.settings import Settings
from bot.store.arrivals import Arrivals
from bot.store.database import open_database, upgrade
from bot.store.erasures import Erasure, Erasures, _delete_rows
from bot.store.tables import messages, threads
from bot.store.threads import Threads
from bot.store.turns import Turns, TurnState
from bot.store.workers import Workers
from bot.workers import Worker
from tests.fakes.platform import ScriptedChat


class NothingElsewhere:
    """Where nothing was left to delete."""

    async def work(self, wanted: Sequence[Erasure]) -> list[Erasure]:
        """It is gone."""
        del wanted
        return []


class Site:
    """What one process has."""

    def __init__(self, database: AsyncEngine, chat: ScriptedChat) -> None:
        settings = Settings(_env_file=None, worker_heartbeat_seconds=0.05)
        self.stopped: list[str] = []
        self.workers = Workers(database, ["script"])
        self.worker = Worker(settings, self.workers, cast("Workflows", None))
        self.arrivals = Arrivals(database)
        self.turns = Turns(database)
        self.erasures = Erasures(database)
        self.forgetter = Forgetter(
            settings,
            turns=self.turns,
            threads=Threads(database),
            open_turns=OpenTurns(self.turns, {"script": chat}, limit_seconds=60),
            erasures=self.erasures,
            eraser=cast("Eraser", NothingElsewhere()),
            leases=SharedLeases(self.worker, retry_seconds=0.02),
        )
        self._chat = chat

    async def say(self, text: str) -> str:
        """Somebody writes: what the inbox does with it. The turn to start, if any."""
        message = self._chat.message(text)
        await self.forgetter.wait_for(message.key)
        return (await self.arrivals.accept(message, Followups.SMART)).turn_id or ""


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    engine = open_database(postgres_url, timeout_seconds=5)
    await upgrade(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def sites(database: AsyncEngine, chat: ScriptedChat) -> AsyncIterator[list[Site]]:
    """Two workers on one database."""
    async with AsyncExitStack() as stack:
        found = [Site(database, chat) for _ in range(2)]
        for site in found:
            await site.worker.join(site.stopped.append)
            stack.push_async_callback(site.worker.leave)
        yield found


async def texts(database: AsyncEngine) -> list[str]:
    """What is kept of what people wrote."""
    async with database.connect() as db:
        return list(await db.scalars(sa.select(messages.c.text)))


async def heard(site: Site, turn_id: str) -> None:
    async with asyncio.timeout(10):
        while turn_id not in site.stopped:
            await asyncio.sleep(0.01)


async def under_way(database: AsyncEngine) -> None:
    """Wait until a thread is being forgotten somewhere."""
    async with asyncio.timeout(10), database.connect() as db:
        query = sa.text("SELECT count(*) FROM leases WHERE name LIKE 'forget %'")
        while not await db.scalar(query):
            await db.rollback()
            await asyncio.sleep(0.01)


async def test_waits_for_another_workers_answer(
    sites: list[Site], database: AsyncEngine, chat: ScriptedChat
) -> None:
    """A running answer is ended where it runs; a message that comes there meanwhile waits, and
    begins the thread anew."""
    here, there = sites
    turn_id = await there.say("old")
    await there.workers.begin(there.worker.id, turn_id, "1")
    forgetting = asyncio.create_task(here.forgetter.forget(chat.thread()))
    await heard(there, turn_id)

    saying = asyncio.create_task(there.say("new"))
    ended = await asyncio.wait({saying, forgetting}, timeout=0.3)
    await there.turns.settle(turn_id, TurnState.STOPPED)
    report = await forgetting
    new_turn = await saying

    assert ended[0] == set()
    assert report.erased.messages == 1
    assert await texts(database) == ["new"]
    assert new_turn not in ("", turn_id)


async def test_is_not_carried_out_twice(
    sites: list[Site], database: AsyncEngine, chat: ScriptedChat
) -> None:
    """Housekeeping at another worker sees a wish under way: it does not forget what begins
    after it."""
    here, there = sites
    turn_id = await here.say("old")
    forgetting = asyncio.create_task(here.forgetter.forget(chat.thread()))
    await under_way(database)
    resuming = asyncio.create_task(there.forgetter.resume(10))
    await asyncio.wait({resuming}, timeout=0.1)

    await here.turns.settle(turn_id, TurnState.STOPPED)
    await forgetting
    await here.say("new")
    resumed = await resuming

    assert resumed == 0
    assert await texts(database) == ["new"]


async def test_is_finished_for_a_dead_worker(
    sites: list[Site], database: AsyncEngine, chat: ScriptedChat
) -> None:
    """What waits for a worker that died is free; housekeeping elsewhere erases the thread."""
    here, there = sites
    await here.say("old")
    forgetting = asyncio.create_task(here.forgetter.forget(chat.thread()))
    await under_way(database)
    waiting = asyncio.create_task(there.forgetter.wait_for(chat.thread()))
    await here.workers.leave(here.worker.id)
    (gone,) = await asyncio.gather(forgetting, return_exceptions=True)
    await waiting
    (turn_id,) = await there.turns.unsettled(10)
    await there.turns.settle(turn_id, TurnState.STOPPED)

    resumed = await there.forgetter.resume(10)

    assert isinstance(gone, Exception)
    assert resumed == 1
    assert await texts(database) == []


async def test_and_a_message_at_the_same_moment(
    sites: list[Site], database: AsyncEngine, chat: ScriptedChat
) -> None:
    """A message that is taken while the rows go waits for their end, and begins the thread
    anew."""
    _, there = sites
    await there.say("old")
    async with database.begin() as db:
        await db.execute(sa.select(threads).with_for_update())
        taking = asyncio.create_task(there.arrivals.accept(chat.message("new"), Followups.SMART))
        async with asyncio.timeout(10):
            while not await db.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                await asyncio.sleep(0.01)
        await _delete_rows(db, str(chat.thread()))

    arrival = await taking

    assert arrival.turn_id is not None
    assert await texts(database) == ["new"]
