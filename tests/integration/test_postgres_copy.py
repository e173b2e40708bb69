"""`threadlab db`: from SQLite to PostgreSQL with nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from adapters.web.store import WebStore
from adapters.web.tables import messages as web_messages
from bot.cli import cli
from bot.database_copy import CopyRefused, copy_database
from bot.domain import Attachment, ThreadKey
from bot.followups import Followups
from bot.store.arrivals import Arrivals
from bot.store.database import open_database, upgrade_all
from bot.store.tables import messages, threads, turns
from bot.store.threads import Threads
from bot.store.turns import Turns
from tests.fakes.platform import BEN, ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi, Say, Wait
from tests.fakes.threadlab import running

WEB = ("web", Path(__file__).parents[2] / "adapters" / "web" / "migrations")


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = open_database(tmp_path / "threadlab.db", timeout_seconds=5)
    await upgrade_all(engine, [WEB])
    yield engine
    await engine.dispose()


@pytest.fixture
async def target(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    engine = open_database(postgres_url, timeout_seconds=5)
    await upgrade_all(engine, [WEB])
    yield engine
    await engine.dispose()


async def filled(source: AsyncEngine, chat: ScriptedChat) -> ThreadKey:
    """Rows of the core and of the web page: a running turn, text of many kinds, times."""
    message = chat.message("Umlauts: äöü — 表 🙂 'quoted'", files={"a.csv": b"1"})
    await Arrivals(source).accept(message, Followups.SMART)
    await Arrivals(source).accept(chat.message("later\0", author=BEN), Followups.SMART)
    await Turns(source).update("none", notes=[])
    web = WebStore(source)
    talk = await web.create_conversation()
    sent = [Attachment("f", "a.csv", "text/csv", 3, {"id": "f"})]
    await web.add_person_message(talk.id, "m", "hello", "Ann", sent, title_if_new="hello")
    return message.key


class TestCopy:
    async def test_every_row(
        self, source: AsyncEngine, target: AsyncEngine, chat: ScriptedChat
    ) -> None:
        """Rows of the core's and the adapters' tables arrive as they were, and are counted."""
        key = await filled(source, chat)

        copied = await copy_database(source, target)

        counts = {table.table: table.rows for table in copied}
        assert counts["messages"] == 2
        assert counts["web_messages"] == 1
        async with target.connect() as db:
            texts = (await db.scalars(sa.select(messages.c.text).order_by(messages.c.seq))).all()
            unset = await db.scalar(sa.select(turns.c.id).where(turns.c.outcome.is_(None)))
        assert texts == ["Umlauts: äöü — 表 🙂 'quoted'", "later"]
        assert unset is not None
        assert await Threads(target).get(key) == await Threads(source).get(key)
        (old,), (new,) = [await WebStore(each).conversations(5) for each in (source, target)]
        assert old == new

    async def test_numbers_go_on(
        self, source: AsyncEngine, target: AsyncEngine, chat: ScriptedChat
    ) -> None:
        """What is written after the copy comes after what was copied."""
        key = await filled(source, chat)
        await copy_database(source, target)

        await Arrivals(target).accept(chat.message("newest"), Followups.SMART)
        web = WebStore(target)
        (talk,) = await web.conversations(5)
        await web.add_note(talk.id, "a note")

        async with target.connect() as db:
            seqs = (await db.scalars(sa.select(messages.c.seq).order_by(messages.c.seq))).all()
            count = await db.scalar(sa.select(sa.func.count()).select_from(web_messages))
        assert seqs == [1, 2, 3]
        assert count == 2
        assert key

    async def test_into_a_full_one(
        self, source: AsyncEngine, target: AsyncEngine, chat: ScriptedChat
    ) -> None:
        """A database that somebody has used is not written over."""
        await filled(source, chat)
        await copy_database(source, target)

        with pytest.raises(CopyRefused, match="not empty"):
            await copy_database(source, target)

    async def test_that_arrives_changed(
        self, source: AsyncEngine, target: AsyncEngine, chat: ScriptedChat
    ) -> None:
        """A copy that is not the same in every row is undone as a whole."""
        await filled(source, chat)
        async with target.begin() as db:
            await db.execute(
                sa.text(
                    "create function spoil() returns trigger language plpgsql as "
                    "$$ begin new.author_name := 'x'; return new; end $$"
                )
            )
            await db.execute(
                sa.text(
                    "create trigger spoil before insert on messages "
                    "for each row execute function spoil()"
                )
            )

        with pytest.raises(CopyRefused, match="messages"):
            await copy_database(source, target)

        async with target.connect() as db:
            assert await db.scalar(sa.select(sa.func.count()).select_from(threads)) == 0


class TestMove:
    async def test_unfinished_turns(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        postgres_url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What was unfinished when the bot was moved is answered on PostgreSQL, once."""
        gate = asyncio.Event()
        api.script = lambda body: [Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url, shutdown_seconds=0.1):
            await chat.say("one")
            while not api.responses:
                await asyncio.sleep(0.01)
            await chat.say("two", author=BEN)
        gate.set()

        monkeypatch.setenv("DATABASE_URL", postgres_url)
        monkeypatch.setenv("DATA_DIR", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        result = await asyncio.to_thread(CliRunner().invoke, cli, ["db", "copy"])
        async with running(chat, tmp_path, api.base_url):
            await chat.finished(2)

        assert result.exit_code == 0, result.output
        assert "rows were copied and compared" in result.output
        questions = [body["input"][-1]["content"][0]["text"] for body in api.asked]
        assert questions == ["one", "two"]
        assert [effect[1] for effect in chat.effects].count("post") == 2

    def test_without_an_address(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without DATABASE_URL there is nowhere to copy to, and that is said."""
        monkeypatch.delenv("DATABASE_URL", raising=False)
        monkeypatch.setenv("DATA_DIR", str(tmp_path))
        monkeypatch.chdir(tmp_path)

        result = CliRunner().invoke(cli, ["db", "copy"])

        assert result.exit_code == 2
        assert "Set DATABASE_URL" in result.output


class TestUpgrade:
    def test_of_an_empty_database(
        self, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """All tables are made, those of the workflows too; once more changes nothing."""
        monkeypatch.setenv("DATABASE_URL", postgres_url)
        monkeypatch.chdir(tmp_path)

        results = [CliRunner().invoke(cli, ["db", "upgrade"]) for _ in range(2)]

        assert [result.exit_code for result in results] == [0, 0], results[0].output
        with psycopg.connect(postgres_url) as db:
            found = db.execute("SELECT table_schema, table_name FROM information_schema.tables")
            tables = set(found.fetchall())
        assert {
            ("public", "turns"),
            ("public", "web_messages"),
            ("dbos", "workflow_status"),
        } <= tables

    def test_of_a_server_that_is_not_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A server that can't be reached is a sentence, without the password."""
        monkeypatch.setenv("DATABASE_URL", "postgresql://ann:secret@127.0.0.1:1/none")
        monkeypatch.chdir(tmp_path)

        result = CliRunner().invoke(cli, ["db", "upgrade"])

        assert result.exit_code == 2
        assert "can't be used" in result.output
        assert "secret" not in result.output
