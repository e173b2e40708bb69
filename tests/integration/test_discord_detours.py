"""An answer whose place no longer takes it is given elsewhere, and says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.discord.platform import DiscordPlatform
from adapters.discord.reply import LEAVING
from adapters.discord.store import DiscordStore
from bot.domain import Answer, Artifact, IncomingMessage, Progress
from bot.errors import PlatformError, Undeliverable
from bot.ports import Reply
from tests.fakes.core import FakeCore
from tests.fakes.discord import Channel, Message
from tests.fakes.discord_driver import DiscordSite, serve

LONG = "\n\n".join(f"Part {number}: {'word ' * 150}" for number in range(5))


class Slow:
    """Answers when told to."""

    def __init__(self, text: str = "Here it is.", content: bytes = b"") -> None:
        self.go_on = asyncio.Event()
        self._text = text
        self._content = content

    async def __call__(
        self, core: FakeCore, message: IncomingMessage
    ) -> AsyncIterator[Progress | Answer]:
        """Wait, then answer, with a file if there is one."""
        await self.go_on.wait()
        artifacts: tuple[Artifact, ...] = ()
        if self._content:

            async def chunks() -> AsyncIterator[bytes]:
                yield self._content

            blob = await core.blobs.put(message.key, chunks(), limit_bytes=1_000_000)
            artifacts = (Artifact("cf_1", "a.bin", "application/octet-stream", blob),)
        yield Answer(f"turn-{message.id}", self._text, artifacts=artifacts)


async def asked_in_general(site: DiscordSite) -> tuple[Message, Channel]:
    """A question of Ann's that is being answered, and its thread."""
    asked = await site.discord.person("Ann").say(
        site.discord.channel("general"), "sum it up", mention=True
    )
    thread = await site.thread_of(asked)
    await site.until(lambda: site.discord.bot_messages(thread))
    return asked, thread


def contents(site: DiscordSite, channel: Channel | str) -> list[str]:
    """What the bot said in a channel."""
    return [message.content for message in site.discord.bot_messages(channel)]


@pytest.fixture
async def slow() -> Slow:
    return Slow()


@pytest.fixture
async def site(tmp_path: Path, slow: Slow) -> AsyncIterator[DiscordSite]:
    async with serve(tmp_path, slow) as started:
        yield started
    assert started.discord.violations == []


