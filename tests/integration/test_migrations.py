"""A database of an earlier version, brought up to date with what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.doctor import Verdict, examine
from bot.domain import ThreadKey
from bot.errors import SettingsError
from bot.store.database import open_database, upgrade, upgrade_all
from bot.store.tables import participants
from bot.store.threads import Threads
from tests.fakes.threadlab import settings_for

WEB = ("web", Path(__file__).parents[2] / "adapters" / "web" / "migrations")
KEY = ThreadKey("web", "local", "pages", "t/1")


async def first_version(where: Path | str, monkeypatch: pytest.MonkeyPatch) -> AsyncEngine:
    """An opened database as the first version made it."""
    newest = command.upgrade
    database = open_database(where, timeout_seconds=5)
    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", lambda config, _: newest(config, "0001"))
        await upgrade(database)
    return database


async def insert(database: AsyncEngine, table: str, **values: Any) -> None:
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in values]
    async with database.begin() as db:
        await db.execute(sa.insert(sa.table(table, *columns)).values(**values))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a database without tables is."""
    if request.param == "sqlite":
        return tmp_path / "t.db"
    return str(request.getfixturevalue("postgres_url"))


async def test_threads_of_the_first_version(
    empty: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that was used lately is not taken for an old one, is in its channel's list, and
    knows who wrote and where its code ran."""
    database = await first_version(empty, monkeypatch)
    used = {"container_id": "cntr_1", "container_memory": "1g", "container_used_at": 20.0}
    await insert(database, "threads", key=str(KEY), created_at=10.0, **used)
    for number, author in enumerate(["u-ann", "u-ben", "u-ann"], start=1):
        await insert(
            database,
            "messages",
            thread=str(KEY),
            id=f"m{number}",
            author_id=author,
            author_name=author,
            text=f"question {number}",
            attachments="[]",
            addressed="direct",
            sent_at=10.0 + number,
            accepted_at=10.0 + number,
        )

    await upgrade(database)

    threads = Threads(database)
    (thread,) = await threads.recent("web", "local", channel="pages", author_id="u-ben", limit=5)
    async with database.connect() as db:
        people = set(await db.scalars(sa.select(participants.c.author_id)))
    old = await threads.untouched_since(12.0, 10)
    await database.dispose()
    assert thread.key == KEY
    assert (thread.title, thread.last_message_id) == ("question 1", "m3")
    assert (thread.last_active_at, thread.ran_container) == (13.0, "cntr_1")
    assert people == {"u-ann", "u-ben"}
    assert old == []


async def mark_newer(database: AsyncEngine, package: str) -> None:
    """Have a package's tables be of a version that nobody here knows."""
    async with database.begin() as db:
        await db.execute(sa.text(f"UPDATE alembic_version_{package} SET version_num = '9999'"))


class TestNewer:
    @pytest.mark.parametrize(("package", "named"), [("core", "tables in"), ("web", "of web in")])
    async def test_refused(self, empty: Path | str, package: str, named: str) -> None:
        """Tables of a version that is newer than the program are left as they are: a sentence says
        which they are, and to start that version."""
        database = open_database(empty, timeout_seconds=5)
        await upgrade_all(database, [WEB])
        await mark_newer(database, package)

        with pytest.raises(SettingsError, match="start that version") as refused:
            await upgrade_all(database, [WEB])

        async with database.connect() as db:
            marks = await db.scalars(sa.text(f"SELECT version_num FROM alembic_version_{package}"))
            assert marks.all() == ["9999"]
        await database.dispose()
        assert named in str(refused.value)

    async def test_examined(self, database_url: str | None, tmp_path: Path) -> None:
        """The doctor says so too."""
        settings = settings_for(tmp_path, None, database_url=database_url)
        database = open_database(settings.database, timeout_seconds=5)
        await upgrade_all(database, [WEB])
        await mark_newer(database, "web")
        await database.dispose()

        findings = await examine(settings, {}, frozenset())

        finding = next(each for each in findings if each.subject == "database")
        assert finding.verdict is Verdict.WRONG
        assert "tables of web" in finding.sentence
