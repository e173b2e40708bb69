"""The commands about the workspace, each played through the core on the scripted platform."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Action, Artifact, Caller
from bot.ports import Choice, CommandResult
from bot.store.threads import Threads
from tests.fakes.platform import ANN, ScriptedChat, Surface
from tests.fakes.responses_api import Code, FakeResponsesApi, Fault, Say, Wait
from tests.fakes.threadlab import running

pytestmark = pytest.mark.usefixtures("database_url")

CSV = b"region,revenue\nNorth,1\n"


async def run(chat: ScriptedChat, name: str, arguments: str = "") -> CommandResult:
    return await chat.services.commands.run(name, chat.thread(), Caller(ANN), arguments)


async def press(chat: ScriptedChat, action: Action) -> CommandResult:
    return await run(chat, action.command, action.arguments)


async def asked(
    chat: ScriptedChat, count: int, text: str = "go", files: dict[str, bytes] | None = None
) -> Surface:
    """Say something, and wait until it is answered, the `count`th, and the thread is free."""
    await chat.say(text, files=files)
    surface = (await chat.finished(count))[-1]
    threads = Threads(chat.services.database)
    async with asyncio.timeout(10):
        while (await threads.get(chat.thread())).running_turn is not None:
            await asyncio.sleep(0.005)
    return surface


async def content(chat: ScriptedChat, file: Artifact) -> bytes:
    chunks = chat.services.blobs.open(chat.thread(), file.blob.sha256)
    return b"".join([chunk async for chunk in chunks])


def container_of(body: dict[str, Any]) -> Any:
    return body["tools"][0]["container"]


@pytest.fixture
def computing(api: FakeResponsesApi) -> FakeResponsesApi:
    """An engine that runs code for each question, which makes a file in a folder."""
    makes = iter(range(1, 100))
    api.script = lambda body: [
        Code("…", makes={"out/clean.csv": b"%d" % next(makes)}),
        Say("Done."),
    ]
    return api


class TestFiles:
    async def test_none(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """An empty workspace says how files get in."""
        async with running(chat, tmp_path, api.base_url):
            result = await run(chat, "files")

        assert result.text == "No files yet: drop some into the thread."
        assert result.actions == ()

    async def test_list(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The list says who brought each file, its size and versions, the newest first; buttons
        hand over."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1, files={"s.csv": CSV})
            await asked(chat, 2)
            result = await run(chat, "files")

        lines = result.text.splitlines()
        assert lines[0] == "2 files in the workspace, 24 bytes together:"
        assert lines[2] == "- `out/clean.csv`: 1 byte, made by code, 2 versions"
        assert lines[3] == "- `s.csv`: 23 bytes, from Ann"
        assert lines[-1] == "An older version: `files get out/clean.csv@1`."
        assert [(action.label, action.arguments) for action in result.actions] == [
            ("All as a zip", "zip"),
            ("Get out/clean.csv", "get out/clean.csv"),
            ("Get s.csv", "get s.csv"),
        ]

    async def test_hostile_names(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A name can't become markup, and a long one makes no button that no chat takes."""
        names = ["` [x](http://x) `.csv", "n" * 100 + ".csv"]
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, files=dict.fromkeys(names, CSV))
            result = await run(chat, "files")

        assert result.text.count("`") == 4
        assert all(len(f"{a.command} {a.arguments}") < 80 for a in result.actions)
        assert len(result.actions) == 2

    async def test_get(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A file is handed over: its newest version, or an older one by its number; its name alone
        is enough."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1)
            await asked(chat, 2)
            newest = await run(chat, "files", "get out/clean.csv")
            first = await run(chat, "files", "get out-clean.csv@1")
            named = await run(chat, "files", "out/clean.csv")
            contents = [await content(chat, r.files[0]) for r in (newest, first, named)]
            third = await run(chat, "files", "get out/clean.csv@3")

        assert newest.files[0].name == "out-clean.csv"
        assert contents == [b"2", b"1", b"2"]
        assert not third.ok

    async def test_unknown_name(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A name that is nearly right is answered with the one that is."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1, files={"sales.csv": CSV})
            results = [await run(chat, "files", f"{what} sale.csv") for what in ("get", "delete")]

        assert not any(result.ok for result in results)
        assert all("There is: `sales.csv`." in result.text for result in results)

    @pytest.mark.parametrize("arguments", ["get", "delete", "zip s.csv"])
    async def test_arguments(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, arguments: str
    ) -> None:
        """Arguments that don't fit are answered with how it is written."""
        async with running(chat, tmp_path, api.base_url):
            result = await run(chat, "files", arguments)

        assert not result.ok
        assert "`files" in result.text

    async def test_delete(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """All versions of a file go, and nothing of it comes back."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1)
            await asked(chat, 2)
            deleted = await run(chat, "files", "delete out/clean.csv")
            listed = await run(chat, "files")

        assert deleted.text == "`out/clean.csv` was deleted, with its 2 versions."
        assert deleted.public
        assert listed.text.startswith("No files yet")

    async def test_zip(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The newest version of each file in one zip, in its folder."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1, files={"s.csv": CSV, "out-clean.csv": b"sent"})
            await asked(chat, 2)
            result = await run(chat, "files", "zip")
            packed = await content(chat, result.files[0])

        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        assert result.text == "3 files in one zip."
        assert contents == {"s.csv": CSV, "out-clean.csv": b"sent", "out/clean.csv": b"2"}

    async def test_lost_bytes(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A file whose bytes are lost is named; the others are handed over."""
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, files={"a.csv": b"1", "b.csv": b"2"})
            (lost,) = (tmp_path / "blobs").rglob(hashlib.sha256(b"1").hexdigest())
            lost.unlink()
            got = await run(chat, "files", "get a.csv")
            result = await run(chat, "files", "zip")
            packed = await content(chat, result.files[0])

        assert not got.ok
        assert result.text == "1 file in one zip. The bytes of `a.csv` are lost."
        assert zipfile.ZipFile(io.BytesIO(packed)).namelist() == ["b.csv"]

    async def test_zip_too_large(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Past the largest zip that the settings allow, it is said."""
        async with running(chat, tmp_path, api.base_url, zip_max_mb=1):
            await asked(chat, 1, files={"a.bin": b"a" * 600_000, "b.bin": b"b" * 600_000})
            result = await run(chat, "files", "zip")

        assert not result.ok
        assert "larger than one zip may be (1.0 MB)" in result.text

    async def test_completion(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Names are suggested by any part of them, the newest first."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1, files={"Sales.csv": CSV, "notes.txt": b"n"})
            complete = chat.services.commands.complete
            names = await complete("files", chat.thread(), Caller(ANN), "name", "S")
            actions = await complete("files", chat.thread(), Caller(ANN), "what", "z")

        assert [choice.value for choice in names] == ["out/clean.csv", "notes.txt", "Sales.csv"]
        assert actions == [Choice("zip", "zip")]


class TestReset:
    async def test_keeps_the_files(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What was dropped is said; the files come back with the next question."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1, files={"s.csv": CSV})
            result = await run(chat, "reset")
            ended = dict(computing.containers)
            await asked(chat, 2)

        assert result.text == (
            "The container was ended; the conversation so far is forgotten; 2 files are kept."
        )
        assert ended == {}
        assert len(container_of(computing.asked[1])["file_ids"]) == 2

    async def test_everything(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """With `everything` the files go too, at the engine as well."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1, files={"s.csv": CSV})
            result = await run(chat, "reset", "everything")
            uploads = dict(computing.uploads)
            await asked(chat, 2)

        assert result.text.endswith("2 files were deleted.")
        assert uploads == {}
        assert container_of(computing.asked[1])["file_ids"] == []

    async def test_nothing_there(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where there is nothing to drop, that is said."""
        async with running(chat, tmp_path, api.base_url):
            result = await run(chat, "reset")

        assert result.text == "There was no container; no context either; no files yet."

    async def test_while_an_answer_runs(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The running answer is stopped first: its container and what it made go too."""
        gate = asyncio.Event()
        api.script = lambda body: [Code("…", makes={"m.csv": b"1"}), Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", files={"s.csv": CSV})
            async with asyncio.timeout(10):
                while not any(p.runs for s in chat.surfaces.values() for p in s.shown):
                    await asyncio.sleep(0.005)
            result = await run(chat, "reset", "everything")
            listed = await run(chat, "files")

        assert result.text == ("The container was ended; no context either; 2 files were deleted.")
        assert listed.text.startswith("No files yet")
        assert api.containers == {}


class TestStatus:
    async def test_fresh(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Before the first question there is no container, and what the next one is."""
        async with running(chat, tmp_path, api.base_url):
            result = await run(chat, "status")

        assert result.text.splitlines() == [
            "- Python is not running; the next question starts it (1 GB of memory).",
            "- No files in the workspace.",
            "- I remember no question of this thread.",
            "- Cost so far: $0.00.",
        ]

    async def test_running(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What runs is described with the time that it has left, and the cost so far."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1)
            result = await run(chat, "status")

        python, files, context, cost = result.text.splitlines()
        assert python == (
            "- Python is running with 1 GB of memory; it ends in about 20 min if nobody asks. "
            "Files stay, variables go."
        )
        assert files == "- 1 file in the workspace."
        assert context == "- I remember 1 question of this thread."
        assert cost.startswith("- Cost so far: $0.03")

    async def test_after_a_reset(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """After a reset the context is empty; the cost stays."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1)
            await run(chat, "reset")
            result = await run(chat, "status")

        assert "- I remember no question of this thread." in result.text
        assert "$0.00" not in result.text


class TestMemory:
    async def test_for_the_next_container(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A tier holds for the thread's next container; the price is said."""
        async with running(chat, tmp_path, computing.base_url):
            result = await run(chat, "memory", "4g")
            await asked(chat, 1)
            view = await chat.services.workspaces.view(chat.thread())

        assert result.text == (
            "The next container of this thread has 4g. It costs $0.12 for each 20 minutes."
        )
        assert result.actions == ()
        assert container_of(computing.asked[0])["memory_limit"] == "4g"
        assert view.memory_limit == "4g"

    async def test_offers_to_rebuild(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A living container keeps its tier until it is rebuilt, with all files, at a press."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1, files={"s.csv": CSV})
            offered = await run(chat, "memory", "16g")
            before = await chat.services.workspaces.view(chat.thread())
            pressed = await press(chat, offered.actions[0])
            surface = await asked(chat, 2)
            after = await chat.services.workspaces.view(chat.thread())

        notes = [note for post in surface.posts.values() for note in post.notes]
        assert (before.memory_limit, after.memory_limit) == ("1g", "16g")
        assert pressed.text.endswith("The files come back, variables are gone.")
        assert notes == []  # who ended it knows
        assert len(computing.containers) == 1
        assert len(container_of(computing.asked[1])["file_ids"]) == 2
        assert "previous_response_id" in computing.asked[1]

    async def test_same_tier(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A container that has the tier already is left alone."""
        async with running(chat, tmp_path, computing.base_url):
            await asked(chat, 1)
            result = await run(chat, "memory", "1g now")

        assert result.text.startswith("The container has 1g already")
        assert len(computing.containers) == 1

    @pytest.mark.parametrize("arguments", ["", "2g", "4g later"])
    async def test_arguments(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, arguments: str
    ) -> None:
        """Only the tiers that there are."""
        async with running(chat, tmp_path, api.base_url):
            result = await run(chat, "memory", arguments)

        assert not result.ok
        assert "`memory <1g|4g|16g|64g> [now]`" in result.text


class TestWhoDecides:
    async def test_thread_before_channel_before_operator(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A thread's own tier counts before that of its channel, and this before the operator's."""
        admin = Caller(ANN, admin=True)
        key = chat.thread()
        async with running(chat, tmp_path, computing.base_url, memory_limit="64g"):
            await asked(chat, 1)
            await run(chat, "reset")
            await chat.services.commands.run("settings", key, admin, "memory_limit 16g")
            await asked(chat, 2)
            await run(chat, "reset")
            await run(chat, "memory", "4g")
            await asked(chat, 3)

        tiers = [container_of(body)["memory_limit"] for body in computing.asked]
        assert tiers == ["64g", "16g", "4g"]


class TestMode:
    async def test_explicit(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An explicit container is made and named before asking, without network, in the tier."""
        async with running(chat, tmp_path, computing.base_url):
            await run(chat, "mode", "explicit")
            await run(chat, "memory", "4g")
            await asked(chat, 1, files={"s.csv": CSV})
            await asked(chat, 2)

        (created,) = computing.created
        (container_id,) = computing.containers
        assert created["name"] == "threadlab t1"
        assert created["memory_limit"] == "4g"
        assert created["expires_after"] == {"anchor": "last_active_at", "minutes": 20}
        assert [container_of(body) for body in computing.asked] == [container_id] * 2

    async def test_words_alone(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A question that needs no code does not cost another container."""
        async with running(chat, tmp_path, api.base_url, container_mode="explicit"):
            await asked(chat, 1)
            await asked(chat, 2)

        assert len(api.created) == 1

    async def test_back_to_auto(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A change of mode ends the container; the files come back in the next."""
        async with running(chat, tmp_path, computing.base_url, container_mode="explicit"):
            await asked(chat, 1, files={"s.csv": CSV})
            result = await run(chat, "mode", "auto")
            ended = dict(computing.containers)
            await asked(chat, 2)

        assert "variables are gone" in result.text
        assert ended == {}
        assert len(container_of(computing.asked[1])["file_ids"]) == 2

    async def test_engine_away(
        self, chat: ScriptedChat, computing: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A container that can't be ended now is ended later; the thread goes on at once."""
        async with running(chat, tmp_path, computing.base_url, housekeeping_seconds=0.05):
            await asked(chat, 1)
            (old,) = computing.containers
            computing.faults.append(Fault(f"/v1/containers/{old}", 503))
            result = await run(chat, "mode", "explicit")
            await asked(chat, 2)

        assert result.ok
        assert old not in computing.containers
        assert container_of(computing.asked[1]) != old
