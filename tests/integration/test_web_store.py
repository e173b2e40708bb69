"""The page's tables and what is kept in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.web import plugin, tables
from adapters.web.records import MessageState
from adapters.web.store import WebStore
from bot.domain import Answer, Artifact, Attachment, Blob, CodeRun, Post, RunState
from bot.store.database import open_database, upgrade


@pytest.fixture
async def database(tmp_path: Path) -> AsyncEngine:
    engine = open_database(tmp_path / "test.db", timeout_seconds=5)
    assert plugin.migrations is not None
    await upgrade(engine, name=plugin.name, migrations=plugin.migrations)
    return engine


@pytest.fixture
def store(database: AsyncEngine) -> WebStore:
    return WebStore(database)


async def test_migrations_make_the_tables_that_the_code_expects(database: AsyncEngine) -> None:
    """The schema after all migrations is the schema of the code."""

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or "version" not in name},
        )
        return list(compare_metadata(context, tables.metadata))

    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_an_answer_is_read_back_as_it_was_posted(store: WebStore) -> None:
    """Runs, files, notes: all of a post survives."""
    conversation = await store.create_conversation()
    message = await store.open_answer(conversation.id, "turn-1", "message-1")
    post = Post(
        "turn-1:0",
        "text",
        (Artifact("a", "a.csv", "text/csv", Blob("0" * 64, 3)),),
        (CodeRun("r", "x", RunState.FAILED, "log", ("data:image/png;base64,AA",)),),
        ("note",),
        failed=True,
    )

    for _ in range(2):
        await store.finish(conversation.id, message.id, post)

    (kept,) = await store.messages(conversation.id, 10)
    assert kept.post == post
    assert kept.state is MessageState.DONE
    assert await store.posted("turn-1:0") == message.id


async def test_a_message_waits_until_an_answer_begins(store: WebStore) -> None:
    """Waiting messages are known, so that none is lost; an answer ends the wait."""
    conversation = await store.create_conversation()
    files = (Attachment("u", "a.csv", "text/csv", 3, {"sha256": "0" * 64}),)
    await store.add_person_message(
        conversation.id, "message-1", "hi", "You", files, title_if_new="hi"
    )

    (waiting,) = await store.waiting()
    await store.open_answer(conversation.id, "turn-1", "message-1")

    assert waiting.attachments == files
    assert await store.waiting() == []


async def test_a_message_after_the_one_that_is_answered_still_waits(store: WebStore) -> None:
    """What was stored but not handed in when an answer begins is handed in after a crash."""
    conversation = await store.create_conversation()
    for name in ("message-1", "message-2", "message-3"):
        await store.add_person_message(conversation.id, name, "hi", "You", (), title_if_new="hi")

    await store.open_answer(conversation.id, "turn-1", "message-2")

    assert [message.id for message in await store.waiting()] == ["message-3"]


async def test_an_answer_reopened_after_its_end_stays_finished(store: WebStore) -> None:
    """A turn repeated after its post was stored does not undo it."""
    conversation = await store.create_conversation()
    message = await store.open_answer(conversation.id, "turn-1", "message-1")
    answer = Answer("turn-1", "done")
    await store.finish(conversation.id, message.id, Post("turn-1:0", answer.text))

    again = await store.open_answer(conversation.id, "turn-1", "message-1")

    assert (again.id, again.state) == (message.id, MessageState.DONE)
