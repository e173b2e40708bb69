"""A forgotten thread leaves nothing: not in the database, the blobs, the engine, the workflows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from openai import AsyncOpenAI, NotFoundError

from bot.domain import Addressing, Caller, ThreadKey
from bot.errors import PlatformError
from bot.ports import CommandResult, Reply
from bot.store.database import open_blocking
from bot.store.erasures import Erasures
from engine.planner.protocol import Lab, Question
from tests.fakes.engine import KEY, running_engine
from tests.fakes.platform import ANN, BEN, ScriptedChat
from tests.fakes.responses_api import Code, FakeResponsesApi, Fault, Say, Wait
from tests.fakes.threadlab import running

pytestmark = pytest.mark.usefixtures("database_url")

SECRET = "heliotrope"
OF_THREADS = {
    "threads",
    "participants",
    "messages",
    "turns",
    "files",
    "outbox",
    "feedback",
    "erasures",
}
CSV = f"name\n{SECRET}\n".encode()


async def run(
    chat: ScriptedChat, name: str, arguments: str = "", thread: str = "t1"
) -> CommandResult:
    return await chat.services.commands.run(name, chat.thread(thread), Caller(ANN), arguments)


async def rows(chat: ScriptedChat) -> dict[str, list[Any]]:
    """All rows of the core's tables."""
    found: dict[str, list[Any]] = {}
    async with chat.services.database.connect() as db:
        names = await db.run_sync(lambda sync: sa.inspect(sync).get_table_names())
        for name in names:
            table = sa.table(name, sa.literal_column("*"))
            found[name] = list((await db.execute(sa.select(table))).all())
    return {name: content for name, content in found.items() if not name.startswith("alembic")}


def filled(found: dict[str, list[Any]]) -> set[str]:
    """The tables about threads that have rows."""
    return {name for name, content in found.items() if content and name in OF_THREADS}


def blobs(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "blobs" / "threads").rglob("*") if path.is_file()]


def traces(data_dir: Path, *words: str) -> list[str]:
    """Files of ours in which one of the words stands."""
    paths = [path for path in data_dir.rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in paths if "engine" not in path.parts}
    return [
        f"{path.name}: {word}"
        for path, content in contents.items()
        for word in words
        if word.encode() in content
    ]


