"""Turns from message to posts, with the real store, workflows and client."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from bot import durable
from bot.domain import Caller, ContainerState, Post
from bot.errors import AmbiguousSend, PlatformError, Undeliverable
from bot.store.turns import Turns, TurnState
from bot.turn import REFUSALS_MAX
from engine.planner.protocol import Lab, Question
from tests.fakes.engine import KEY, running_engine
from tests.fakes.platform import ANN, BEN, ScriptedChat, ScriptedReply, Surface
from tests.fakes.responses_api import Code, FakeResponsesApi, Fault, Say, Wait
from tests.fakes.threadlab import running

pytestmark = pytest.mark.usefixtures("database_url")

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
CSV = b"region,revenue\nNorth,1\n"


def notes(surface: Surface) -> list[str]:
    return [note for post in surface.posts.values() for note in post.notes]


def container_of(asked: dict[str, object]) -> object:
    tools = asked["tools"]
    assert isinstance(tools, list)
    return tools[0]["container"]


async def shown(chat: ScriptedChat, text: str) -> None:
    """Wait until a reply shows the text."""
    while not any(p.text == text for s in chat.surfaces.values() for p in s.shown):
        await asyncio.sleep(0.01)


class TestAnswer:
    async def test_files_in_and_out(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A file goes to the engine; what the code makes comes back, and links lead to it."""
        api.script = lambda body: [
            Code("…", "ok", makes={"out.csv": b"1"}),
            Say("Here: {cite:out.csv}."),
        ]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("total?", files={"s.csv": CSV})
            (surface,) = await chat.finished(1)

        assert list(api.uploads.values()) == [("s.csv", CSV)]
        assert chat.delivered == {"out.csv": b"1"}
        artifact_id = surface.posts[f"{surface.turn_id}:1"].artifacts[0].id
        assert chat.text_of(surface) == f"Here: [out.csv](artifact:{artifact_id})."
        assert surface.shown[0].status == "reading s.csv…"
        assert surface.closed == 1

    async def test_uncited_files(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A file that no citation names is found in the container's listing and delivered."""
        api.script = lambda body: [Code("…", makes={"quiet.csv": b"2"}), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("make it")
            await chat.finished(1)

        assert chat.delivered == {"quiet.csv": b"2"}

    async def test_copied(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A copy that code made of a sent file, to open it by its name, is not delivered."""
        api.script = lambda body: [Code("…", makes={"s.csv": CSV, "new.csv": b"2"}), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("open it", files={"s.csv": CSV})
            await chat.finished(1)

        assert chat.delivered == {"new.csv": b"2"}

    async def test_figures(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A figure that was only shown is delivered; one that was saved as well comes once."""
        url = "data:image/png;base64," + base64.b64encode(PNG).decode()
        api.script = lambda body: [Code("plt.show()", image_url=url), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("show")
            await chat.finished(1)
            api.script = lambda body: [
                Code("…", makes={"chart.png": PNG}, image_url=url),
                Say("Done."),
            ]
            _, second = (await chat.say("save"), (await chat.finished(2))[1])

        assert chat.delivered["figure-1.png"] == PNG
        assert [a.name for p in second.posts.values() for a in p.artifacts] == ["chart.png"]

    async def test_follow_up(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The next question continues the response and the container; new files are added."""
        api.script = lambda body: [Code("…"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("one", files={"a.csv": CSV})
            await chat.finished(1)
            await chat.say("two", files={"b.csv": CSV + b"x"})
            await chat.finished(2)
            view = await chat.services.workspaces.view(chat.thread())

        (container_id,) = api.containers
        assert container_of(api.asked[1]) == container_id
        assert api.asked[1]["previous_response_id"] in api.responses
        paths = [file["path"].split("-")[-1] for file in api.containers[container_id].values()]
        assert paths == ["a.csv", "b.csv"]
        assert view.state is ContainerState.RUNNING
        assert view.file_count == 2

    async def test_same_bytes_twice(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The same file sent twice in a thread is uploaded once."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("one", files={"a.csv": CSV})
            await chat.finished(1)
            await chat.say("two", files={"a.csv": CSV})
            await chat.finished(2)

        assert len(api.uploads) == 1

    async def test_images_and_documents(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Images and PDFs are shown to the model as well as put into the container."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("look", files={"p.png": PNG, "d.pdf": b"%PDF-1.4"})
            await chat.finished(1)

        parts = api.asked[0]["input"][-1]["content"]
        assert [part["type"] for part in parts] == ["input_text", "input_image", "input_file"]
        container = container_of(api.asked[0])
        assert isinstance(container, dict)
        assert len(container["file_ids"]) == 2

    async def test_written_over(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A sent file that code writes over comes back under the name it was sent with."""
        api.script = lambda body: [Code("…", makes={f"{next(iter(api.uploads))}-s.csv": b"new"})]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("clean it", files={"s.csv": CSV})
            await chat.finished(1)
            view = await chat.services.workspaces.view(chat.thread())

        assert chat.delivered == {"s.csv": b"new"}
        assert view.file_count == 1


class TestOrder:
    async def test_in_a_thread(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A thread's questions are answered one after the other, in order."""
        gate = asyncio.Event()
        api.script = lambda body: [Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            for author, text in [(ANN, "a"), (BEN, "b"), (ANN, "c")]:
                await chat.say(text, author=author)
            async with asyncio.timeout(20):
                while not api.responses:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # for another one that would begin too early
            open_at_first = len(chat.surfaces)
            gate.set()
            await chat.finished(3)

        questions = [body["input"][-1]["content"][0]["text"] for body in api.asked]
        assert open_at_first == 1
        assert questions == ["a", "b", "c"]

    async def test_across_threads(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A thread that waits for its engine does not hold up another."""
        gate = asyncio.Event()

        def script(body: dict[str, object]) -> list[Wait | Say]:
            return [Wait(gate), Say("slow")] if "slow" in str(body["input"]) else [Say("quick")]

        api.script = script
        async with running(chat, tmp_path, api.base_url):
            await chat.say("slow", thread="t1")
            await chat.say("quick", thread="t2")
            (first,) = await chat.finished(1)
            gate.set()
            await chat.finished(2)

        assert chat.text_of(first) == "quick"

    async def test_redelivered(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A message delivered twice is answered once."""
        async with running(chat, tmp_path, api.base_url):
            message = await chat.say("one")
            again = await chat.services.inbox.accept(message)
            await chat.finished(1)
            await asyncio.sleep(0.05)

        assert again is False
        assert len(api.asked) == 1
        assert [effect[1] for effect in chat.effects] == ["acknowledge", "open", "post"]


class TestWorkspace:
    async def test_rebuilt(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """After its death a container is rebuilt with all files, and the reply says so once."""
        api.script = lambda body: [Code("…", makes={"made.csv": b"1"}), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("one", files={"sent.csv": CSV})
            await chat.finished(1)
            (old,) = api.containers
            api.expire(old)
            api.script = lambda body: [Code("…"), Say("Done.")]
            await chat.say("two")
            _, second = await chat.finished(2)

        new = next(id for id in api.containers if id != old)
        names = [file["path"].split("-")[-1] for file in api.containers[new].values()]
        assert sorted(names) == ["made.csv", "sent.csv"]
        assert sum("fresh container" in note for note in notes(second)) == 1

    async def test_death_between_look_and_ask(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A container that dies after it was looked at costs one more try, not the answer."""
        api.script = lambda body: [Code("…"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("one", files={"sent.csv": CSV})
            await chat.finished(1)
            api.faults.append(Fault("/v1/responses", 400, "Container is expired."))
            await chat.say("two")
            _, second = await chat.finished(2)

        assert chat.text_of(second) == "Done."
        assert not any(post.failed for post in second.posts.values())

    async def test_upload_that_fails_while_rebuilding(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A rebuilding that takes two tries is still one, and is said."""
        api.script = lambda body: [Code("…", makes={"made.csv": b"1"}), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("one")
            await chat.finished(1)
            api.expire(next(iter(api.containers)))
            api.faults.append(Fault("/v1/files", 500))
            api.script = lambda body: [Code("…"), Say("Done.")]
            await chat.say("two")
            _, second = await chat.finished(2)

        assert sum("fresh container" in note for note in notes(second)) == 1
        assert "variables and imports are gone" in str(api.asked[-1]["input"])

    async def test_lost_context(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """When the engine has lost the conversation, it is told in words what went before."""
        api.script = lambda body: [Say("The answer is 42.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("what is it?")
            await chat.finished(1)
            api.responses.clear()
            await chat.say("and why?")
            await chat.finished(2)

        told = str(api.asked[-1]["input"])
        assert "previous_response_id" not in api.asked[-1]
        assert "what is it?" in told
        assert "The answer is 42." in told

    async def test_many_files(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """More files than one request may carry go into a container one by one."""
        files = {f"f{number:02}.csv": str(number).encode() for number in range(45)}
        async with running(chat, tmp_path, api.base_url):
            await chat.say("one", files=files)
            await chat.finished(1)
            await chat.say("two", files={f"g{n:02}.csv": b"g%d" % n for n in range(10)})
            await chat.finished(2)

        container_id = container_of(api.asked[-1])
        assert isinstance(container_id, str)
        assert len(api.containers[container_id]) == 55


class TestFailures:
    async def test_refused_files(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Files that can't be taken are named with the reason; the rest is answered."""
        async with running(chat, tmp_path, api.base_url, attachment_max_mb=1):
            message = chat.message(
                "go", files={"empty.csv": b"", "big.bin": b"x" * 1_000_001, "gone.csv": b"1"}
            )
            del chat.files["f2"]
            await chat.services.inbox.accept(message)
            (surface,) = await chat.finished(1)

        assert notes(surface) == [
            "“empty.csv” was not taken: it is empty.",
            "“big.bin” was not taken: it is larger than 1 MB.",
            "“gone.csv” was not taken: the file was deleted.",
        ]
        assert chat.text_of(surface) == "Done."

    async def test_busy_engine(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A busy engine is waited for, and the person sees that."""
        fault = Fault("/v1/responses", 429, "Slow down", headers={"retry-after": "0"})
        api.faults.append(fault)
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        assert any(progress.status.startswith("queued") for progress in surface.shown)
        assert chat.text_of(surface) == "Done."

    async def test_unreachable(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An engine that stays away becomes a sentence that helps, with Retry."""
        api.faults += [Fault("/v1/responses", 503) for _ in range(2)]
        async with running(chat, tmp_path, api.base_url, engine_attempts=2):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        (post,) = surface.posts.values()
        assert post.failed
        assert "Press Retry" in post.text
        assert "again" in [action.command for action in post.actions]

    async def test_key_refused(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A refused key is the operator's matter; the person sees no piece of it."""
        api.faults.append(Fault("/v1/responses", 401, "Incorrect API key provided: sk-abc***"))
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        assert "sk-" not in chat.text_of(surface)
        assert "does not accept our key" in chat.text_of(surface)

    async def test_wrong_address(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where a server knows nothing of questions, that is the operator's matter too."""
        async with running(chat, tmp_path, api.base_url.removesuffix("/v1")):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        assert "There is no engine where I was told to ask." in chat.text_of(surface)
        assert "404" not in chat.text_of(surface)

    @pytest.mark.parametrize("arrived", [True, False])
    async def test_doubtful_post(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, arrived: bool
    ) -> None:
        """A post that may have arrived is looked up, and sent again only if it has not."""
        chat.send_faults = [AmbiguousSend("timeout") if arrived else PlatformError("refused")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        posts = [effect for effect in chat.effects if effect[1] == "post"]
        assert len(posts) == 1
        assert chat.text_of(surface) == "Done."

    async def test_chat_that_opens_late(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A chat that refuses to open the reply is tried as often as with a post: that costs time,
        not the answer."""
        chat.open_faults = [PlatformError("not now"), PlatformError("nor now")]
        async with running(chat, tmp_path, api.base_url, step_attempts=1, post_attempts=3):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        assert chat.text_of(surface) == "Done."

    async def test_files_that_can_not_be_kept(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A step that fails on our side leaves what the engine said, and says so."""

        async def broken(*_: object) -> None:
            raise OSError("disk full")

        monkeypatch.setattr("bot.artifacts.ArtifactKeeper.keep", broken)
        api.script = lambda body: [Code("…"), Say("It is 42.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        assert chat.text_of(surface).startswith("It is 42.")
        assert "Something went wrong on our side" in chat.text_of(surface)

    async def test_turn_that_could_not_be_settled(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A database that refuses to close a turn does not hold its thread up for ever."""
        settle, refusals = Turns.settle, iter(range(2))

        async def refusing(self: Turns, turn_id: str, state: TurnState) -> object:
            if next(refusals, None) is not None:
                raise OSError("disk full")
            return await settle(self, turn_id, state)

        monkeypatch.setattr(Turns, "settle", refusing)
        async with running(chat, tmp_path, api.base_url, settle_attempts=2):
            await chat.say("one")
            await chat.say("two", author=BEN)
            surfaces = await chat.finished(2)

        assert [chat.text_of(surface) for surface in surfaces] == ["Done.", "Done."]
        assert len(api.asked) == 2

    async def test_dead_chat(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A chat that takes no post does not hold its thread up for ever."""
        chat.send_faults = [PlatformError("no")]
        async with running(chat, tmp_path, api.base_url, post_attempts=1):
            await chat.say("one")
            await chat.finished(1)
            await chat.say("two")
            surfaces = await chat.finished(2)

        assert [chat.text_of(surface) for surface in surfaces] == ["", "Done."]

    async def test_chat_that_is_away_for_two_hours(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """An answer outlasts a chat that takes nothing for two hours."""
        pauses = [min(durable.FIRST_PAUSE_SECONDS * 2**n, 3600) for n in range(14)]
        monkeypatch.setattr(durable, "FIRST_PAUSE_SECONDS", 0.0001)
        chat.send_faults = [PlatformError("away") for _ in pauses]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        assert chat.text_of(surface) == "Done."
        assert sum(pauses) > 2 * 3600

    async def test_room_while_a_chat_is_away(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """An answer that waits for its chat leaves its room to another turn."""
        send, refused, back = ScriptedReply.send, asyncio.Event(), asyncio.Event()

        async def away_in_one(reply: ScriptedReply, post: Post) -> str:
            if reply.surface.key.thread == "t1" and not back.is_set():
                refused.set()
                raise PlatformError("away")
            return await send(reply, post)

        monkeypatch.setattr(ScriptedReply, "send", away_in_one)
        async with running(chat, tmp_path, api.base_url, turns_at_once=1):
            await chat.say("one", thread="t1")
            await refused.wait()
            await chat.say("two", thread="t2")
            (first,) = await chat.finished(1)
            back.set()
            surfaces = await chat.finished(2)

        assert first.key.thread == "t2"
        assert [chat.text_of(surface) for surface in surfaces] == ["Done.", "Done."]

    async def test_chat_that_goes_on_refusing(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What will hardly pass by itself is not offered for hours; the thread goes on."""

        class Refused(PlatformError):
            passes = False

        monkeypatch.setattr(durable, "FIRST_PAUSE_SECONDS", 0.0001)
        chat.send_faults = [Refused("invalid_blocks") for _ in range(REFUSALS_MAX)]
        async with running(chat, tmp_path, api.base_url, post_attempts=50):
            await chat.say("refused")
            await chat.finished(1)
            await chat.say("taken")
            surfaces = await chat.finished(2)

        assert [chat.text_of(surface) for surface in surfaces] == ["", "Done."]
        assert chat.send_faults == []

    async def test_chat_that_refuses_for_good(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What a chat will never take is not offered again; the thread goes on."""
        chat.open_faults = [Undeliverable("no"), Undeliverable("no")]
        chat.send_faults = [Undeliverable("no")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("not opened")
            await chat.say("not sent", author=BEN)
            await chat.finished(1)
            await chat.say("taken")
            surfaces = await chat.finished(2)

        assert [chat.text_of(surface) for surface in surfaces] == ["", "Done."]
        assert chat.open_faults == []


class TestCommands:
    async def test_stop(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Stop ends the response at the engine, keeps what there is, and says so."""
        gate = asyncio.Event()
        api.script = lambda body: [Say("So far."), Wait(gate), Say("Never.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            await shown(chat, "So far.")
            (listed,) = await chat.services.threads.recent("script", "w")
            result = await chat.services.commands.run("stop", chat.thread(), Caller(ANN))
            (surface,) = await chat.finished(1)
            gate.set()

        assert listed.busy
        assert result.ok
        assert chat.text_of(surface) == "So far."
        assert any(note.startswith("Stopped") for note in notes(surface))
        assert any(path.endswith("/cancel") for _, path in api.calls)

    async def test_stop_after_code_has_run(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where there are no words yet, the end of what code had printed is what there is."""
        gate = asyncio.Event()
        lines = "".join(f"line {number}\n" for number in range(1_000))
        api.script = lambda body: [Code("count()", lines), Code("more()"), Wait(gate)]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            while not any(len(p.runs) == 2 for s in chat.surfaces.values() for p in s.shown):
                await asyncio.sleep(0.01)
            await chat.services.commands.run("stop", chat.thread(), Caller(ANN))
            (surface,) = await chat.finished(1)
            gate.set()

        text = chat.text_of(surface)
        assert text.startswith("```text\n…\nline ")
        assert text.endswith("line 999\n```")
        assert 900 < len(text) < 1_100
        assert notes(surface) == ["Stopped: this is what there was until then."]

    async def test_stop_in_mid_code(self, chat: ScriptedChat, tmp_path: Path) -> None:
        """What code had printed when it was interrupted comes from the engine."""

        async def compute(question: Question, lab: Lab) -> None:
            await lab.run("wait_for_ever()")

        async with (
            running_engine(tmp_path / "engine", compute) as engine,
            running(chat, tmp_path / "bot", engine.base_url, openai_api_key=KEY),
        ):
            await chat.say("go")
            async with asyncio.timeout(20):
                while not any(kernel.waits.is_set() for kernel in engine.hosts.kernels):
                    await asyncio.sleep(0.01)
            await chat.services.commands.run("stop", chat.thread(), Caller(ANN))
            (surface,) = await chat.finished(1)

        assert chat.text_of(surface) == "```text\nbegun\n```"

    async def test_stop_that_the_engine_refuses(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where the engine fails to cancel, what there is is kept all the same, and asked once."""
        gate = asyncio.Event()
        api.script = lambda body: [Say("So far."), Wait(gate), Say("Never.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            await shown(chat, "So far.")
            api.faults.append(Fault("/v1/responses", 500))
            await chat.services.commands.run("stop", chat.thread(), Caller(ANN))
            (surface,) = await chat.finished(1)
            gate.set()

        assert chat.text_of(surface) == "So far."
        assert len(api.asked) == 1

    async def test_stop_in_the_queue(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Stop is heard while the engine is waited for: nothing more is asked."""
        fault = Fault("/v1/responses", 429, "Slow down", headers={"retry-after": "60"})
        api.faults.append(fault)
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            while not any(
                p.status.startswith("queued") for s in chat.surfaces.values() for p in s.shown
            ):
                await asyncio.sleep(0.01)
            await chat.services.commands.run("stop", chat.thread(), Caller(ANN))
            (surface,) = await chat.finished(1, timeout_seconds=5)

        assert notes(surface) == ["Stopped before there was anything to show."]
        assert api.asked == []

    async def test_time_is_up(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A question that takes too long is ended at the engine and keeps what there is."""
        gate = asyncio.Event()
        api.script = lambda body: [Say("So far."), Wait(gate)]
        async with running(chat, tmp_path, api.base_url, turn_seconds=0.5):
            await chat.say("go")
            (surface,) = await chat.finished(1)
            gate.set()

        assert chat.text_of(surface).startswith("So far.")
        assert "It took longer than" in chat.text_of(surface)
        assert len(api.asked) == 1

    async def test_retry_under_an_older_answer(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A button asks the question of the answer that it hangs on, also after later ones; two
        presses ask once, and what is written asks the last one."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("one", files={"a.csv": b"1"})
            (surface,) = await chat.finished(1)
            await chat.say("two")
            await chat.finished(2)
            (button,) = [
                action
                for post in surface.posts.values()
                for action in post.actions
                if action.label == "Retry"
            ]
            run, key = chat.services.commands.run, chat.thread()
            pressed = [
                await run(button.command, key, Caller(ANN), button.arguments) for _ in range(2)
            ]
            await chat.finished(3)
            other = await run(button.command, chat.thread("t2"), Caller(ANN), button.arguments)
            later = await run(button.command, key, Caller(ANN), button.arguments)
            await chat.finished(4)

        said = [body["input"][-1]["content"][-1]["text"] for body in api.asked]
        assert said == ["one", "two", "one", "one"]
        assert [result.ok for result in pressed] == [True, False]
        assert other.text == "There is no such answer in this thread."
        assert later.ok

    async def test_retry_thrice(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Retry pressed again and again asks once more, not three times."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            await chat.finished(1)
            for _ in range(3):
                await chat.services.commands.run("retry", chat.thread(), Caller(ANN))
            await chat.finished(2)
            await asyncio.sleep(0.2)

        assert len(api.asked) == 2

    async def test_retry(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Retry asks the last question again, files included, without uploading them again."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", files={"a.csv": CSV})
            await chat.finished(1)
            await chat.services.commands.run("retry", chat.thread(), Caller(ANN))
            await chat.finished(2)

        first, second = (body["input"][-1]["content"][0]["text"] for body in api.asked)
        assert first == second == "go"
        assert len(api.uploads) == 1

    async def test_reset(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Reset ends the container and forgets the talk; the files stay and come back."""
        api.script = lambda body: [Code("…"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", files={"a.csv": CSV})
            await chat.finished(1)
            (old,) = api.containers
            result = await chat.services.commands.run("reset", chat.thread(), Caller(ANN))
            await chat.say("again")
            _, second = await chat.finished(2)

        assert "1 file is kept" in result.text
        assert old not in api.containers
        assert "previous_response_id" not in api.asked[1]
        assert "go" not in str(api.asked[1]["input"])
        container = container_of(api.asked[1])
        assert isinstance(container, dict)
        assert len(container["file_ids"]) == 1
        assert notes(second) == []

    async def test_reset_while_running(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A turn that was running when its thread was reset does not bring the past back."""
        gate = asyncio.Event()
        api.script = lambda body: [Code("…"), Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            while not api.containers:
                await asyncio.sleep(0.01)
            await chat.services.commands.run("reset", chat.thread(), Caller(ANN))
            gate.set()
            await chat.finished(1)
            view = await chat.services.workspaces.view(chat.thread())

        assert view.state is ContainerState.NONE

    async def test_unknown(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """An unknown command is answered with those that there are."""
        async with running(chat, tmp_path, api.base_url):
            result = await chat.services.commands.run("dance", chat.thread(), Caller(ANN))

        assert not result.ok
        assert "`reset`" in result.text


class TestRestart:
    async def test_in_mid_answer(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A bot that ends in mid-answer takes the same response up: asked once, posted once."""
        gate = asyncio.Event()
        api.script = lambda body: [Code("1+1", "2"), Wait(gate), Say("Two.")]
        async with running(chat, tmp_path, api.base_url, shutdown_seconds=0.1):
            await chat.say("go", files={"a.csv": CSV})
            while not api.responses:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        gate.set()

        async with running(chat, tmp_path, api.base_url):
            (surface,) = await chat.finished(1)

        assert chat.text_of(surface) == "Two."
        assert len(api.asked) == 1
        assert len(api.uploads) == 1
        assert [effect[1] for effect in chat.effects] == ["acknowledge", "open", "post"]

    async def test_waiting_message(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A message that waited when the bot ended is answered after the restart."""
        gate = asyncio.Event()
        api.script = lambda body: [Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url, shutdown_seconds=0.1):
            await chat.say("one", author=ANN)
            await chat.say("two", author=BEN)
            while not api.responses:
                await asyncio.sleep(0.01)
        gate.set()

        async with running(chat, tmp_path, api.base_url):
            await chat.finished(2)

        questions = [body["input"][-1]["content"][0]["text"] for body in api.asked]
        assert questions == ["one", "two"]

    async def test_checkpoints_are_lost(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where the steps' records are gone, as after a move to another database, the answer under
        way is followed, and takes in nothing that it does not know of."""
        gate = asyncio.Event()
        api.script = lambda body: [Wait(gate), Say(body["input"][-1]["content"][0]["text"])]
        async with running(chat, tmp_path, api.base_url, shutdown_seconds=0.1):
            await chat.say("one", author=ANN)
            while not api.responses:
                await asyncio.sleep(0.01)
            await chat.say("two", author=ANN)
        for records in tmp_path.glob("workflows.db*"):
            records.unlink()
        gate.set()

        async with running(chat, tmp_path, api.base_url):
            surfaces = await chat.finished(2)

        assert [chat.text_of(surface) for surface in surfaces] == ["one", "two"]
        assert len(api.asked) == 2
