"""The workspace outlives its container: rebuilt from what we keep, whatever happened to it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from bot.domain import Caller, ThreadKey
from bot.ports import CommandResult
from bot.store.files import Files, StoredFile
from tests.fakes.platform import ANN, ScriptedChat, Surface
from tests.fakes.responses_api import Code, Fail, FakeResponsesApi, Fault, Say, Wait
from tests.fakes.threadlab import running

pytestmark = pytest.mark.usefixtures("database_url")

MANY = 120


async def run(chat: ScriptedChat, name: str, arguments: str = "") -> CommandResult:
    return await chat.services.commands.run(name, chat.thread(), Caller(ANN), arguments)


async def asked(chat: ScriptedChat, count: int, text: str, **files: bytes) -> Surface:
    """Say something, and wait for its answer, the `count`th."""
    named = {name.replace("_", "."): content for name, content in files.items()}
    await chat.say(text, files=named)
    return (await chat.finished(count))[-1]


def lying_in(api: FakeResponsesApi, container_id: str) -> dict[str, bytes]:
    """What is in a container, by plain names."""
    files = api.containers[container_id].values()
    return {_plain(file["path"]): file["content"] for file in files}


def _plain(path: str) -> str:
    name = path.removeprefix("/mnt/data/")
    return name.split("-", 2)[2] if name.startswith("file-") else name


def latest_container(api: FakeResponsesApi) -> dict[str, bytes]:
    return lying_in(api, list(api.containers)[-1])


def told(api: FakeResponsesApi) -> str:
    """What the model was told about the workspace with the latest question."""
    note = api.asked[-1]["input"][0]["content"][0]["text"]
    assert isinstance(note, str)
    return note


def notes(surface: Surface) -> list[str]:
    return [note for post in surface.posts.values() for note in post.notes]


class TestRebuilt:
    async def test_a_hundred_and_twenty_files(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """After an expiry all files are back, also more than one request may carry: of files
        written over the newest version, and none that a person deleted."""
        api.script = lambda body: [Code("…"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            for part in range(3):
                numbers = range(part * MANY // 3, (part + 1) * MANY // 3)
                files = {f"f{number:03}.csv": b"%d" % number for number in numbers}
                await chat.say("take these", files=files)
                await chat.finished(part + 1)
            api.script = lambda body: [Code("…", makes={"clean.csv": b"first"}), Say("Done.")]
            await asked(chat, 4, "clean")
            api.script = lambda body: [Code("…", makes={"clean.csv": b"second"}), Say("Done.")]
            await asked(chat, 5, "clean better")
            deleted = await run(chat, "files", "delete f007.csv")
            for container_id in list(api.containers):
                api.expire(container_id)
            api.script = lambda body: [Code("…"), Say("Done.")]
            surface = await asked(chat, 6, "go on")
            listed = await run(chat, "files")

        there = latest_container(api)
        assert deleted.ok
        assert len(there) == MANY
        assert there["clean.csv"] == b"second"
        assert there["f119.csv"] == b"119"
        assert "f007.csv" not in there
        assert "`clean.csv`: 6 bytes, made by code, 2 versions" in listed.text
        assert "f007" not in listed.text
        assert f"{MANY} files were restored" in told(api)
        assert "variables and imports are gone" in told(api)
        assert "f007" not in told(api)
        assert sum("fresh container" in note for note in notes(surface)) == 1

    async def test_many_at_once_but_not_all(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Uploads run side by side, as many as the setting allows."""
        api.delay_seconds = 0.02
        async with running(chat, tmp_path, api.base_url, uploads_at_once=3):
            await chat.say("go", files={f"f{number}.csv": b"%d" % number for number in range(12)})
            await chat.finished(1)

        assert len(api.uploads) == 12
        assert api.at_once["POST", "/v1/files"] == 3

    async def test_an_attachment_costs_the_same_in_a_full_thread(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The list of a thread's files is read for a question, not for each of its attachments."""
        reads = []
        read = Files.of_thread

        async def counted(self: Files, key: ThreadKey) -> list[StoredFile]:
            reads.append(key)
            return await read(self, key)

        monkeypatch.setattr(Files, "of_thread", counted)
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, "one", a_csv=b"1")
            with_one = len(reads)
            await chat.say("many", files={f"f{n}.csv": b"%d" % n for n in range(40)})
            await chat.finished(2)

        assert len(reads) - with_one == with_one

    async def test_too_many(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What does not fit into a fresh container is said: the newest files are in it."""
        api.script = lambda body: [Code("…"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url, workspace_files_max=2):
            await asked(chat, 1, "one", a_csv=b"1")
            await asked(chat, 2, "two", b_csv=b"2")
            await asked(chat, 3, "three", c_csv=b"3")
            await run(chat, "reset")
            surface = await asked(chat, 4, "go on")

        assert latest_container(api) == {"b.csv": b"2", "c.csv": b"3"}
        assert "1 of its files" in " ".join(notes(surface))
        assert "1 files did not fit" in told(api)
        assert "a.csv" not in told(api)

    async def test_too_large(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Together no more than the setting goes into a fresh container, newest first."""
        api.script = lambda body: [Code("…"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url, workspace_max_mb=1):
            await asked(chat, 1, "one", a_bin=b"a" * 700_000)
            await asked(chat, 2, "two", b_bin=b"b" * 700_000)
            await run(chat, "reset")
            await asked(chat, 3, "go on")

        assert list(latest_container(api)) == ["b.bin"]

    async def test_lost_bytes(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A file whose bytes are lost here does not hold the thread up."""
        api.script = lambda body: [Code("…", makes={"m.csv": b"1"}), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, "make it")
            for blob in (tmp_path / "blobs" / "threads").glob("*/*"):
                blob.unlink()
            api.expire(next(iter(api.containers)))
            api.script = lambda body: [Code("…"), Say("Still here.")]
            surface = await asked(chat, 2, "go on")

        assert chat.text_of(surface) == "Still here."
        assert latest_container(api) == {}

    async def test_truth_about_variables(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """That variables are gone is told until code has run in the new container."""
        api.script = lambda body: [Code("x = 1"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url, container_mode="explicit"):
            await asked(chat, 1, "one")
            first = told(api) if len(api.asked[-1]["input"]) > 1 else ""
            api.expire(next(iter(api.containers)))
            api.script = lambda body: [Say("Only words.")]
            await asked(chat, 2, "two")
            in_words = told(api)
            api.script = lambda body: [Code("x"), Say("Done.")]
            await asked(chat, 3, "three")
            with_code = told(api)
            await asked(chat, 4, "four")
            after = api.asked[-1]["input"]

        assert "gone" not in first
        assert "variables and imports are gone" in in_words
        assert "variables and imports are gone" in with_code
        assert len(after) == 1


class TestFailedTries:
    async def test_leave_no_container(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A container of a try that failed, with the thread's files in it, is ended."""
        ends = iter((Fail("It broke."), Say("Done.")))
        api.script = lambda body: [Code("…"), next(ends)]
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, "go", a_csv=b"1")

        assert len(api.asked) == 2
        assert len(api.containers) == 1


class TestSentAgain:
    async def test_after_code_wrote_over_it(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A file that a person sends again has their bytes, though code wrote over the first."""
        api.script = lambda body: [
            Code("…", makes={f"{next(iter(api.uploads))}-s.csv": b"changed"}),
            Say("Done."),
        ]
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, "clean it in place", s_csv=b"sent")
            api.script = lambda body: [Code("…"), Say("Done.")]
            await asked(chat, 2, "once more", s_csv=b"sent")

        named = re.findall(r'"s.csv" at "([^"]+)"', told(api))
        lying = [
            f["content"]
            for files in api.containers.values()
            for f in files.values()
            if f["path"] in named
        ]
        assert lying == [b"sent"]


class TestDeleted:
    async def test_while_a_fresh_container_is_made(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A file that is deleted while the first question runs is gone from the next one."""
        gate = asyncio.Event()
        api.script = lambda body: [Code("…"), Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", files={"a.csv": b"1", "b.csv": b"2"})
            async with asyncio.timeout(10):
                while not api.asked:
                    await asyncio.sleep(0.005)
            await run(chat, "files", "delete a.csv")
            gate.set()
            await chat.finished(1)
            await asked(chat, 2, "go on")

        assert latest_container(api) == {"b.csv": b"2"}

    async def test_in_a_living_container(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A file that a person deletes goes from the container, the engine and the disk at once."""
        api.script = lambda body: [Code("…"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, "go", a_csv=b"1", b_csv=b"2")
            await run(chat, "files", "delete a.csv")

        assert latest_container(api) == {"b.csv": b"2"}
        assert [name for name, _ in api.uploads.values()] == ["b.csv"]
        assert len(list((tmp_path / "blobs" / "threads").glob("*/*"))) == 1

    async def test_while_the_engine_is_away(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where the engine can't be reached, what was deleted goes later, and never comes back."""
        api.script = lambda body: [Code("…", makes={"m.csv": b"1"}), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, "make it")
            api.faults += [Fault("/v1/containers", 503), Fault("/v1/files", 503)]
            result = await run(chat, "files", "delete m.csv")
            api.faults.clear()
            api.script = lambda body: [Code("…"), Say("Done.")]
            surface = await asked(chat, 2, "go on")

        assert result.ok
        assert latest_container(api) == {}
        assert "m.csv" not in [a.name for post in surface.posts.values() for a in post.artifacts]

    async def test_made_again(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What code makes again after it was deleted counts, even with the same bytes."""
        api.script = lambda body: [Code("…", makes={"m.csv": b"1"}), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, "make it")
            await run(chat, "files", "delete m.csv")
            surface = await asked(chat, 2, "make it again")
            listed = await run(chat, "files")

        assert [a.name for post in surface.posts.values() for a in post.artifacts] == ["m.csv"]
        assert "1 file in the workspace" in listed.text
        assert "versions" not in listed.text

    async def test_question_asked_again(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Retry does not bring back what was deleted since the question."""
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, "go", a_csv=b"1", b_csv=b"2")
            await run(chat, "files", "delete a.csv")
            again = await run(chat, "retry")
            await chat.finished(2)
            listed = await run(chat, "files")

        assert again.ok
        assert "`b.csv`" in listed.text
        assert "a.csv" not in listed.text

    async def test_nothing_left_to_ask(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A question that was only files, all deleted since, can't be asked again."""
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, "", a_csv=b"1")
            await run(chat, "files", "delete a.csv")
            again = await run(chat, "retry")

        assert again.text == "There is no question to ask again."

    async def test_same_bytes_under_two_names(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Bytes that another file has as well stay."""
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, 1, "go", a_csv=b"1", b_csv=b"1")
            await run(chat, "files", "delete a.csv")
            got = await run(chat, "files", "get b.csv")
            chunks = chat.services.blobs.open(chat.thread(), got.files[0].blob.sha256)
            content = b"".join([chunk async for chunk in chunks])

        assert content == b"1"