class TestForget:
    async def test_asks_first(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Without a yes nothing is erased: it is explained, with a button."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", files={"s.csv": CSV})
            await chat.finished(1)
            result = await run(chat, "forget")
            kept = await rows(chat)

        assert [(a.command, a.arguments) for a in result.actions] == [("forget", "yes")]
        assert "no way back" in result.text
        assert len(kept["messages"]) == 1
        assert len(blobs(tmp_path)) == 1

    async def test_other_peoples_threads(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Only who asked first in a thread, or an admin, erases it or all of its files; others
        are told whose it is."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", files={"s.csv": CSV})
            await chat.say("mine too", author=BEN)
            await chat.finished(2)
            give, key = chat.services.commands.run, chat.thread()
            lines = [("forget", ""), ("forget", "yes"), ("reset", "everything")]
            refused = [await give(name, key, Caller(BEN), line) for name, line in lines]
            kept = await rows(chat)
            plain = await give("reset", key, Caller(BEN))
            done = await give("forget", key, Caller(BEN, admin=True), "yes")

        assert {result.text for result in refused} == {
            "Only Ann, who asked me first in this thread, or an admin may do that."
        }
        assert not any(result.ok or result.actions for result in refused)
        assert (len(kept["messages"]), len(kept["files"])) == (2, 1)
        assert plain.ok
        assert done.ok

    async def test_a_direct_conversation(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where only the bot listens, nobody is asked to mention it again."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", addressed=Addressing.DIRECT)
            await chat.finished(1)
            result = await run(chat, "forget", "yes")

        assert result.text.endswith("but I know nothing of it any more.")

    async def test_a_chat_that_fails(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where the chat can't be reached nothing is erased, and nothing is later: the person
        was told, and goes on in the thread."""
        async with running(chat, tmp_path, api.base_url, housekeeping_seconds=0.1):
            await chat.say("go")
            await chat.finished(1)
            chat.forget_faults.append(PlatformError("The chat is away."))
            result = await run(chat, "forget", "yes")
            left = await rows(chat)

        assert not result.ok
        assert len(left["messages"]) == 1
        assert left["erasures"] == []

    async def test_nothing_is_left(
        self, chat: ScriptedChat, tmp_path: Path, database_url: str | None
    ) -> None:
        """Rows, bytes, containers, uploads, responses and workflow records are gone; another
        thread keeps all of its own, and the books keep the cost."""

        async def compute(question: Question, lab: Lab) -> None:
            await lab.run(f"open('/mnt/data/made.csv', 'w').write({question.text!r})")
            await lab.say(f"{question.text} [made.csv](sandbox:/mnt/data/made.csv)")

        data_dir = tmp_path / "bot"
        async with running_engine(tmp_path / "engine", compute) as engine:
            async with running(chat, data_dir, engine.base_url, openai_api_key=KEY):
                await chat.say("other?", thread="t2", files={"o.csv": b"other"})
                await chat.finished(1)
                others = await counts(engine.client)
                await chat.say(f"what of {SECRET}?", files={f"{SECRET}.csv": CSV})
                await chat.finished(2)
                both = await counts(engine.client)
                (forgotten,) = await responses(chat, "t1")
                (kept,) = await responses(chat, "t2")
                result = await run(chat, "forget", "yes")
                after = await counts(engine.client)
                left = await rows(chat)
                await engine.client.responses.retrieve(kept)
                with pytest.raises(NotFoundError):
                    await engine.client.responses.retrieve(forgotten)
            records = workflows(database_url or data_dir / "workflows.db")

        assert result.ok
        assert result.text == (
            "Erased for good: 1 answer and 2 files, with all that I and the engine kept of this "
            "thread. What was posted in the chat stays there, but I know nothing of it any more. "
            "Mention me if you want to begin again here."
        )
        assert both != others
        assert after == others
        assert [(row.thread, len(left["files"])) for row in left["messages"]] == [
            (str(chat.thread("t2")), 2)
        ]
        assert sorted(str(row.thread) for row in left["usage"]) == [
            "None",
            str(chat.thread("t2")),
        ]
        assert left["erasures"] == []
        assert {"workflow_status", "operation_outputs"} <= records.keys()
        assert all(ids == {row.id for row in left["turns"]} for ids in records.values())
        assert traces(data_dir, SECRET) == []
        assert len(blobs(data_dir)) == 2
        assert (str(chat.thread()), "forget", "") in chat.effects

    async def test_a_running_answer_is_ended(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What runs is stopped first, and what waits behind it is not answered."""
        gate = asyncio.Event()
        api.script = lambda body: [Code("…"), Wait(gate), Say("Never.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("one")
            await chat.say("two", author=BEN)
            while not any(p.runs for s in chat.surfaces.values() for p in s.shown):
                await asyncio.sleep(0.01)
            result = await run(chat, "forget", "yes")
            gate.set()
            left = await rows(chat)

        assert result.ok
        assert filled(left) == set()
        assert len(api.asked) == 1
        assert api.responses == {}

    async def test_begins_anew(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A message that comes while the thread is forgotten begins a new one, also with the
        same file."""
        gate = asyncio.Event()
        api.script = lambda body: [Code("…"), Wait(gate), Say("Never.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("old", files={"s.csv": CSV})
            while not api.containers:
                await asyncio.sleep(0.01)
            forgetting = asyncio.create_task(run(chat, "forget", "yes"))
            while not await Erasures(chat.services.database).wished(chat.thread()):
                await asyncio.sleep(0)
            api.script = lambda body: [Code("…"), Say("Fresh.")]
            await chat.say("new", files={"s.csv": CSV})
            gate.set()
            assert (await forgetting).ok
            surfaces = await chat.finished(2)
            view = await chat.services.workspaces.view(chat.thread())

        assert chat.text_of(surfaces[-1]) == "Fresh."
        assert "previous_response_id" not in api.asked[-1]
        assert "old" not in str(api.asked[-1]["input"])
        assert view.file_count == 1
        assert len(blobs(tmp_path)) == 1

    async def test_engine_that_is_away(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What the engine does not delete now is said, and deleted when it is back."""
        api.script = lambda body: [Code("…"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", files={"s.csv": CSV})
            await chat.finished(1)
            (container,) = api.containers
            api.faults += [Fault("/v1/files", 503), Fault(f"/v1/containers/{container}", 503)]
            result = await run(chat, "forget", "yes")
            kept = dict(api.uploads)
        async with (
            running(chat, tmp_path, api.base_url, housekeeping_seconds=0.05),
            asyncio.timeout(20),
        ):
            while api.uploads or api.containers or (await rows(chat))["erasures"]:
                await asyncio.sleep(0.02)

        assert len(kept) == 1
        assert "2 of its traces could not be deleted yet" in result.text

    async def test_crash_half_way(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A bot that ends in the middle of it finishes at its next start."""
        erase = Erasures.erase

        async def broken(*_: object) -> None:
            raise OSError("the power went")

        monkeypatch.setattr(Erasures, "erase", broken)
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", files={"s.csv": CSV})
            await chat.finished(1)
            result = await run(chat, "forget", "yes")
        monkeypatch.setattr(Erasures, "erase", erase)
        async with running(chat, tmp_path, api.base_url), asyncio.timeout(20):
            while filled(await rows(chat)):
                await asyncio.sleep(0.02)

        assert not result.ok
        assert api.uploads == {}
        assert blobs(tmp_path) == []

    async def test_answer_that_does_not_end(self, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Where the running answer can't be ended in time nothing is erased, now or later."""
        chat = StuckChat()
        async with running(
            chat, tmp_path, api.base_url, forget_wait_seconds=0.05, housekeeping_seconds=0.05
        ):
            await chat.say("go")
            await chat.stuck.wait()
            result = await run(chat, "forget", "yes")
            chat.gate.set()
            await chat.finished(1)
            await asyncio.sleep(0.2)
            left = await rows(chat)

        assert not result.ok
        assert "Nothing was erased" in result.text
        assert len(left["messages"]) == 1
        assert left["erasures"] == []

    async def test_unknown_thread(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A thread that is not known has nothing to erase."""
        async with running(chat, tmp_path, api.base_url):
            result = await run(chat, "forget", "yes")

        assert "nothing to erase" in result.text


class StuckChat(ScriptedChat):
    """A chat that takes its time to open a reply."""

    def __init__(self) -> None:
        super().__init__()
        self.stuck, self.gate = asyncio.Event(), asyncio.Event()

    async def open_reply(self, key: ThreadKey, **details: Any) -> Reply:
        self.stuck.set()
        await self.gate.wait()
        return await super().open_reply(key, **details)


async def responses(chat: ScriptedChat, thread: str) -> list[str]:
    """The ids of the engine's responses in a thread."""
    key = str(chat.thread(thread))
    return [row.response_id for row in (await rows(chat))["turns"] if row.thread == key]


async def counts(client: AsyncOpenAI) -> tuple[list[str], list[str]]:
    """The ids of files and of living containers at the engine."""
    files = [file.id async for file in client.files.list()]
    containers = [box.id async for box in client.containers.list() if box.status == "running"]
    return sorted(files), sorted(containers)


def workflows(where: Path | str) -> dict[str, set[str]]:
    """The ids of durable workflows, by the tables in which something stands of them."""
    database = open_blocking(where, timeout_seconds=5)
    schema = "dbos" if isinstance(where, str) else None
    found: dict[str, set[str]] = {}
    with database.connect() as db:
        inspector = sa.inspect(db)
        for name in inspector.get_table_names(schema):
            columns = {column["name"] for column in inspector.get_columns(name, schema)}
            if "workflow_uuid" in columns:
                column: sa.ColumnClause[str] = sa.column("workflow_uuid")
                table = sa.table(name, column, schema=schema)
                found[name] = set(db.scalars(sa.select(table.c.workflow_uuid)))
    database.dispose()
    return {name: ids for name, ids in found.items() if ids}
