"""What the Discord adapter keeps, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.discord import plugin
from adapters.discord.keys import thread_key
from adapters.discord.store import DiscordStore, Place, Posted, Question
from adapters.discord.tables import invocations
from bot.store.database import open_database, upgrade

KEY, OTHER = thread_key(1, 2, 3), thread_key(1, 2, 4)


@pytest.fixture
async def store(database_url: str | None, tmp_path: Path) -> AsyncIterator[DiscordStore]:
    database = open_database(database_url or tmp_path / "test.db", timeout_seconds=5)
    assert plugin.migrations is not None
    await upgrade(database, name=plugin.name, migrations=plugin.migrations)
    yield DiscordStore(database)
    await database.dispose()


async def test_a_post_is_found_by_its_id_and_its_message(store: DiscordStore) -> None:
    """A post leads to its message, and the message to its conversation."""
    await store.note_post("t:0", KEY, Posted(3, 30))
    await store.note_post("t:0", KEY, Posted(3, 31))

    assert await store.posted("t:0") == Posted(3, 31)
    assert await store.thread_of(31) == KEY
    assert await store.thread_of(30) is None
    assert await store.answers_in(KEY)
    assert not await store.answers_in(OTHER)


async def test_a_place_is_kept(store: DiscordStore) -> None:
    """Where a conversation is answered is found out once."""
    await store.note_place(KEY, Place(2, chained=True))

    assert await store.place(KEY) == Place(2, chained=True)
    assert await store.place(OTHER) is None


async def test_a_token_lives_for_a_quarter_of_an_hour(store: DiscordStore) -> None:
    """The token of the question counts, else the newest, and a dead one never."""
    await store.note_invocation(1, KEY, 9, "first")
    await store.note_invocation(2, KEY, 9, "second")
    newest = await store.invocation(KEY)

    await store.note_invocation(3, OTHER, 9, "asked", Question(30, "> sum?"))
    await store.note_invocation(4, OTHER, 9, "later")
    asked, later = await store.invocation(OTHER, "30"), await store.invocation(OTHER, "31")

    async with store._database.begin() as db:
        await db.execute(sa.update(invocations).values(created_at=0.0))

    assert newest is not None
    assert newest.token == "second"
    assert "second" not in repr(newest)
    assert await store.invocation(KEY) is None
    assert asked is not None
    assert later is not None
    assert (asked.token, asked.question) == ("asked", Question(30, "> sum?"))
    assert (later.token, later.question) == ("later", None)


async def test_a_command_is_claimed_once(store: DiscordStore) -> None:
    """The first to claim a command follows it."""
    assert [await store.claim(7), await store.claim(7), await store.claim(8)] == [True, False, True]


async def test_a_forgotten_conversation_leaves_nothing(store: DiscordStore) -> None:
    """All that is kept of it goes; others stay."""
    for key, number in ((KEY, 1), (OTHER, 2)):
        await store.note_post(f"t{number}:0", key, Posted(3, number))
        await store.note_place(key, Place(3))
        await store.note_invocation(number, key, 9, "token")

    await store.forget(KEY)

    assert await store.posted("t1:0") is None
    assert await store.place(KEY) is None
    assert await store.invocation(KEY) is None
    assert await store.posted("t2:0") == Posted(3, 2)
