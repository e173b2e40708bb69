"""The files and the database belong together: a wrong pair is refused, and loses nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.errors import SettingsError
from tests.fakes.platform import ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi
from tests.fakes.threadlab import running

DAYS_SECONDS = 3 * 86_400
SOON = {"housekeeping_seconds": 0.05}


async def tell(chat: ScriptedChat, api: FakeResponsesApi, data_dir: Path) -> list[Path]:
    """Have a conversation with a file, days ago; the files that are kept."""
    async with running(chat, data_dir, api.base_url):
        await chat.say("go", files={"s.csv": b"region,revenue"})
        await chat.finished(1)
    kept = [path for path in (data_dir / "blobs" / "threads").rglob("*") if path.is_file()]
    for path in kept:
        os.utime(path, (time.time() - DAYS_SECONDS,) * 2)
    return kept


async def start(chat: ScriptedChat, api: FakeResponsesApi, data_dir: Path, **more: str) -> None:
    async with running(chat, data_dir, api.base_url, **SOON, **more):  # type: ignore[arg-type]
        await asyncio.sleep(0.3)


def unmark(data_dir: Path) -> None:
    """As an earlier version has left it."""
    (data_dir / "blobs" / "mark").unlink()
    with closing(sqlite3.connect(data_dir / "threadlab.db")) as db, db:
        db.execute("DELETE FROM blob_marks")


@pytest.fixture
def sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.mark.usefixtures("sqlite")
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "of an earlier version"])
class TestAnotherDatabase:
    async def test_forgotten_copy(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        postgres_url: str,
        marked: bool,
    ) -> None:
        """A new database over a folder with files is refused before it could take them for
        nobody's; copied first, it finds them."""
        (kept,) = await tell(chat, api, tmp_path)
        if not marked:
            unmark(tmp_path)

        with pytest.raises(SettingsError, match="threadlab db copy"):
            await start(chat, api, tmp_path, database_url=postgres_url)
        left = kept.exists()
        copying = {"DATA_DIR": str(tmp_path), "DATABASE_URL": postgres_url}
        copied = await asyncio.to_thread(CliRunner().invoke, cli, ["db", "copy"], env=copying)
        await start(chat, api, tmp_path, database_url=postgres_url)

        assert left
        assert copied.exit_code == 0, copied.output
        assert kept.read_bytes() == b"region,revenue"


@pytest.mark.usefixtures("sqlite")
class TestOtherFiles:
    async def test_another_folder(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, postgres_url: str
    ) -> None:
        """A worker whose folder is not that of the others is refused, before anybody spoke and
        after."""
        one, two = tmp_path / "one", tmp_path / "two"
        await start(chat, api, one, database_url=postgres_url)

        with pytest.raises(SettingsError, match="as the other workers have them"):
            await start(chat, api, two, database_url=postgres_url)

    async def test_gone_for_good(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A database whose files are gone is refused until the operator says to go on without."""
        await tell(chat, api, tmp_path)
        shutil.rmtree(tmp_path / "blobs")

        with pytest.raises(SettingsError, match="threadlab db adopt"):
            await start(chat, api, tmp_path)
        environ = {"DATA_DIR": str(tmp_path)}
        adopted = await asyncio.to_thread(CliRunner().invoke, cli, ["db", "adopt"], env=environ)
        await start(chat, api, tmp_path)

        assert adopted.exit_code == 0, adopted.output

    async def test_moved(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Files that were moved without their mark are known by themselves."""
        (kept,) = await tell(chat, api, tmp_path)
        (tmp_path / "blobs" / "mark").unlink()

        await start(chat, api, tmp_path)

        assert (tmp_path / "blobs" / "mark").exists()
        assert kept.exists()

    async def test_lost_meanwhile(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A folder that is gone while the program runs is seen in its health."""
        async with running(chat, tmp_path, api.base_url) as app:
            before = await app.health.report()
            shutil.rmtree(tmp_path / "blobs")
            after = await app.health.report()

        assert before["files"] == "ok"
        assert "is not there" in after["files"]
