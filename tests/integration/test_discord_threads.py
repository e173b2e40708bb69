"""Where people write on Discord, and where they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands.hello import HELLO
from bot.domain import Addressing, Answer, IncomingMessage, Progress
from tests.fakes.core import FakeCore
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_driver import DiscordSite, serve


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[DiscordSite]:
    async with serve(tmp_path) as started:
        yield started
    assert started.discord.violations == []


class TestMention:
    async def test_opens_a_thread_named_after_the_question(self, site: DiscordSite) -> None:
        """The answer is in a public thread that begins with the message."""
        ann = site.discord.person("Ann")

        asked = await ann.say(site.discord.channel("general"), "**sum** it up", mention=True)
        thread = await site.thread_of(asked)
        answer = await site.answer_in(thread)

        assert thread.name == "sum it up"
        assert answer.content == "You said: **sum** it up"
        assert site.core.accepted[0].addressed is Addressing.MENTION
        assert site.core.accepted[0].key.thread == str(asked.id)
        assert site.discord.bot_messages("general") == []

    async def test_goes_on_in_the_thread_without_one(self, site: DiscordSite) -> None:
        """What is written in the thread has the key of the first message."""
        ann = site.discord.person("Ann")
        asked = await ann.say(site.discord.channel("general"), "one", mention=True)
        thread = await site.thread_of(asked)
        await site.answer_in(thread)

        await ann.say(thread, "two", files={"a.csv": b"1", "b.csv": b"2"})
        await site.answer_in(thread, 1)

        first, second = site.core.accepted
        assert first.key == second.key
        assert second.addressed is Addressing.AMBIENT
        assert [file.name for file in second.attachments] == ["a.csv", "b.csv"]

    async def test_of_somebody_else_is_not_for_the_bot(self, site: DiscordSite) -> None:
        """In a thread of the bot's, what names others or replies to them is said to them; a reply
        to oneself is not, nor one that pings the bot."""
        ann, ben = site.discord.person("Ann"), site.discord.person("Ben")
        asked = await ann.say(site.discord.channel("general"), "one", mention=True)
        thread = await site.thread_of(asked)
        answer = await site.answer_in(thread)
        site.core.answers = False

        named = f"<@{ben.id}> check?"
        bens = await ben.say(thread, "hm")
        own = await ann.say(thread, "hm")
        await ann.say(thread, named)
        await ann.say(thread, "help", reply_to=bens, ping=False)
        await ann.say(thread, "well", reply_to=own, ping=False)
        await ann.say(thread, named, reply_to=answer, ping=False)
        await ann.say(thread, named, reply_to=answer)
        await site.until(lambda: len(site.core.accepted) == 8)

        assert [message.addressed for message in site.core.accepted[3:]] == [
            Addressing.ELSEWHERE,
            Addressing.ELSEWHERE,
            Addressing.AMBIENT,
            Addressing.ELSEWHERE,
            Addressing.REPLY,
        ]

    async def test_in_a_thread_of_others_is_answered_there(self, site: DiscordSite) -> None:
        """A thread that somebody else opened becomes ours; its opener counts as taking part."""
        ann, ben = site.discord.person("Ann"), site.discord.person("Ben")
        thread = await ben.open_thread(site.discord.channel("general"), "plans")

        await ann.say(thread, "sum it up", mention=True)
        await site.answer_in(thread)

        (message,) = site.core.accepted
        assert message.key.thread == str(thread.id)
        assert message.others == (str(ben.id),)

    @pytest.mark.parametrize("place", ["general", "questions"])
    async def test_in_a_thread_on_a_file_brings_the_file(
        self, site: DiscordSite, place: str
    ) -> None:
        """A thread that was opened on a file, or a forum's post with one, is about that file."""
        ann, ben = site.discord.person("Ann"), site.discord.person("Ben")
        channel, files = site.discord.channel(place), {"b.csv": b"1,2\n"}
        if place == "questions":
            thread = await ben.post(channel, "Totals", "see here", files=files)
        else:
            said = await ben.say(channel, "see here", files=files)
            thread = await ben.open_thread(channel, "Totals", starter=said)
        site.core.answers = False

        await ann.say(thread, "sum?", mention=True, files={"a.csv": b"1"})
        await site.until(lambda: any(m.text == "sum?" for m in site.core.accepted))

        message = site.core.accepted[-1]
        assert [attachment.name for attachment in message.attachments] == ["b.csv", "a.csv"]
        assert message.others == (str(ben.id),)
        read = [c async for c in site.platform.read(message.key, message.attachments[0])]
        assert b"".join(read) == b"1,2\n"

    async def test_keeps_its_place_before_what_follows(self, site: DiscordSite) -> None:
        """Looking up what a thread is about does not let the next message overtake."""
        ann, ben = site.discord.person("Ann"), site.discord.person("Ben")
        general = site.discord.channel("general")
        said = await ben.say(general, "see here", files={"b.csv": b"1,2\n"})
        thread = await ben.open_thread(general, "Totals", starter=said)
        site.discord.fault("GET", "/channels/*/messages/*", slow_seconds=0.2)

        await ann.say(thread, "one", mention=True)
        later = await ann.say(thread, "two")
        await ann.edit(later, "three")
        await site.until(lambda: site.core.revised)

        assert [message.text for message in site.core.accepted] == ["one", "two"]

    async def test_by_its_role_counts(self, site: DiscordSite) -> None:
        """People pick the bot's role from the list, which bears the same name."""
        role = next(role for role in site.discord.guild.roles.values() if role.managed_by)

        asked = await site.discord.person("Ann").say(
            site.discord.channel("general"), f"<@&{role.id}> hello there"
        )
        await site.thread_of(asked)

        assert site.core.accepted[0].text == "hello there"

    async def test_with_nothing_else_gets_help(self, site: DiscordSite) -> None:
        """Somebody who only says the bot's name wants to know what it is."""
        general = site.discord.channel("general")

        await site.discord.person("Ann").say(general, mention=True)
        await site.until(lambda: site.discord.bot_messages("general"))

        assert [name for name, _ in site.core.commands] == [HELLO]
        assert site.core.accepted == []

    async def test_as_a_reply_brings_the_file_replied_to(self, site: DiscordSite) -> None:
        """A person points at another's file and asks about it."""
        general = site.discord.channel("general")
        file = await site.discord.person("Ben").say(general, "ours", files={"b.csv": b"1,2\n"})

        await site.discord.person("Ann").say(general, "sum?", mention=True, reply_to=file)
        await site.until(lambda: site.core.accepted)

        (message,) = site.core.accepted
        assert [attachment.name for attachment in message.attachments] == ["b.csv"]
        assert message.text == "> ours\n\nsum?"

    async def test_that_comes_with_an_edit_counts(self, site: DiscordSite) -> None:
        """Who forgot the bot's name and adds it is answered."""
        ann = site.discord.person("Ann")
        said = await ann.say(site.discord.channel("general"), "sum it up")
        site.core.revise = _nothing_waits  # type: ignore[method-assign,assignment]

        await ann.edit(said, f"<@{site.discord.bot_user_id}> sum it up")
        await site.answer_in(await site.thread_of(said))

        assert site.core.accepted[0].text == "sum it up"

    async def test_that_was_a_command_is_no_question_when_it_is_edited(
        self, site: DiscordSite
    ) -> None:
        """Neither is it followed twice; one that becomes a command by an edit is followed."""
        ann, general = site.discord.person("Ann"), site.discord.channel("general")
        me = f"<@{site.discord.bot_user_id}>"
        site.core.revise = _nothing_waits  # type: ignore[method-assign,assignment]
        typed = await ann.say(general, "usage", mention=True)
        await site.until(lambda: site.core.commands)
        other = await ann.say(general, "sage")

        await ann.edit(typed, f"{me} usage of sugar?")
        await ann.edit(typed, f"{me} usage")
        await ann.edit(other, f"{me} usage")
        await site.until(lambda: len(site.core.commands) == 2)

        assert site.core.accepted == []