class TestThread:
    @pytest.mark.parametrize(
        ("end", "word"),
        [
            ("deleted", "was deleted"),
            ("locked", "is locked"),
            ("archived and locked", "is locked"),
            ("full", "too many open threads"),
            ("forbidden", "is locked"),
        ],
    )
    async def test_that_takes_no_answer_is_answered_in_its_channel(
        self, site: DiscordSite, slow: Slow, end: str, word: str
    ) -> None:
        """The answer replies to the question, and says first why it stands there; once."""
        asked, thread = await asked_in_general(site)
        general = site.discord.channel("general")
        await close(site, thread, end)

        slow.go_on.set()
        reason, answer = [await site.answer_in(general, number) for number in range(2)]

        assert word in reason.content
        assert reason.reference is asked
        assert answer.content == "Here it is."
        assert answer.reference is asked

    async def test_that_was_deleted_goes_on_as_replies(self, site: DiscordSite, slow: Slow) -> None:
        """Who replies to the answer in the channel is answered there, with no more ado."""
        _, thread = await asked_in_general(site)
        general = site.discord.channel("general")
        site.discord.chat.delete_channel(thread)
        slow.go_on.set()
        answer = await site.answer_in(general, 1)
        store = DiscordStore(site.core.services.database)
        async with asyncio.timeout(10):
            while await store.thread_of(answer.id) is None:
                await asyncio.sleep(0.01)

        again = await site.discord.person("Ann").say(general, "and?", reply_to=answer)
        follow_up = await site.answer_in(general, 2)

        assert follow_up.reference is again
        assert site.core.accepted[0].key == site.core.accepted[1].key

    async def test_of_few_is_not_told_of_in_the_channel(
        self, site: DiscordSite, slow: Slow
    ) -> None:
        """A private thread's answer goes to who asked, not to everybody."""
        ann, general = site.discord.person("Ann"), site.discord.channel("general")
        thread = await ann.open_thread(general, "apart", private=True)
        await ann.say(thread, "sum it up", mention=True)
        await site.until(lambda: site.discord.bot_messages(thread))
        await ann.archive(thread, locked=True)

        slow.go_on.set()
        answer = await site.answer_in(site.discord.dm(ann), 1)

        assert answer.content == "Here it is."
        assert contents(site, general) == []

    @pytest.mark.parametrize("end", ["deleted", "archived"])
    async def test_of_few_that_closes_before_the_answer_begins_is_not_either(
        self, site: DiscordSite, slow: Slow, monkeypatch: pytest.MonkeyPatch, end: str
    ) -> None:
        """Nor is it taken for a message of the channel that has no thread yet."""
        begins, may_begin = asyncio.Event(), asyncio.Event()
        open_reply = DiscordPlatform.open_reply

        async def held(self: DiscordPlatform, *given: Any, **named: Any) -> Reply:
            begins.set()
            await may_begin.wait()
            return await open_reply(self, *given, **named)

        monkeypatch.setattr(DiscordPlatform, "open_reply", held)
        ann, general = site.discord.person("Ann"), site.discord.channel("general")
        site.discord.deny("general", "create_public_threads")
        thread = await ann.open_thread(general, "apart", private=True)
        await ann.say(thread, "sum it up", mention=True)
        async with asyncio.timeout(10):
            await begins.wait()
        if end == "deleted":
            site.discord.chat.delete_channel(thread)
        else:
            await ann.archive(thread)

        may_begin.set()
        slow.go_on.set()
        place = thread if end == "archived" else site.discord.dm(ann)
        await site.until(lambda: "Here it is." in contents(site, place))

        assert contents(site, general) == []

    async def test_of_a_forum_is_followed_by_a_dm(self, site: DiscordSite, slow: Slow) -> None:
        """A forum takes no messages of its own."""
        ann = site.discord.person("Ann")
        thread = await ann.post(site.discord.channel("questions"), "Totals", "sum?", mention=True)
        await site.until(lambda: site.discord.bot_messages(thread))
        site.discord.chat.delete_channel(thread)

        slow.go_on.set()
        reason, answer = [await site.answer_in(site.discord.dm(ann), n) for n in range(2)]

        assert "was deleted" in reason.content
        assert answer.content == "Here it is."

    async def test_is_not_told_of_twice(self, site: DiscordSite, tmp_path: Path) -> None:
        """A crash after a post that was not noted repeats nothing, on the detour either."""
        site.core.answers = False
        asked = await site.discord.person("Ann").say(
            site.discord.channel("general"), "sum it up", mention=True
        )
        (message,) = await site.until(lambda: site.core.accepted)
        reply = await site.platform.open_reply(
            message.key, turn_id="t", message_id=message.id, ref=None
        )
        site.discord.chat.delete_channel(await site.thread_of(asked))
        answer = Answer("t", LONG)
        first, *_ = reply.plan(answer)
        site.discord.fault(
            "POST", "/channels/*/messages", status=503, accepted=True, times=3, skip=2
        )

        with pytest.raises(PlatformError):
            await reply.send(first)
        again = await site.platform.open_reply(
            message.key, turn_id="t", message_id=message.id, ref=reply.ref
        )
        for post in again.plan(answer):
            if await again.find(post.id) is None:
                await again.send(post)
        await again.close()
        await reply.close()

        said = contents(site, "general")
        assert len(said) == len(set(said)) == 1 + len(again.plan(answer))


async def close(site: DiscordSite, thread: Channel, end: str) -> None:
    """Make a thread refuse answers."""
    ann, chat = site.discord.person("Ann"), site.discord.chat
    if end == "deleted":
        chat.delete_channel(thread)
    elif end == "locked":
        chat.update_thread(thread, locked=True)
        status = site.discord.bot_messages(thread)[0]
        chat.delete(status)
    elif end == "archived and locked":
        await ann.archive(thread, locked=True)
    elif end == "full":
        await ann.archive(thread)
        site.discord.limits.active_threads = 0
    else:
        site.discord.deny("general", "send_messages_in_threads")
        chat.delete(site.discord.bot_messages(thread)[0])


class TestNowhere:
    async def test_is_said_by_a_reaction(self, site: DiscordSite) -> None:
        """Where nothing may be written and nobody takes DMs, the turn ends with a ⚠️."""
        site.core.answers = False
        ann, general = site.discord.person("Ann"), site.discord.channel("general")
        site.discord.deny(general, "send_messages", "create_public_threads")
        site.discord.refuse_dms(ann)
        asked = await ann.say(general, "sum it up", mention=True)
        (message,) = await site.until(lambda: site.core.accepted)

        with pytest.raises(Undeliverable):
            await site.platform.open_reply(
                message.key, turn_id="t", message_id=message.id, ref=None
            )

        assert list(asked.reactions) == ["⚠️"]


class TestFiles:
    async def test_that_may_not_be_attached_are_named(self, tmp_path: Path) -> None:
        """Without “Attach Files” the text arrives where it belongs, the file is named."""
        slow = Slow(content=b"12345")
        async with serve(tmp_path, slow) as site:
            _, thread = await asked_in_general(site)
            site.discord.deny("general", "attach_files")
            slow.go_on.set()
            answer = await site.answer_in(thread)
            note = await site.answer_in(thread, 1)

        assert answer.content == "Here it is."
        assert "a.bin" in note.content
        assert "Attach Files" in note.content
        assert site.discord.violations == []


