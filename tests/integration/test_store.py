"""The store on both databases, SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import IncomingMessage
from bot.followups import Followups, Intent
from bot.store.arrivals import Arrival, Arrivals
from bot.store.database import CORE_MIGRATIONS, open_database, upgrade
from bot.store.outbox import Outbox
from bot.store.tables import erasures, metadata
from bot.store.turns import Turns, TurnState, leading_run
from tests.fakes.platform import ANN, BEN, ScriptedChat


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return tmp_path / "t.db"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
async def database(where: Path | str) -> AsyncIterator[AsyncEngine]:
    engine = open_database(where, timeout_seconds=5)
    await upgrade(engine)
    yield engine
    await engine.dispose()


async def arrive(database: AsyncEngine, message: IncomingMessage) -> Arrival:
    return await Arrivals(database).accept(message, Followups.SMART)


class TestSchema:
    async def test_migrations_match_the_tables(self, database: AsyncEngine) -> None:
        """The migrations build exactly the tables that the code uses."""

        def differences(connection: sa.Connection) -> list[object]:
            context = MigrationContext.configure(
                connection, opts={"version_table": "alembic_version_core"}
            )
            return list(compare_metadata(context, metadata))

        async with database.connect() as db:
            found = await db.run_sync(differences)

        assert found == []

    async def test_twice(self, database: AsyncEngine) -> None:
        """Upgrading an upgraded database changes nothing."""
        await upgrade(database)

        async with database.connect() as db:
            version = await db.scalar(sa.text("select version_num from alembic_version_core"))
        newest = max(path.name[:4] for path in (CORE_MIGRATIONS / "versions").glob("0*.py"))
        assert version == newest

    async def test_durable(self, tmp_path: Path) -> None:
        """Commits survive a power cut: WAL with full synchronisation."""
        database = open_database(tmp_path / "t.db", timeout_seconds=5)
        async with database.connect() as db:
            journal = await db.scalar(sa.text("pragma journal_mode"))
            synchronous = await db.scalar(sa.text("pragma synchronous"))
        await database.dispose()

        assert (journal, synchronous) == ("wal", 2)


class TestAccept:
    async def test_once(self, database: AsyncEngine, chat: ScriptedChat) -> None:
        """The same message delivered again is not new, and starts nothing."""
        message = chat.message("hello")

        first = await arrive(database, message)
        again = await arrive(database, message)

        assert first.intent is Intent.ASK
        assert first.turn_id is not None
        assert again == Arrival()

    async def test_at_once(self, database: AsyncEngine, chat: ScriptedChat) -> None:
        """Of many deliveries at the same moment exactly one starts a turn."""
        message = chat.message("hello")

        arrivals = await asyncio.gather(*(arrive(database, message) for _ in range(10)))

        assert sum(arrival.intent is not None for arrival in arrivals) == 1
        assert sum(arrival.turn_id is not None for arrival in arrivals) == 1

    async def test_busy_thread(self, database: AsyncEngine, chat: ScriptedChat) -> None:
        """A message waits while its thread has a turn; settling claims it."""
        turns = Turns(database)
        first = (await arrive(database, chat.message("one"))).turn_id
        assert first is not None
        await turns.collect(first)
        waiting = await arrive(database, chat.message("two"))

        following, _ = await turns.settle(first, TurnState.DONE)

        assert waiting == Arrival(Intent.ASK, None)
        assert following is not None
        await turns.collect(following)
        assert [message.text for message in await turns.messages(following)] == ["two"]

    async def test_settle_twice(self, database: AsyncEngine, chat: ScriptedChat) -> None:
        """Settling again gives the same next turn and makes no other."""
        turns = Turns(database)
        first = (await arrive(database, chat.message("one"))).turn_id
        assert first is not None
        await turns.collect(first)
        await arrive(database, chat.message("two"))

        once, _ = await turns.settle(first, TurnState.DONE)
        twice, _ = await turns.settle(first, TurnState.DONE)

        assert once == twice

    async def test_merge(self, database: AsyncEngine, chat: ScriptedChat) -> None:
        """Waiting messages of one author are answered together, never those of two people."""
        turns = Turns(database)
        first = (await arrive(database, chat.message("one"))).turn_id
        assert first is not None
        await turns.collect(first)
        for author, text in [(ANN, "a1"), (ANN, "a2"), (BEN, "b1"), (ANN, "a3")]:
            await arrive(database, chat.message(text, author=author))

        answered = []
        following, _ = await turns.settle(first, TurnState.DONE)
        while following:
            await turns.collect(following)
            answered.append([message.text for message in await turns.messages(following)])
            following, _ = await turns.settle(following, TurnState.DONE)

        assert answered == [["a1", "a2"], ["b1"], ["a3"]]

    async def test_collected_again_after_a_late_message(
        self, database: AsyncEngine, chat: ScriptedChat
    ) -> None:
        """A step that runs again after a crash keeps what it took: a message of somebody else that
        was written before, and came after, is the next turn's."""
        turns, now = Turns(database), datetime.now(UTC)
        early, first, second = (
            replace(chat.message(text, author=author), sent_at=now + timedelta(seconds=number))
            for number, (text, author) in enumerate([("early", BEN), ("first", ANN), ("more", ANN)])
        )
        turn_id = (await arrive(database, first)).turn_id
        assert turn_id is not None
        await turns.collect(turn_id)
        await arrive(database, early)
        await arrive(database, second)

        await turns.collect(turn_id)
        taken = [message.text for message in await turns.messages(turn_id)]
        following, _ = await turns.settle(turn_id, TurnState.DONE)
        assert following is not None
        await turns.collect(following)

        assert taken == ["first", "more"]
        assert [message.text for message in await turns.messages(following)] == ["early"]


class TestCrowd:
    async def test_goes_one_after_the_other(self, tmp_path: Path) -> None:
        """Many who write to SQLite at the same moment get their turn in order, though all of them
        together take far longer than one waits for a locked file."""
        database = open_database(tmp_path / "t.db", timeout_seconds=0.1)
        await upgrade(database)
        written: list[int] = []

        async def write(number: int) -> None:
            async with database.begin() as db:
                row = {"kind": "blob", "ref": str(number), "created_at": 0.0}
                await db.execute(sa.insert(erasures).values(**row))
                await asyncio.sleep(0.02)  # a loop that is busy with others
                written.append(number)

        await asyncio.gather(*(write(number) for number in range(30)))
        await database.dispose()

        assert written == list(range(30))


class TestLeadingRun:
    def test_nothing(self) -> None:
        """Nothing waits, nothing is taken."""
        assert leading_run([]) == []


class TestOutbox:
    async def test_states(self, database: AsyncEngine, chat: ScriptedChat) -> None:
        """A post is new once, then tried, then sent."""
        turn_id = (await arrive(database, chat.message("hello"))).turn_id
        assert turn_id is not None
        outbox = Outbox(database)

        first = await outbox.begin("p", turn_id)
        second = await outbox.begin("p", turn_id)
        await outbox.sent("p", "ref")
        third = await outbox.begin("p", turn_id)

        assert (first.tried, second.tried, second.sent, third.sent) == (False, True, False, True)
