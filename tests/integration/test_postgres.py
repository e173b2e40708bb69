"""What is PostgreSQL's own: an address that is wrong, connections that break, its limits."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
import sqlalchemy as sa
import structlog.testing

from bot.app import application
from bot.doctor import Verdict, examine
from bot.durable import upgrade_workflows
from bot.engines import ONE_WORKER
from bot.errors import SettingsError
from bot.logs import configure_logs
from bot.settings import Settings
from bot.store.database import open_database, postgresql_url, upgrade_all
from bot.store.folder import claimed
from bot.store.tables import workers
from bot.store.turns import Turns
from bot.store.workers import Workers
from tests.fakes.platform import ScriptedChat
from tests.fakes.postgres import PostgresServer
from tests.fakes.responses_api import FakeResponsesApi, Say, Wait
from tests.fakes.threadlab import running, settings_for

EMBEDDED: dict[str, Any] = {
    "openai_api_key": None,
    "engine": "embedded",
    "worker_heartbeat_seconds": 0.3,
    "worker_dead_seconds": 1.0,
}
NOWHERE = "postgresql://ann:secret@127.0.0.1:1/none"
NOWHERE_EITHER = "postgresql://ann@127.0.0.1:1/none?password=secret"


def cut_all(address: str) -> None:
    """End all connections to the database, as a restart of the server does."""
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@contextmanager
def guest(address: str, *grants: LiteralString) -> Iterator[str]:
    """The same address for a role that may do no more than what it is granted."""
    with psycopg.connect(address, autocommit=True) as db:
        for statement in ("CREATE ROLE guest LOGIN PASSWORD 'guest'", *grants):
            db.execute(statement)
        theirs = sa.make_url(address).set(username="guest", password="guest")
        try:
            yield theirs.render_as_string(hide_password=False)
        finally:
            db.execute("DROP OWNED BY guest")
            db.execute("DROP ROLE guest")


class TestAddress:
    @pytest.mark.parametrize("address", [NOWHERE, NOWHERE_EITHER])
    async def test_nobody_there(self, chat: ScriptedChat, tmp_path: Path, address: str) -> None:
        """A server that can't be reached is named at the start, without the password."""
        settings = settings_for(tmp_path, "http://127.0.0.1:1", database_url=address)

        with pytest.raises(SettingsError, match=r"127\.0\.0\.1") as refused:
            async with application(settings, {}, [chat]):
                pass

        assert "secret" not in str(refused.value)

    async def test_examined(self, tmp_path: Path) -> None:
        """The doctor says that the server can't be reached, without the password."""
        settings = settings_for(tmp_path, None, database_url=NOWHERE)

        findings = await examine(settings, {}, frozenset())

        (finding,) = (each for each in findings if each.subject == "database")
        assert finding.verdict is Verdict.WRONG
        assert "DATABASE_URL" in finding.sentence
        assert "secret" not in finding.sentence

    async def test_examined_and_fine(self, tmp_path: Path, postgres_url: str) -> None:
        """The doctor says that the database opens, and that the embedded engine is for one."""
        settings = settings_for(tmp_path, None, database_url=postgres_url, engine="embedded")

        findings = await examine(settings, {}, frozenset())

        assert ONE_WORKER in [each.sentence for each in findings]
        assert "opens" in next(each.sentence for each in findings if each.subject == "database")

    async def test_examined_without_rights(
        self, tmp_path: Path, postgres: PostgresServer, postgres_url: str
    ) -> None:
        """The doctor says that a role may not make the tables that are missing."""
        with guest(postgres_url) as theirs:
            settings = settings_for(tmp_path, None, database_url=theirs)
            findings = await examine(settings, {}, frozenset())

        (finding,) = (each for each in findings if each.subject == "database")
        name = postgres.name_of(postgres_url)
        assert finding.verdict is Verdict.WRONG
        assert f"{name} opens, but its role may not make tables" in finding.sentence

    async def test_without_rights(
        self, tmp_path: Path, postgres_url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A role that may make no schema is refused at the start and by `db upgrade` with a
        sentence, and no traceback is logged."""
        logging.getLogger("dbos").addHandler(caplog.handler)
        with guest(postgres_url, "GRANT CREATE ON SCHEMA public TO guest") as theirs:
            settings = settings_for(tmp_path, "http://127.0.0.1:1", database_url=theirs)
            with pytest.raises(SettingsError, match=r"permission denied .* owner") as at_start:
                async with application(settings, {}, [ScriptedChat()]):
                    pass
            with pytest.raises(SettingsError) as upgrading:
                await asyncio.to_thread(upgrade_workflows, theirs)

        logging.getLogger("dbos").removeHandler(caplog.handler)
        assert str(upgrading.value) == str(at_start.value)
        assert not any(record.exc_info for record in caplog.records)

    @pytest.mark.parametrize(
        "address",
        [
            "postgresql://ann:p@ssword-secret@db.example/lab",
            "postgresql://ann:secret/more@db.example/lab",
            "postgresql://ann:secret#more@db.example/lab",
            "postgresql://ann:secret@db.example:port/lab",
            "postgresql://ann:secret@one:5432,two:5432/lab",
        ],
    )
    def test_that_can_be_misread(self, address: str) -> None:
        """An address in which a password ends too early, or without a port where one should be, is
        refused with a hint and without the password."""
        with pytest.raises(ValueError, match="%40 for @") as refused:
            Settings(_env_file=None, database_url=address)

        assert "secret" not in str(refused.value)

    @pytest.mark.parametrize(
        "address",
        [
            "postgresql://ann:p%40ss@db.example/lab",
            "postgres://db.example:5432/lab?sslmode=require",
            "postgresql://[::1]:5432/lab",
            "postgresql:///lab?host=/var/run/postgresql",
        ],
    )
    def test_of_each_kind(self, address: str) -> None:
        """Addresses with and without a name, a port, a socket's folder are taken."""
        settings = Settings(_env_file=None, database_url=address)

        assert postgresql_url(address).database == "lab"
        assert settings.shared

    def test_of_something_else(self) -> None:
        """An address that is not PostgreSQL's is refused."""
        with pytest.raises(ValueError, match="postgresql://"):
            Settings(_env_file=None, database_url="mysql://x/y")


class TestUse:
    async def test_broken_connections(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, postgres_url: str
    ) -> None:
        """A server that was restarted in mid-turn costs neither the answer nor the next."""
        gate = asyncio.Event()
        api.script = lambda body: [Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url, database_url=postgres_url):
            await chat.say("one")
            while not api.responses:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(cut_all, postgres_url)
            gate.set()
            await chat.finished(1)
            await asyncio.to_thread(cut_all, postgres_url)
            await chat.say("two")
            surfaces = await chat.finished(2)

        assert [chat.text_of(surface) for surface in surfaces] == ["Done.", "Done."]
        assert [effect[1] for effect in chat.effects].count("post") == 2

    async def test_a_server_that_is_gone_for_a_while(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        postgres: PostgresServer,
        postgres_url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """While the database is down a message waits to be accepted; then all is answered, once.
        The log says so in lines, without tracebacks."""
        monkeypatch.setattr("sys.stderr", log := io.StringIO())
        configure_logs("INFO")
        gate = asyncio.Event()
        api.script = lambda body: [Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url, database_url=postgres_url):
            await chat.say("one", thread="t1")
            while not api.responses:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(postgres.shut, postgres_url)
            gate.set()
            saying = asyncio.create_task(chat.say("two", thread="t2"))
            _, waiting = await asyncio.wait([saying], timeout=0.5)
            await asyncio.to_thread(postgres.reopen, postgres_url)
            await saying
            surfaces = await chat.finished(2)

        assert waiting
        assert "not available" in log.getvalue()
        assert "Traceback" not in log.getvalue()
        assert [chat.text_of(surface) for surface in surfaces] == ["Done.", "Done."]
        assert [effect[1] for effect in chat.effects].count("post") == 2

    @pytest.mark.parametrize("alive", [True, False])
    async def test_embedded_engine_beside_another_worker(
        self, tmp_path: Path, postgres_url: str, alive: bool
    ) -> None:
        """A worker with the embedded engine is refused beside one that lives; one that died a
        moment ago is waited for."""
        database = open_database(postgres_url, timeout_seconds=10)
        await upgrade_all(database, [])
        await Workers(database, []).join("other")
        if alive:
            async with database.begin() as db:
                await db.execute(sa.update(workers).values(seen_at=workers.c.seen_at + 600))
        await database.dispose()
        started = running(ScriptedChat(), tmp_path, None, **EMBEDDED, database_url=postgres_url)

        if alive:
            with pytest.raises(SettingsError, match=r"Another worker .* `threadlab engine`"):
                await started.__aenter__()
        else:
            async with started as app:
                assert app.platforms

    async def test_embedded_engine_over_the_same_folder(
        self, tmp_path: Path, postgres_url: str
    ) -> None:
        """A second worker with the embedded engine over one folder is not sent to another one."""
        settings = settings_for(tmp_path, None, **EMBEDDED, database_url=postgres_url)
        async with claimed(tmp_path):
            with pytest.raises(SettingsError, match=r"runs already .* `threadlab engine`") as said:
                async with application(settings, {}, [ScriptedChat()]):
                    pass

        assert "another folder" not in str(said.value)

    async def test_cut_off(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, postgres_url: str
    ) -> None:
        """What a worker can't finish before it ends is said to be the other workers' too."""
        api.script = lambda body: [Wait(asyncio.Event()), Say("Done.")]
        quick: dict[str, Any] = {"database_url": postgres_url, "shutdown_seconds": 1}
        with structlog.testing.capture_logs() as lines:
            async with running(chat, tmp_path, api.base_url, **quick):
                await chat.say("one")
                while not api.responses:
                    await asyncio.sleep(0.01)

        (line,) = (each for each in lines if each["event"].startswith("turns cut off"))
        assert "by other workers" in line["event"]

    async def test_nul(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, postgres_url: str
    ) -> None:
        """Text with the character NUL, which PostgreSQL has no room for, is answered without it."""
        api.script = lambda body: [Say("Do\0ne.")]
        async with running(chat, tmp_path, api.base_url, database_url=postgres_url) as app:
            message = await chat.say("to\0tal?")
            (surface,) = await chat.finished(1)
            asked = await Turns(app.services.database).messages(surface.turn_id)

        assert [each.text for each in asked] == ["total?"]
        assert message.text == "to\0tal?"

    async def test_started_together(self, postgres_url: str) -> None:
        """Of several workers that start on an empty database, one makes the tables."""
        engines = [open_database(postgres_url, timeout_seconds=10) for _ in range(4)]

        await asyncio.gather(*(upgrade_all(engine, []) for engine in engines))

        for engine in engines:
            await engine.dispose()