class TestCommand:
    @pytest.fixture
    async def elsewhere(self, site: DiscordSite) -> Channel:
        guild = site.discord.add_guild("Elsewhere", with_bot=False)
        site.discord.person("Ann", guild=guild)
        return site.discord.channel("general", guild)

    async def test_whose_time_is_over_is_answered_in_a_dm(
        self, site: DiscordSite, slow: Slow, elsewhere: Channel
    ) -> None:
        """After 15 minutes Discord closes the way; who asked gets the answer directly."""
        ann = site.discord.person("Ann")
        await ann.slash(elsewhere, "ask", question="sum?")
        await site.until(lambda: any("⏳" in said for said in contents(site, elsewhere)))
        site.discord.clock.advance(901)

        slow.go_on.set()
        reason, answer = [await site.answer_in(site.discord.dm(ann), n) for n in range(2)]

        assert "closed before I was done" in reason.content
        assert answer.content == "Here it is."

    async def test_whose_time_runs_out_leaves_no_status_behind(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While it still can, it says that it will answer elsewhere, and takes Stop away."""
        monkeypatch.setattr("adapters.discord.store.TOKEN_SECONDS", 2.0)

        async def endless(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            yield Progress("computing…")
            await asyncio.Event().wait()

        async with serve(tmp_path, endless, DISCORD_EDIT_PACE_MS="1000") as site:
            guild = site.discord.add_guild("Elsewhere", with_bot=False)
            general = site.discord.channel("general", guild)
            await site.discord.person("Ann", guild=guild).slash(general, "ask", question="sum?")
            (status,) = await site.until(
                lambda: [m for m in site.discord.bot_messages(general) if "direct" in m.content]
            )

        assert LEAVING in status.content
        assert status.buttons == []

    async def test_that_takes_no_more_answers_is_gone_on_with_in_a_dm(self, tmp_path: Path) -> None:
        """Discord takes five more messages where the bot is not; the rest is not lost."""
        slow = Slow("\n\n".join(f"Part {number}: {'word ' * 390}" for number in range(7)))
        async with serve(tmp_path, slow) as site:
            guild = site.discord.add_guild("Elsewhere", with_bot=False)
            ann = site.discord.person("Ann", guild=guild)
            general = site.discord.channel("general", guild)
            slow.go_on.set()
            await ann.slash(general, "ask", question="sum?")

            def missing() -> list[int]:
                said = "\n".join(contents(site, general) + contents(site, site.discord.dm(ann)))
                return [number for number in range(7) if f"Part {number}:" not in said]

            await site.until(lambda: not missing())
            first, *_ = contents(site, general)

        assert first.startswith("> sum?\nPart 0:")

    async def test_of_who_takes_no_dms_is_answered_after_the_next_one(
        self, site: DiscordSite, slow: Slow, elsewhere: Channel
    ) -> None:
        """Where nothing works the answer is kept, and said once to the person alone."""
        ann = site.discord.person("Ann")
        site.discord.refuse_dms(ann)
        await ann.slash(elsewhere, "ask", question="sum?")
        await site.until(lambda: any("⏳" in said for said in contents(site, elsewhere)))
        site.discord.clock.advance(901)
        slow.go_on.set()
        store = DiscordStore(site.core.services.database)
        async with asyncio.timeout(10):
            while not await store.values("late:"):
                await asyncio.sleep(0.01)

        given = await ann.slash(elsewhere, "usage")
        await given.until(lambda: bool(given.followups))
        later = await ann.slash(elsewhere, "usage")
        await later.answer()

        assert given.followups[0].ephemeral
        assert "Here it is." in given.followups[0].content
        assert later.followups == []

    async def test_that_begins_too_late_keeps_its_answer_and_no_status(
        self, site: DiscordSite, slow: Slow, elsewhere: Channel
    ) -> None:
        """What is kept for the person is the answer, not that it is being thought of."""
        ann = site.discord.person("Ann")
        site.discord.refuse_dms(ann)
        site.core.answers = False
        await ann.slash(elsewhere, "ask", question="sum?")
        (message,) = await site.until(lambda: site.core.accepted)
        site.discord.clock.advance(901)

        reply = await site.platform.open_reply(
            message.key, turn_id="t", message_id=message.id, ref=None
        )
        for post in reply.plan(Answer("t", "Here it is.")):
            await reply.send(post)
        await reply.close()

        store = DiscordStore(site.core.services.database)
        assert list((await store.values("late:")).values()) == ["Here it is."]
