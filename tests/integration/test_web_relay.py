"""Pages of several workers on one PostgreSQL: each shows what happens at the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.web.relay import CHANNEL
from bot.domain import Answer, IncomingMessage, Progress
from tests.fakes.core import FakeCore
from tests.fakes.web import SeenEvent, WebSite, serve

LONG = "A long answer. " * 1_000


@pytest.fixture
def address(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    return postgres_url


async def until_listened(site: WebSite, count: int) -> None:
    """Wait until so many workers listen."""
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = :name AND state = 'idle' AND query <> ''"
    )
    async with asyncio.timeout(20):
        while True:
            async with site.core.services.database.connect() as db:
                if (await db.scalar(query, {"name": CHANNEL}) or 0) >= count:
                    return
            await asyncio.sleep(0.05)


async def slowly(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    """Say something on the way, and then much."""
    del core
    yield Progress(status="thinking…", text="On the way.")
    await asyncio.sleep(0.2)
    yield Progress(status="writing…", text=LONG)
    await asyncio.sleep(0.2)
    yield Answer(f"turn-{message.id}", LONG)


def says(event: SeenEvent, text: str) -> bool:
    return text in str(event.data)


@pytest.mark.usefixtures("address")
class TestRelay:
    async def test_an_answer_of_another_worker(self, tmp_path: Path) -> None:
        """A tab sees an answer grow and end that another worker gives, however long it is."""
        async with serve(tmp_path, slowly) as one, serve(tmp_path, slowly) as two:
            await until_listened(one, 2)
            conversation = await one.create()
            async with two.events(conversation) as tab:
                await tab.until("snapshot")
                await one.say(conversation, "total?")

                async with asyncio.timeout(20):
                    while not says(await tab.until("progress"), "On the way."):
                        pass
                    while not says(await tab.until("snapshot"), LONG[:-1]):
                        pass

    async def test_a_lost_connection(self, tmp_path: Path) -> None:
        """What happened while a worker could not hear is shown when it can again."""
        async with serve(tmp_path) as one, serve(tmp_path) as two:
            await until_listened(one, 2)
            conversation = await one.create()
            async with two.events(conversation) as tab:
                await tab.until("snapshot")
                cut = sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = :name"
                )
                async with one.core.services.database.connect() as db:
                    await db.execute(cut, {"name": CHANNEL})
                await one.say(conversation, "total?")

                async with asyncio.timeout(20):
                    while not says(await tab.until("snapshot"), "You said: total?"):
                        pass