async def _nothing_waits(*_: object) -> bool:
    return False


class TestOthers:
    async def test_messages_that_do_not_concern_us_are_not_handed_in(
        self, site: DiscordSite
    ) -> None:
        """Plain messages in a channel, replies to others and @everyone are not for the bot."""
        ann, general = site.discord.person("Ann"), site.discord.channel("general")

        said = await ann.say(general, "just talking")
        await site.discord.person("Ben").say(general, "indeed", reply_to=said)
        await ann.say(general, "@everyone look")
        asked = await ann.say(general, "now you", mention=True)
        await site.thread_of(asked)

        assert [message.text for message in site.core.accepted] == ["now you"]

    async def test_replies_without_a_ping_open_no_thread(self, site: DiscordSite) -> None:
        """Who switches the ping off speaks about the answer, not to the bot."""
        ann, general = site.discord.person("Ann"), site.discord.channel("general")
        await ann.say(general, mention=True)
        helped = await site.answer_in(general)

        await ann.say(general, "ok", reply_to=helped, ping=False)
        asked = await ann.say(general, "2+2", reply_to=helped)
        await site.thread_of(asked)

        assert [message.text for message in site.core.accepted] == ["2+2"]

    async def test_edits_and_deletions_are_told_of(self, site: DiscordSite) -> None:
        """A waiting message gets its new words, or is withdrawn."""
        ann = site.discord.person("Ann")
        asked = await ann.say(site.discord.channel("general"), "one", mention=True)
        thread = await site.thread_of(asked)
        later = await ann.say(thread, "two")
        await site.until(lambda: len(site.core.accepted) == 2)

        await ann.edit(later, "three")
        await site.until(lambda: site.core.revised)
        await ann.delete(later)
        await site.until(lambda: site.core.withdrawn)

        key = site.core.accepted[0].key
        assert site.core.revised == [(key, str(later.id), "three")]
        assert site.core.withdrawn == [(key, str(later.id))]

    async def test_the_deletion_of_the_first_message_is_of_its_thread(
        self, site: DiscordSite
    ) -> None:
        """A mention in a channel belongs to the thread that begins with it."""
        site.core.answers = False
        ann = site.discord.person("Ann")
        asked = await ann.say(site.discord.channel("general"), "one", mention=True)
        await site.until(lambda: site.core.accepted)

        await ann.delete(asked)
        await site.until(lambda: site.core.withdrawn)

        assert site.core.withdrawn == [(site.core.accepted[0].key, str(asked.id))]


