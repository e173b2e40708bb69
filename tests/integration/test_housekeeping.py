"""What is past its time is deleted; what is in use is kept awake."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain import Caller
from bot.store.database import open_blocking
from bot.store.tables import erasures, files, threads, turns
from tests.fakes.platform import ANN, ScriptedChat
from tests.fakes.responses_api import Code, FakeResponsesApi, Fault, Say, Wait
from tests.fakes.threadlab import running

DAY_SECONDS = 86_400
ROUND: dict[str, Any] = {"housekeeping_seconds": 0.05}


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.02)


async def change(chat: ScriptedChat, table: sa.Table, **values: Any) -> None:
    async with chat.services.database.begin() as db:
        await db.execute(sa.update(table).values(**values))


async def known(chat: ScriptedChat) -> list[str]:
    async with chat.services.database.connect() as db:
        return list(await db.scalars(sa.select(threads.c.key)))


def blobs(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "blobs" / "threads").rglob("*") if path.is_file()]


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


async def noted_uploads(chat: ScriptedChat) -> list[str | None]:
    async with chat.services.database.connect() as db:
        return list(await db.scalars(sa.select(files.c.engine_file_id)))


async def zipped(chat: ScriptedChat) -> str:
    """Ask for a zip; its name in the blob store."""
    result = await chat.services.commands.run("files", chat.thread(), Caller(ANN), "zip")
    return result.files[0].blob.sha256


def workflow_status(database: sa.Engine) -> sa.TableClause:
    schema = "dbos" if database.dialect.name == "postgresql" else None
    names = ("workflow_uuid", "status", "executor_id", "created_at", "completed_at")
    return sa.table("workflow_status", *map(sa.column, names), schema=schema)


def leave_without_end(where: Path | str) -> None:
    """Have all workflows look as those of a process that died long ago."""
    database = open_blocking(where, timeout_seconds=5)
    values = {"status": "PENDING", "executor_id": "dead", "created_at": 1, "completed_at": None}
    with database.begin() as db:
        db.execute(sa.update(workflow_status(database)).values(**values))
    database.dispose()


def recorded(where: Path | str) -> set[str]:
    """The turns that have a workflow."""
    database = open_blocking(where, timeout_seconds=5)
    with database.connect() as db:
        found = set(db.scalars(sa.select(workflow_status(database).c.workflow_uuid)))
    database.dispose()
    return found


@pytest.fixture
def computing(api: FakeResponsesApi) -> FakeResponsesApi:
    """An engine that runs code for each question."""
    api.script = lambda body: [Code("…"), Say("Done.")]
    return api


class TestRetention:
    @pytest.mark.usefixtures("database_url")
    async def test_old_threads(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A thread in which nothing happened for longer than the setting is forgotten, at the
        engine too; others stay."""
        settings = ROUND | {"retention_days": 30}
        async with running(chat, tmp_path, computing.base_url, **settings):
            await chat.say("old", thread="t1", files={"s.csv": b"1"})
            await chat.finished(1)
            past = time.time() - 31 * DAY_SECONDS
            await change(chat, threads, last_active_at=past, created_at=past)
            await chat.say("new", thread="t2", files={"s.csv": b"2"})
            await chat.finished(2)

            async def forgotten() -> bool:
                return await known(chat) == [str(chat.thread("t2"))] and len(computing.uploads) == 1

            await until(forgotten)

        assert [content for _, content in computing.uploads.values()] == [b"2"]
        assert len(blobs(tmp_path)) == 1

    async def test_for_ever(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Unless an operator sets it, threads are kept."""
        async with running(chat, tmp_path, computing.base_url):
            await chat.say("old")
            await chat.finished(1)
            await change(chat, threads, last_active_at=1.0, created_at=1.0)
        async with running(chat, tmp_path, computing.base_url, **ROUND):
            await asyncio.sleep(0.3)
            kept = await known(chat)

        assert kept == [str(chat.thread())]


class TestOrphans:
    async def test_blobs(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Bytes that no file refers to go after a day: not those of files, not fresh ones."""
        async with running(chat, tmp_path, computing.base_url):
            await chat.say("go", files={"s.csv": b"1"})
            await chat.finished(1)
            old = await zipped(chat)
            for path in blobs(tmp_path):
                age(path, 2 * DAY_SECONDS)
            await chat.say("go", files={"t.csv": b"2"})
            await chat.finished(2)
            fresh = await zipped(chat)
        async with running(chat, tmp_path, computing.base_url, **ROUND):

            async def gone() -> bool:
                return old not in {path.name for path in blobs(tmp_path)}

            await until(gone)

        assert fresh in {path.name for path in blobs(tmp_path)}
        assert len(blobs(tmp_path)) == 3

    async def test_uploads(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Uploads that the engine has let expire are brought again when they are needed."""
        async with running(chat, tmp_path, computing.base_url, **ROUND):
            await chat.say("go", files={"s.csv": b"1"})
            await chat.finished(1)
            computing.uploads.clear()
            computing.expire(next(iter(computing.containers)))
            await change(chat, files, engine_expires_at=time.time() - 1)

            async def noted() -> bool:
                async with chat.services.database.connect() as db:
                    return await db.scalar(sa.select(files.c.engine_file_id)) is None

            await until(noted)
            await chat.say("again")
            await chat.finished(2)

        assert [name for name, _ in computing.uploads.values()] == ["s.csv"]

    @pytest.mark.usefixtures("database_url")
    @pytest.mark.parametrize("retries", [0, 2], ids=["ours", "the client's"])
    async def test_uploads_without_an_end(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path, retries: int
    ) -> None:
        """A copy at the engine whose id never came is deleted; the one that is used stays, and so
        do files of others under the same key."""
        others = {
            "file-x": ("s.csv", b"another's"),
            "file-y": ("old.csv", b"1"),
            "file-z": ("s.csv", b"1"),
        }
        computing.uploads |= others
        computing.uploaded_at |= {id: int(time.time()) for id in others} | {"file-z": 1}
        computing.faults.append(Fault("/v1/files", 500, late=True))
        settings: dict[str, Any] = {"engine_file_retries": retries, "retry_wait_seconds": 0.01}
        async with running(chat, tmp_path, computing.base_url, **settings):
            await chat.say("go", files={"s.csv": b"1"})
            await chat.finished(1)
            twice = [id for id in computing.uploads if id not in others]
            (used,) = await noted_uploads(chat)
        orphans: dict[str, Any] = ROUND | {"uploads_orphan_hours": 0.000_1}
        async with running(chat, tmp_path, computing.base_url, **orphans):

            async def gone() -> bool:
                return len(computing.uploads) == len(others) + 1

            await until(gone)

        assert len(twice) == 2
        assert list(computing.uploads) == [*others, used]


class TestGivenUp:
    async def test_responses(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A response that failed and was asked for again is deleted at the engine by and by."""
        api.drop_stream_after = 3
        api.faults += [Fault("/v1/responses/resp_", 404, "Response not found.")]
        async with running(chat, tmp_path, api.base_url, **ROUND):
            await chat.say("go")
            await chat.finished(1)
            first = next(path for method, path in api.calls if "/resp_" in path).split("/")[3]

            async def gone() -> bool:
                return first not in api.responses

            await until(gone)

        assert len(api.asked) == 2
        assert len(api.responses) == 1


class TestRecords:
    @pytest.mark.usefixtures("on_sqlite")
    async def test_of_finished_turns(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The records of steps go after their time; the answers stay."""
        workflows = sa.create_engine(f"sqlite:///{tmp_path / 'workflows.db'}")
        count = sa.text("SELECT count(*) FROM workflow_status")

        async def empty() -> bool:
            with workflows.connect() as db:
                return not db.scalar(count)

        settings = ROUND | {"workflows_keep_days": 0.000_001}
        async with running(chat, tmp_path, computing.base_url, **settings):
            await chat.say("go")
            await chat.finished(1)
            await until(empty)
            retried = await chat.services.commands.run("retry", chat.thread(), Caller(ANN))
            await chat.finished(2)
        workflows.dispose()

        assert retried.ok

    @pytest.mark.usefixtures("on_sqlite")
    async def test_many_at_once(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """One round takes all that is past its time, in portions."""
        async with running(chat, tmp_path, computing.base_url):
            for number in range(3):
                await chat.say("go", thread=f"t{number}")
            await chat.finished(3)
        workflows = sa.create_engine(f"sqlite:///{tmp_path / 'workflows.db'}")

        async def empty() -> bool:
            with workflows.connect() as db:
                return not db.scalar(sa.text("SELECT count(*) FROM workflow_status"))

        settings = {"workflows_keep_days": 0.000_001, "housekeeping_at_once": 1}
        async with running(chat, tmp_path, computing.base_url, **settings):  # type: ignore[arg-type]
            await until(empty)
        workflows.dispose()

    async def test_without_an_end(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        database_url: str | None,
    ) -> None:
        """Records go as well that never got their end, as a worker's that died before the last of
        them; not those of a turn that was over just now, or is not."""
        gate = asyncio.Event()
        api.script = lambda body: [Wait(gate) if "wait" in str(body) else Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", thread="over")
            await chat.say("go", thread="just over")
            await chat.finished(2)
        past = time.time() - 40 * DAY_SECONDS
        where = database_url or tmp_path / "workflows.db"
        async with running(chat, tmp_path, api.base_url, **ROUND):
            await chat.say("wait", thread="under way")
            while len(api.asked) < 3:
                await asyncio.sleep(0.01)
            over = turns.c.thread == str(chat.thread("over"))
            async with chat.services.database.begin() as db:
                await db.execute(sa.update(turns).where(over).values(finished_at=past))
                found = await db.execute(sa.select(turns.c.thread, turns.c.id))
                ids = {row.thread: row.id for row in found}
            await asyncio.to_thread(leave_without_end, where)

            async def gone() -> bool:
                return ids[str(chat.thread("over"))] not in await asyncio.to_thread(recorded, where)

            await until(gone)
            left = await asyncio.to_thread(recorded, where)
            gate.set()
            await chat.finished(3)

        assert left == {ids[str(chat.thread(name))] for name in ("just over", "under way")}

    async def test_without_an_end_and_forgotten(
        self,
        chat: ScriptedChat,
        computing: FakeResponsesApi,
        tmp_path: Path,
        database_url: str | None,
    ) -> None:
        """Records that never get their end keep a forgotten thread for a minute, not for ever."""
        where = database_url or tmp_path / "workflows.db"
        async with running(chat, tmp_path, computing.base_url):
            await chat.say("go")
            await chat.finished(1)
        async with running(chat, tmp_path, computing.base_url, **ROUND):
            await asyncio.to_thread(leave_without_end, where)
            told = await chat.services.commands.run("forget", chat.thread(), Caller(ANN), "yes")
            at_first = await asyncio.to_thread(recorded, where)
            await change(chat, erasures, created_at=time.time() - 61)

            async def gone() -> bool:
                return not await asyncio.to_thread(recorded, where)

            await until(gone)

        assert told.ok
        assert len(at_first) == 1

    async def test_one_job_fails(
        self,
        chat: ScriptedChat,
        computing: FakeResponsesApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A job that fails does not keep the others from their work."""

        async def broken(*_: object) -> int:
            raise OSError("disk full")

        monkeypatch.setattr("bot.housekeeping.Housekeeping._expired_uploads", broken)
        async with running(chat, tmp_path, computing.base_url):
            await chat.say("go", files={"s.csv": b"1"})
            await chat.finished(1)
            old = await zipped(chat)
            for path in blobs(tmp_path):
                age(path, 2 * DAY_SECONDS)
        async with running(chat, tmp_path, computing.base_url, **ROUND):

            async def gone() -> bool:
                return old not in {path.name for path in blobs(tmp_path)}

            await until(gone)


class TestRenewal:
    async def test_kept_awake(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The explicit container of a thread in use is touched before it is idle for too long,
        also after a failure."""
        settings: dict[str, Any] = {"container_mode": "explicit", "container_idle_seconds": 1}
        async with running(chat, tmp_path, computing.base_url, **settings):
            await chat.say("go")
            await chat.finished(1)
            (container,) = computing.containers
            touch = ("GET", f"/v1/containers/{container}")
            before = computing.calls.count(touch)
            computing.faults.append(Fault(touch[1], 503))

            async def touched() -> bool:
                return computing.calls.count(touch) >= before + 3

            await until(touched)
            view = await chat.services.workspaces.view(chat.thread())

        assert view.state == "running"

    async def test_its_time_is_over(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Once nobody has written for the set time, the container is ended; the next question
        finds its files in a new one."""
        settings: dict[str, Any] = {"container_mode": "explicit", "container_idle_seconds": 1}
        async with running(chat, tmp_path, computing.base_url, **settings):
            await chat.say("go", files={"s.csv": b"1"})
            await chat.finished(1)
            await change(chat, threads, last_active_at=1.0)

            async def ended() -> bool:
                return not computing.containers

            await until(ended)
            await chat.say("again")
            _, surface = await chat.finished(2)

        notes = [note for post in surface.posts.values() for note in post.notes]
        assert any("fresh container" in note for note in notes)
        assert len(computing.containers) == 1

    async def test_auto_is_left_alone(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A container that the service made is not kept awake."""
        async with running(chat, tmp_path, computing.base_url, container_idle_seconds=1):
            await chat.say("go")
            await chat.finished(1)
            (container,) = computing.containers

            async def expired() -> bool:
                return (await chat.services.workspaces.view(chat.thread())).state == "expired"

            await until(expired)

        assert ("GET", f"/v1/containers/{container}") not in computing.calls
