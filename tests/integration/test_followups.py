"""Who is answered, and together with what: follow-ups, files without words, edits, deletions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Addressing
from tests.fakes.platform import ANN, BEN, ScriptedChat
from tests.fakes.responses_api import Code, FakeResponsesApi, Say, Wait
from tests.fakes.threadlab import running

pytestmark = pytest.mark.usefixtures("database_url")

CSV = b"region,revenue\nNorth,1\n"
AMBIENT = Addressing.AMBIENT


def asked(api: FakeResponsesApi) -> list[str]:
    """What was asked of the engine, in order."""
    return [
        part["text"]
        for body in api.asked
        for part in body["input"][-1]["content"]
        if part["type"] == "input_text"
    ]


async def effect(chat: ScriptedChat, kind: str) -> None:
    """Wait until the chat saw an effect of this kind."""
    async with asyncio.timeout(20):
        while not any(seen == kind for _, seen, _ in chat.effects):
            await asyncio.sleep(0.005)


class TestFollowups:
    async def test_alone_with_the_bot(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """While one person is in the thread, what they write there is answered."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("total?")
            await chat.finished(1)
            await chat.say("and by month?", addressed=AMBIENT)
            await chat.finished(2)

        assert asked(api) == ["total?", "and by month?"]

    async def test_a_second_person(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """From a second person's message on, only mentions and replies are answered."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("total?")
            await chat.finished(1)
            await chat.say("looks odd, Ann", author=BEN, addressed=AMBIENT)
            await chat.say("does it, Ben?", addressed=AMBIENT)
            await chat.say("by month?", addressed=Addressing.REPLY)
            await chat.finished(2)

        assert asked(api) == ["total?", "by month?"]

    async def test_said_to_somebody_else(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A message that names others is not answered, though its author is alone with the bot;
        they count as taking part when they write themselves."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("total?")
            await chat.finished(1)
            await chat.say("@Ben can you check 2+2?", addressed=Addressing.ELSEWHERE)
            await chat.say("and by month?", addressed=AMBIENT)
            await chat.finished(2)
            await chat.say("@Ann it is 4", author=BEN, addressed=Addressing.ELSEWHERE)
            taken = await chat.services.inbox.accept(chat.message("hm", addressed=AMBIENT))
            elsewhere = chat.message("@Ben?", thread="t2", addressed=Addressing.ELSEWHERE)
            unknown = await chat.services.inbox.accept(elsewhere)

        assert asked(api) == ["total?", "and by month?"]
        assert not taken
        assert not unknown

    async def test_somebody_who_was_there_before(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """People of whom the adapter knows count, though they never spoke to the bot."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("total?", others=("u-ben",))
            await chat.finished(1)
            taken = await chat.services.inbox.accept(chat.message("hm", addressed=AMBIENT))

        assert not taken
        assert asked(api) == ["total?"]

    async def test_every_message(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The operator may want every message in the bot's threads answered."""
        async with running(chat, tmp_path, api.base_url, followups="all"):
            await chat.say("total?")
            await chat.say("and by month?", author=BEN, addressed=AMBIENT)
            await chat.finished(2)

        assert asked(api) == ["total?", "and by month?"]

    async def test_other_peoples_threads(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A thread in which nobody called the bot leaves no trace here."""
        async with running(chat, tmp_path, api.base_url):
            taken = await chat.services.inbox.accept(chat.message("lunch?", addressed=AMBIENT))
            listed = await chat.services.threads.recent("script", "w")

        assert not taken
        assert not listed


class TestFilesWithoutWords:
    async def test_are_known_to_the_next_question(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """They are taken in with a light sign and no answer; the next question has them."""
        api.script = lambda _: [Code("…", "ok"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("hello")
            await chat.finished(1)
            dropped = await chat.say("", files={"s.csv": CSV}, addressed=AMBIENT)
            await effect(chat, "taken")
            await chat.say("total?", addressed=AMBIENT)
            await chat.finished(2)

        assert (str(dropped.key), "taken", dropped.id) in chat.effects
        assert len(chat.surfaces) == 2
        assert asked(api) == ["hello", "total?"]
        assert "s.csv" in str(api.asked[1]["input"])
        assert list(api.uploads.values()) == [("s.csv", CSV)]

    async def test_that_can_not_be_had(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A file that was not taken is said so, also where nothing was asked."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("", files={"s.csv": b""}, addressed=Addressing.DIRECT)
            (surface,) = await chat.finished(1)

        (post,) = surface.posts.values()
        assert post.notes == ("“s.csv” was not taken: it is empty.",)
        assert not post.failed
        assert asked(api) == []

    async def test_and_a_question_right_after(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Files and a question of the same person that wait together are one turn."""
        gate = asyncio.Event()
        api.script = lambda _: [Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("hello")
            await effect(chat, "open")
            await chat.say("", files={"s.csv": CSV}, addressed=AMBIENT)
            await chat.say("total?", addressed=AMBIENT)
            gate.set()
            await chat.finished(2)

        assert asked(api) == ["hello", "total?"]
        assert not [effect for effect in chat.effects if effect[1] == "taken"]


class TestWaiting:
    async def test_edited(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Of a message that was edited while it waited, the new text counts."""
        gate = asyncio.Event()
        api.script = lambda _: [Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("hello")
            await effect(chat, "open")
            waiting = await chat.say("totl?")
            revised = await chat.services.inbox.revise(waiting.key, waiting.id, "total?")
            gate.set()
            await chat.finished(2)
            late = await chat.services.inbox.revise(waiting.key, waiting.id, "too late")

        assert asked(api) == ["hello", "total?"]
        assert (revised, late) == (True, False)

    async def test_deleted(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A message deleted while it waited is not answered, nor when it is delivered again."""
        gate = asyncio.Event()
        api.script = lambda _: [Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("hello")
            await effect(chat, "open")
            waiting = await chat.say("never mind")
            withdrawn = await chat.services.inbox.withdraw(waiting.key, waiting.id)
            again = await chat.services.inbox.accept(waiting)
            await chat.say("total?", author=BEN)
            gate.set()
            await chat.finished(2)

        assert asked(api) == ["hello", "total?"]
        assert (withdrawn, again) == (True, False)

    async def test_deleted_while_it_is_answered(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An answer to a message that was deleted is stopped, unless it answers others too."""
        gate = asyncio.Event()
        api.script = lambda _: [Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            first = await chat.say("hello")
            await effect(chat, "open")
            one, two = await chat.say("one"), await chat.say("two")
            await chat.services.inbox.withdraw(first.key, first.id)
            (stopped,) = await chat.finished(1)
            async with asyncio.timeout(20):
                while two.text not in str(asked(api)):
                    await asyncio.sleep(0.005)
            await chat.services.inbox.withdraw(one.key, one.id)
            gate.set()
            answered = (await chat.finished(2))[1]

        assert "Stopped" in str(stopped.posts)
        assert chat.text_of(answered) == "Done."

    async def test_deleted_before_it_began(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A turn whose only message was withdrawn ends without a word, and the thread goes on."""
        async with running(chat, tmp_path, api.base_url, turns_at_once=1):
            gate = asyncio.Event()
            api.script = lambda _: [Wait(gate), Say("Done.")]
            await chat.say("elsewhere", thread="t2")
            await effect(chat, "open")
            waiting = await chat.say("never mind")
            await chat.services.inbox.withdraw(waiting.key, waiting.id)
            gate.set()
            await chat.finished(1)
            await chat.say("total?")
            await chat.finished(2)

        assert asked(api) == ["elsewhere", "total?"]
        assert len(chat.surfaces) == 2

    async def test_two_people(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Messages of one author are answered together; those of two never merge."""
        gate = asyncio.Event()
        api.script = lambda _: [Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("hello")
            await effect(chat, "open")
            for text, author in (("a", ANN), ("b", ANN), ("c", BEN), ("d", ANN)):
                await chat.say(text, author=author)
            gate.set()
            await chat.finished(4)

        assert asked(api) == ["hello", "a\n\nb", "c", "d"]


class TestLists:
    async def test_recent_threads(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Threads are listed with their first question, the newest first, by channel or person."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("first question", thread="t1")
            await effect(chat, "open")
            last = await chat.say("second question", thread="t2", author=BEN)
            await chat.say("third question", thread="t1")
            await chat.finished(3)
            recent = chat.services.threads.recent
            everywhere = await recent("script", "w")
            here: Any = await recent("script", "w", channel="c", limit=1)
            bens = await recent("script", "w", author_id=BEN.id)
            elsewhere = [await recent("script", "w2"), await recent("script", "w", channel="d")]

        assert [t.title for t in everywhere] == ["first question", "second question"]
        assert [t.title for t in here] == ["first question"]
        assert [(t.title, t.last_message_id) for t in bens] == [("second question", last.id)]
        assert elsewhere == [[], []]