class TestRefused:
    async def test_people_get_a_reply_and_no_thread(self, site: DiscordSite) -> None:
        """Who may not use the bot is told so where they spoke to it, without any buttons."""
        site.core.refused["Ann"] = "You may not use me."
        asked = await site.discord.person("Ann").say(
            site.discord.channel("general"), "2+2", mention=True
        )

        told = await site.answer_in(site.discord.channel("general"))

        assert told.content == "You may not use me."
        assert told.reference is asked
        assert told.components == []
        assert asked.thread is None
        assert site.core.accepted == []

    async def test_questions_by_command_are_not_shown(self, site: DiscordSite) -> None:
        """`/ask` tells the person alone."""
        site.core.refused["Ann"] = "You may not use me."
        ann, general = site.discord.person("Ann"), site.discord.channel("general")

        told = await (await ann.slash(general, "ask", question="2+2")).answer()

        assert told.ephemeral
        assert told.content == "You may not use me."
        assert site.core.accepted == []


class TestDirect:
    async def test_messages_are_one_conversation(self, site: DiscordSite) -> None:
        """A DM needs no mention and opens no thread."""
        ann = site.discord.person("Ann")

        await ann.whisper("sum", files={"a.csv": b"1"})
        answer = await site.answer_in(site.discord.dm(ann))
        await ann.whisper("and again")
        await site.answer_in(site.discord.dm(ann), 1)

        first, second = site.core.accepted
        assert first.addressed is Addressing.DIRECT
        assert first.key == second.key
        assert answer.content == "You said: sum"


class TestForum:
    async def test_post_is_answered_in_it(self, site: DiscordSite) -> None:
        """A forum's post is a thread already."""
        forum = site.discord.channel("questions")

        thread = await site.discord.person("Ann").post(
            forum, "Totals", "sum?", mention=True, files={"a.csv": b"1"}
        )
        answer = await site.answer_in(thread)

        assert site.core.accepted[0].key.channel == str(forum.id)
        assert answer.content == "You said: > Title of the post: Totals\n\nsum?"

    async def test_title_alone_is_the_question(self, site: DiscordSite) -> None:
        """A post with a file and no words asks what its title says."""
        forum = site.discord.channel("questions")

        thread = await site.discord.person("Ann").post(
            forum, "Totals?", mention=True, files={"a.csv": b"1"}
        )
        await site.answer_in(thread)

        assert site.core.accepted[0].text == "Totals?"


