"""A container that runs out of memory is named, and a larger one is a button away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.domain import Caller
from bot.memory import out_of_memory
from tests.fakes.platform import ANN, ScriptedChat, Surface
from tests.fakes.responses_api import Code, Fail, FakeResponsesApi, Fault, Say
from tests.fakes.threadlab import running

ISSUE = "There was an issue with your request. Please check your inputs and try again"


def buttons(surface: Surface) -> dict[str, str]:
    """What the buttons say, and what they do."""
    actions = [action for post in surface.posts.values() for action in post.actions]
    return {action.label: f"{action.command} {action.arguments}".strip() for action in actions}


def notes(surface: Surface) -> list[str]:
    return [note for post in surface.posts.values() for note in post.notes]


async def press(chat: ScriptedChat, line: str) -> None:
    name, _, arguments = line.partition(" ")
    result = await chat.services.commands.run(name, chat.thread(), Caller(ANN), arguments)
    assert result.ok, result.text


class TestServiceThatDoesNotSay:
    @pytest.mark.parametrize("code", ["server_error", "invalid_prompt"])
    async def test_named(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, code: str
    ) -> None:
        """An unexplained failure, while the container still runs, is a lack of memory."""
        api.script = lambda body: [Code("big()", makes={"half.csv": b"1"}), Fail(ISSUE, code)]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        assert chat.text_of(surface).endswith(out_of_memory("1g"))
        assert any(post.failed for post in surface.posts.values())
        assert buttons(surface)["Retry with 4g"] == f"again {surface.turn_id} 4g"
        assert buttons(surface)["Retry"] == f"again {surface.turn_id}"
        assert len(api.asked) == 1
        assert chat.delivered == {"half.csv": b"1"}

    async def test_the_next_tier(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The button asks again in a fresh container of the next tier, with all files; and so on
        until there is no larger one."""
        api.script = lambda body: [Code("big()"), Fail(ISSUE)]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", files={"s.csv": b"1"})
            for count, tier in enumerate(["4g", "16g", "64g"], start=1):
                surface = (await chat.finished(count))[-1]
                await press(chat, buttons(surface)[f"Retry with {tier}"])
            last = (await chat.finished(4))[-1]

        containers = [body["tools"][0]["container"] for body in api.asked]
        assert [container["memory_limit"] for container in containers] == ["1g", "4g", "16g", "64g"]
        assert all(len(container["file_ids"]) == 1 for container in containers)
        assert len(api.containers) == 1
        assert chat.text_of(last).endswith(out_of_memory("64g"))
        assert not any(label.startswith("Retry with") for label in buttons(last))

    async def test_dead_container(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where the container has died, it was that: the question is asked again in a fresh one."""

        def first(body: object) -> list[Code | Fail]:
            api.expired |= set(api.containers)
            api.script = lambda body: [Code("1"), Say("Done.")]
            return [Code("1"), Fail(ISSUE)]

        api.script = first
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        assert chat.text_of(surface) == "Done."
        assert len(api.asked) == 2

    async def test_no_code(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Where no code ran, it is tried again, and then said that nobody knows why."""
        api.script = lambda body: [Fail(ISSUE)]
        async with running(chat, tmp_path, api.base_url, engine_attempts=2):
            await chat.say("go")
            (surface,) = await chat.finished(1)

        assert len(api.asked) == 2
        assert "does not say why" in chat.text_of(surface)
        assert "Retry" in buttons(surface)


class TestServiceThatSays:
    async def test_answered_all_the_same(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Where the model answers that its code ran out of memory, a note and a button help."""
        logs = (
            "The code ran out of its 1 GB of memory. A larger memory tier helps: 4g, 16g, 64g. "
            "Variables are gone; files in /mnt/data are still there."
        )
        api.script = lambda body: [Code("big()", logs), Say("It did not fit.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            (surface,) = await chat.finished(1)
            api.script = lambda body: [Code("big()", "42"), Say("It is 42.")]
            await press(chat, buttons(surface)["Retry with 4g"])
            _, second = await chat.finished(2)

        assert chat.text_of(surface) == "It did not fit."
        assert out_of_memory("1g") in notes(surface)
        assert api.asked[-1]["tools"][0]["container"]["memory_limit"] == "4g"
        assert out_of_memory("1g") not in notes(second)
        assert "Retry with 16g" not in buttons(second)


@pytest.mark.slow
async def test_our_own_engine(chat: ScriptedChat, tmp_path: Path) -> None:
    """With Threadlab's own engine the button leads to a container in which the code fits."""
    code = "```python\nprint(len(bytearray(2 * 10**9)))\n```"
    async with running(chat, tmp_path, None, openai_api_key=None, engine="embedded"):
        await chat.say(code)
        (surface,) = await chat.finished(1)
        await press(chat, buttons(surface)["Retry with 4g"])
        _, second = await chat.finished(2)

    assert out_of_memory("1g") in notes(surface)
    assert second.posts[f"{second.turn_id}:0"].runs[0].logs.strip() == str(2 * 10**9)


class TestQueue:
    async def test_how_long(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An engine that answers 429 shows how long it asks to wait, also while files are
        brought."""
        slow = Fault("/v1/files", 429, "Slow down", headers={"retry-after": "33"})
        api.faults.append(slow)
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go", files={"s.csv": b"1"})
            async with asyncio.timeout(10):
                while not any(
                    progress.status == "queued, about 33 s…"
                    for surface in chat.surfaces.values()
                    for progress in surface.shown
                ):
                    await asyncio.sleep(0.01)
            await press(chat, "stop")
            await chat.finished(1)

    async def test_too_long(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An engine that stays too busy becomes a sentence with Retry, and Retry asks again."""
        busy = [Fault("/v1/responses", 429, "No", headers={"retry-after": "0"}) for _ in range(2)]
        api.faults += busy
        async with running(chat, tmp_path, api.base_url, engine_attempts=2):
            await chat.say("go")
            (surface,) = await chat.finished(1)
            await press(chat, buttons(surface)["Retry"])
            _, second = await chat.finished(2)

        assert chat.text_of(surface).startswith("The engine is too busy")
        assert chat.text_of(second) == "Done."
