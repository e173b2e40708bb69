"""Commands that are written as messages: each is followed and answered once, whatever crashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa

from bot.domain import Caller, Order
from bot.errors import AmbiguousSend, PlatformError
from bot.orders import DurableOrders
from bot.ports import CommandResult, Commands
from bot.store.database import open_database, upgrade
from bot.store.fencing import certainly_ours
from bot.store.orders import OrderBook
from bot.store.tables import orders
from bot.store.workers import Workers
from bot.supervision import TaskSet
from tests.fakes.platform import ANN, ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi
from tests.fakes.threadlab import running, settings_for

pytestmark = pytest.mark.usefixtures("database_url")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def rows(folder: Path) -> list[dict[str, object]]:
    """What is kept of orders."""
    database = open_database(settings_for(folder, None).database, timeout_seconds=5)
    async with database.connect() as db:
        found = [dict(row) for row in (await db.execute(sa.select(orders))).mappings()]
    await database.dispose()
    return found


class TestOrders:
    async def test_an_order(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A command that is written as a message is carried out and answered."""
        async with running(chat, tmp_path, api.base_url):
            order = await chat.order("status")
            await until(lambda: order.id in chat.answers)

        assert "Python is not running" in chat.answers[order.id]

    async def test_delivered_twice(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An order that is delivered again, also to another process, changes nothing."""
        async with running(chat, tmp_path, api.base_url):
            order = await chat.order("status")
            await until(lambda: order.id in chat.answers)
            assert not await chat.services.orders.accept(order)
        async with running(chat, tmp_path, api.base_url):
            assert not await chat.services.orders.accept(order)

        assert [kind for _, kind, _ in chat.effects] == ["answer"]

    async def test_a_crash_before_the_answer(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An order that was committed before a crash is answered after it."""
        chat.answer_faults = [PlatformError("The chat is away.") for _ in range(9)]
        async with running(chat, tmp_path, api.base_url):
            order = await chat.order("status")
            await until(lambda: len(chat.answer_faults) < 8)
        assert not chat.answers

        chat.answer_faults.clear()
        async with running(chat, tmp_path, api.base_url):
            await until(lambda: order.id in chat.answers)

    async def test_a_crash_after_the_answer(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What may have been said before a crash is looked up, not said again."""
        chat.answers_hang = True
        async with running(chat, tmp_path, api.base_url):
            order = await chat.order("status")
            await until(lambda: order.id in chat.answers)
        chat.answers_hang = False

        async with running(chat, tmp_path, api.base_url):
            await until(lambda: chat.effects[-1][1] == "find")

    async def test_a_chat_that_refuses(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An answer that the chat refused, or may have taken, is tried again."""
        chat.answer_faults = [PlatformError("no"), AmbiguousSend("who knows")]
        async with running(chat, tmp_path, api.base_url):
            order = await chat.order("help")
            await until(lambda: chat.effects and chat.effects[-1][1] == "find")

        assert "compute with Python" in chat.answers[order.id]

    async def test_too_late(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An order that comes long after it was written is left, and its author told."""
        async with running(chat, tmp_path, api.base_url, order_minutes=15):
            await chat.say("hello")
            await chat.finished(1)
            order = await chat.order("reset", sent_at=datetime.now(UTC) - timedelta(minutes=16))
            await until(lambda: order.id in chat.answers)

        assert "write it again" in chat.answers[order.id].lower()

    async def test_retry_run_again(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A `retry` that is carried out again after a crash asks nothing a second time."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("total?")
            await chat.finished(1)
            chat.answers_hang = True
            await chat.order("retry")
            await chat.finished(2)
            await until(lambda: chat.answers)
        chat.answers_hang = False

        async with running(chat, tmp_path, api.base_url):
            await until(lambda: chat.effects[-1][1] == "find")
            await chat.say("thanks")
            await chat.finished(3)

        assert len(api.asked) == 3

    async def test_what_is_kept(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Of an answered order only its message is kept, so that a redelivery is known."""
        async with running(chat, tmp_path, api.base_url):
            order = await chat.order("settings instructions be brief")
            await until(lambda: order.id in chat.answers)

        [row] = await rows(tmp_path)
        assert row["answered_at"]
        assert (row["id"], row["arguments"], row["author_name"]) == (order.id, "", "")

    async def test_forgotten(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A thread that is forgotten loses its orders, but for the one that says so."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("hello")
            await chat.finished(1)
            first = await chat.order("status")
            await until(lambda: first.id in chat.answers)
            second = await chat.order("forget yes")
            await until(lambda: second.id in chat.answers)

        assert [row["id"] for row in await rows(tmp_path)] == [second.id]


class Standing:
    """What a worker knows of itself: its name, and whether the others may have given it up."""

    def __init__(self) -> None:
        self.id, self.certain = "a", True


class Echo:
    """Commands that come to a word."""

    async def run(self, command: str, *_: object, **__: object) -> CommandResult:
        return CommandResult(f"{command}: done")


class Hesitant(ScriptedChat):
    """A chat whose answers leave only after a while, as where it asks to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.open = asyncio.Event(), asyncio.Event()

    async def answer(self, order: Order, result: CommandResult, *, again: bool) -> None:
        self.asked.set()
        await self.open.wait()
        certainly_ours()  # `Services.fence`
        await super().answer(order, result, again=again)


class TestFencing:
    @pytest.fixture
    async def book(self, tmp_path: Path) -> AsyncIterator[OrderBook]:
        database = open_database(settings_for(tmp_path, None).database, timeout_seconds=5)
        await upgrade(database)
        yield OrderBook(database, ["script"])
        await database.dispose()

    @pytest.mark.parametrize("change", [{"certain": False}, {"id": "a2"}])
    async def test_given_up_meanwhile(
        self, book: OrderBook, tmp_path: Path, change: dict[str, object]
    ) -> None:
        """A worker that may have been given up while the chat asked it to wait says nothing; who
        takes the order up answers it."""
        chat, standing, tasks = Hesitant(), Standing(), TaskSet()
        orders = following(book, chat, standing, tasks, tmp_path)
        order = order_in(chat, datetime.now(UTC))
        await orders.accept(order)
        await chat.asked.wait()

        for name, value in change.items():
            setattr(standing, name, value)
        chat.open.set()
        await tasks.close(5)
        said_before = dict(chat.answers)
        running = asyncio.create_task(following(book, chat, Standing(), tasks, tmp_path).run())
        await until(lambda: chat.answers)
        running.cancel()
        await tasks.close(5)

        assert said_before == {}
        assert [kind for _, kind, _ in chat.effects] == ["answer"]

    async def test_given_up_between_tries(self, book: OrderBook, tmp_path: Path) -> None:
        """A worker that may have been given up does not try again what the chat refused."""
        chat, standing, tasks = ScriptedChat(), Standing(), TaskSet()
        chat.answer_faults = [PlatformError("not now"), PlatformError("not now")]
        orders = following(book, chat, standing, tasks, tmp_path)
        await orders.accept(order_in(chat, datetime.now(UTC)))
        await until(lambda: len(chat.answer_faults) == 1)

        standing.certain = False
        await tasks.close(5)

        assert len(chat.answer_faults) == 1


def following(
    book: OrderBook, chat: ScriptedChat, standing: Standing, tasks: TaskSet, folder: Path
) -> DurableOrders:
    return DurableOrders(
        settings_for(folder, None),
        book=book,
        commands=cast("Commands", Echo()),
        platforms={"script": chat},
        tasks=tasks,
        worker_id=lambda: standing.id,
        is_certain=lambda: standing.certain,
    )


def order_in(chat: ScriptedChat, sent_at: datetime) -> Order:
    return Order(
        key=chat.thread(),
        id="m1",
        caller=Caller(ANN),
        command="reset",
        arguments="everything",
        sent_at=sent_at,
        locator={"channel": "c"},
    )


class TestOrderBook:
    async def test_whose_it_is(self, postgres_url: str, order: Order) -> None:
        """An order is taken up by another worker when its own is gone, and by one alone."""
        database = open_database(postgres_url, timeout_seconds=5)
        await upgrade(database)
        book, crew = OrderBook(database, ["script"]), Workers(database, ["script"])
        for name in ("a", "b", "c"):
            await crew.join(name)
        await book.accept(order, "a")

        assert await book.take_up("b", (), 10) == []
        await crew.leave("a")
        assert await book.take_up("b", (), 10) == [order]
        assert await book.take_up("c", (), 10) == []
        assert not await book.is_ours(order, "a")
        assert await book.take_up("b", {(order.key, order.id)}, 10) == []
        await database.dispose()

    async def test_of_another_chat(self, tmp_path: Path, order: Order) -> None:
        """A worker leaves the orders of chats that it does not serve to those who do."""
        database = open_database(settings_for(tmp_path, None).database, timeout_seconds=5)
        await upgrade(database)
        others = OrderBook(database, ["slack", "scr", "discord"])
        ours = OrderBook(database, ["slack", "script"])
        await ours.accept(order, "dead")

        assert await others.take_up("a", (), 10) == []
        assert await ours.take_up("b", (), 10) == [order]
        await database.dispose()

    @pytest.fixture
    def order(self, chat: ScriptedChat) -> Order:
        return order_in(chat, datetime(2026, 11, 20, tzinfo=UTC))