class TestWithoutThreads:
    @pytest.fixture
    async def site(self, tmp_path: Path) -> AsyncIterator[DiscordSite]:
        async with FakeDiscord() as discord:
            discord.deny("general", "create_public_threads")
            async with serve(tmp_path, discord=discord) as started:
                yield started
            assert discord.violations == []

    async def test_it_replies_in_the_channel_and_says_so_once(self, site: DiscordSite) -> None:
        """No right to open threads: a reply, with the reason in the first one only."""
        ann, general = site.discord.person("Ann"), site.discord.channel("general")
        asked = await ann.say(general, "one", mention=True)
        first = await site.answer_in(general)

        await ann.say(general, "another matter", mention=True)
        second = await site.answer_in(general, 1)

        assert first.reference is asked
        assert "Create Public Threads" in first.content
        assert "Create Public Threads" not in second.content

    async def test_a_reply_goes_on_with_the_conversation(self, site: DiscordSite) -> None:
        """Replies to the bot's message share the key of the first question."""
        ann, general = site.discord.person("Ann"), site.discord.channel("general")
        await ann.say(general, "one", mention=True)
        answer = await site.answer_in(general)

        again = await ann.say(general, "two", reply_to=answer)
        follow_up = await site.answer_in(general, 1)

        first, second = site.core.accepted
        assert second.key == first.key
        assert second.addressed is Addressing.REPLY
        assert follow_up.reference is again

    async def test_a_right_that_is_missing_unknown_to_us_ends_there_too(
        self, site: DiscordSite
    ) -> None:
        """Discord's refusal itself leads to a reply as well."""
        site.discord.allow("general", "create_public_threads")
        site.discord.limits.active_threads = 0

        await site.discord.person("Ann").say(site.discord.channel("general"), "one", mention=True)

        assert "You said: one" in (await site.answer_in(site.discord.channel("general"))).content


class TestThreads:
    async def test_that_are_archived_are_opened_again(self, tmp_path: Path) -> None:
        """An answer that takes long finds its thread archived, and takes it out."""
        go_on = asyncio.Event()

        async def slow(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            yield Progress("computing…")
            await go_on.wait()
            yield Answer(f"turn-{message.id}", "Here it is.")

        async with serve(tmp_path, slow) as site:
            ann = site.discord.person("Ann")
            asked = await ann.say(site.discord.channel("general"), "one", mention=True)
            thread = await site.thread_of(asked)
            await site.until(lambda: site.discord.bot_messages(thread))
            await ann.archive(thread)
            go_on.set()
            answer = await site.answer_in(thread)

        assert answer.content == "Here it is."
        assert thread.thread is not None
        assert not thread.thread.archived

    async def test_whose_status_was_deleted_get_a_new_message(self, tmp_path: Path) -> None:
        """A moderator removed the status: the answer comes as a message of its own."""
        go_on = asyncio.Event()

        async def slow(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            await go_on.wait()
            yield Answer(f"turn-{message.id}", "Here it is.")

        async with serve(tmp_path, slow) as site:
            ann = site.discord.person("Ann")
            asked = await ann.say(site.discord.channel("general"), "one", mention=True)
            thread = await site.thread_of(asked)
            (status,) = await site.until(lambda: site.discord.bot_messages(thread))
            site.discord.chat.delete(status)
            go_on.set()
            answer = await site.answer_in(thread)

        assert answer is not status
        assert answer.content == "Here it is."

    async def test_get_a_light_sign_for_files_alone(self, site: DiscordSite) -> None:
        """Files that came without a question get a reaction, not an answer."""
        site.core.answers = False
        thread = await site.discord.person("Ben").open_thread(
            site.discord.channel("general"), "data"
        )
        said = await site.discord.person("Ann").say(thread, files={"a.csv": b"1"})
        (message,) = await site.until(lambda: site.core.accepted)

        await site.platform.taken(message)

        assert list(said.reactions) == ["📎"]
