"""Files of a thread: told apart by path, named plainly, shown to the model where it can look."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from bot.errors import AttachmentInterrupted
from tests.fakes.platform import ScriptedChat, Surface
from tests.fakes.responses_api import Code, FakeResponsesApi, Fault, Say
from tests.fakes.threadlab import running


def picture(shade: int, *more_shades: int, format: str = "PNG") -> bytes:
    """An image; animated where there are several shades."""
    first, *others = (Image.new("L", (8, 8), one) for one in (shade, *more_shades))
    content = io.BytesIO()
    first.save(content, format, save_all=bool(others), append_images=others)
    return content.getvalue()


def shown_as_figure(shade: int) -> Code:
    url = "data:image/png;base64," + base64.b64encode(picture(shade)).decode()
    return Code("plt.show()", image_url=url)


def names(surface: Surface) -> list[str]:
    return [artifact.name for post in surface.posts.values() for artifact in post.artifacts]


def in_newest_container(api: FakeResponsesApi) -> dict[str, bytes]:
    """Plain name → content."""
    container = list(api.containers.values())[-1]
    return {f["path"].split("/")[-1].split("-", 2)[-1]: f["content"] for f in container.values()}


async def after_expiry(chat: ScriptedChat, api: FakeResponsesApi, count: int) -> str:
    """Ask in a rebuilt container; what the model was told."""
    for container_id in api.containers:
        api.expire(container_id)
    api.script = lambda body: [Code("…"), Say("Done.")]
    await chat.say("go on")
    await chat.finished(count)
    return str(api.asked[-1]["input"])


class TestFolders:
    async def test_one_name_in_two_folders(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Files of one name in two folders are both delivered, linked, and restored."""
        api.script = lambda body: [
            Code("…", makes={"a/x.csv": b"a", "b/x.csv": b"b"}),
            Say("{cite:a/x.csv} {cite:b/x.csv}"),
        ]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("make both")
            (first,) = await chat.finished(1)
            told = await after_expiry(chat, api, 2)

        assert chat.delivered == {"a-x.csv": b"a", "b-x.csv": b"b"}
        ids = [a.id for post in first.posts.values() for a in post.artifacts]
        assert chat.text_of(first) == f"[a/x.csv](artifact:{ids[0]}) [b/x.csv](artifact:{ids[1]})"
        assert in_newest_container(api) == {"a-x.csv": b"a", "b-x.csv": b"b"}
        assert '"a/x.csv" at "/mnt/data/' in told

    async def test_newest_of_a_path(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Of a path written twice, also across a rebuild, the newest version is restored."""
        api.script = lambda body: [Code("…", makes={"a/x.csv": b"1", "x.csv": b"other"}), Say(".")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("make it")
            await chat.finished(1)
            await after_expiry(chat, api, 2)
            api.script = lambda body: [Code("…", makes={"a/x.csv": b"2"}), Say(".")]
            await chat.say("again")
            await chat.finished(3)
            await after_expiry(chat, api, 4)
            view = await chat.services.workspaces.view(chat.thread())

        assert in_newest_container(api) == {"a-x.csv": b"2", "x.csv": b"other"}
        assert view.file_count == 2

    async def test_copied_into_a_folder(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A sent file that code copied into a folder is not delivered."""
        api.script = lambda body: [Code("…", makes={"work/s.csv": b"s"}), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("copy", files={"s.csv": b"s"})
            await chat.finished(1)

        assert chat.delivered == {}


class TestOrder:
    async def test_numbers_in_names_count(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Files come in the order of their names, numbers by their value; cited ones first."""
        made = ["part-10.csv", "part-9.csv", "b.csv", "part-01.csv", "1.csv", "part-1.csv"]
        api.script = lambda body: [
            Code("…", makes={name: name.encode() for name in made}),
            Say("{cite:part-9.csv}"),
        ]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("make them")
            (surface,) = await chat.finished(1)

        assert names(surface) == [
            *("part-9.csv", "1.csv", "b.csv", "part-01.csv", "part-1.csv", "part-10.csv")
        ]


class TestFigures:
    async def test_counted_over_the_thread(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Each figure of a thread has a name of its own, and all come back."""
        api.script = lambda body: [shown_as_figure(10), shown_as_figure(20), Say("Two.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("show")
            await chat.finished(1)
            api.script = lambda body: [shown_as_figure(30), Say("One more.")]
            await chat.say("another")
            first, second = await chat.finished(2)
            await after_expiry(chat, api, 3)

        assert names(first) == ["figure-1.png", "figure-2.png"]
        assert names(second) == ["figure-3.png"]
        assert in_newest_container(api) == {
            f"figure-{number}.png": picture(10 * number) for number in (1, 2, 3)
        }


class TestShown:
    async def test_only_what_the_engine_takes(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An image that the engine would refuse goes to the code alone, whatever its name says."""
        files = {
            "moving.gif": picture(1, 200, format="GIF"),
            "broken.png": b"\x89PNG\r\n\x1a\n",
            "table.png": b"a,b\n1,2\n",
            "good.txt": picture(9),
        }
        async with running(chat, tmp_path, api.base_url):
            await chat.say("look", files=files)
            await chat.finished(1)

        (_, image) = api.asked[0]["input"][-1]["content"]
        assert image["type"] == "input_image"
        assert api.uploads[image["file_id"]] == ("good.txt", files["good.txt"])
        assert len(api.asked[0]["tools"][0]["container"]["file_ids"]) == 4

    async def test_sum(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The model is shown as much as one request carries; the rest is left to the code."""
        monkeypatch.setattr("bot.question.REQUEST_BYTES_MAX", 250)
        files = {f"{n}.pdf": b"%%PDF-%d" % n + b" " * 93 for n in range(4)}
        async with running(chat, tmp_path, api.base_url):
            await chat.say("read", files=files)
            await chat.finished(1)

        _, *documents = api.asked[0]["input"][-1]["content"]
        shown = [api.uploads[part["file_id"]][0] for part in documents]
        assert shown == ["0.pdf", "1.pdf"]
        assert len(api.asked[0]["tools"][0]["container"]["file_ids"]) == 4


class TestFaults:
    async def test_a_busy_engine(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An engine that fails at listing and fetching files is asked again."""
        api.script = lambda body: [Code("…", makes={"out.csv": b"1"}), Say("{cite:out.csv}")]
        api.faults = [Fault("/v1/containers", 500), Fault("/v1/containers", 429)]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("make it")
            (surface,) = await chat.finished(1)

        assert names(surface) == ["out.csv"]

    async def test_no_listing(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where the engine won't list the container's files, those cited are delivered still."""
        api.script = lambda body: [Code("…", makes={"out.csv": b"1"}), Say("{cite:out.csv}")]
        api.faults = [Fault("/v1/containers", 500)]
        async with running(chat, tmp_path, api.base_url, engine_file_retries=0):
            await chat.say("make it")
            (surface,) = await chat.finished(1)

        assert names(surface) == ["out.csv"]
        assert not any(post.failed for post in surface.posts.values())

    async def test_an_interrupted_attachment(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A file that broke off on its way from the chat is fetched again, and taken once."""
        chat.read_faults = [AttachmentInterrupted("It broke off."), AttachmentInterrupted("Again.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("total?", files={"s.csv": b"a,b"})
            (surface,) = await chat.finished(1)

        assert list(api.uploads.values()) == [("s.csv", b"a,b")]
        assert not any(post.notes for post in surface.posts.values())

    @pytest.mark.parametrize(
        "sentence", ["It broke off.", "“s.csv” broke off.", "s.csv broke off."]
    )
    async def test_an_attachment_that_stays_away(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, sentence: str
    ) -> None:
        """After the last try the person hears that the file was not taken, and is answered; its
        name is said once, whether the chat says it or not."""
        chat.read_faults = [AttachmentInterrupted(sentence)] * 2
        async with running(chat, tmp_path, api.base_url, attachment_attempts=2):
            await chat.say("total?", files={"s.csv": b"a,b"})
            (surface,) = await chat.finished(1)

        notes = [note for post in surface.posts.values() for note in post.notes]
        assert notes == ["“s.csv” was not taken: it broke off."]
        assert api.uploads == {}
