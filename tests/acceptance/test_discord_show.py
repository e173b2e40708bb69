"""All that people do on Discord, with the real program and its own engine behind it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.discord.menu import ANALYSE
from tests.fakes.discord import Channel, FakeDiscord, Message, Person
from tests.fakes.discord_program import ANSWER_SECONDS, WORKING, Running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SALES = b"region,revenue\nNorth,100\nSouth,250\nNorth,50\n"
TOTALS = "total revenue by region"
BEST = "which region has the most revenue?"
LARGE = """```python
import hashlib, os
content = os.urandom(11 << 20)
open("/mnt/data/data.bin", "wb").write(content)
print(hashlib.sha256(content).hexdigest())
```"""
LONG = """```python
import time
print("begun", flush=True)
time.sleep(2)
```"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with FakeDiscord() as discord:
        running = Running(tmp_path_factory.mktemp("bot"), discord)
        await running.start()
        yield running
        await running.end()
    assert discord.violations == []
    assert discord.unacknowledged() == []


@pytest.fixture
def ann(bot: Running) -> Person:
    return bot.discord.person("Ann")


@pytest.fixture
def general(bot: Running) -> Channel:
    return bot.discord.channel("general")


async def finished(bot: Running, shown: Message) -> Message:
    """A question by command, once its answer stands below it."""
    await bot.discord.until(lambda: shown.buttons and WORKING not in shown.content, ANSWER_SECONDS)
    return shown


class TestPlaces:
    async def test_without_threads_are_answered_by_a_chain_of_replies(
        self, bot: Running, ann: Person
    ) -> None:
        """It says once what it lacks; a reply to its answer goes on with the same files."""
        plain = bot.discord.add_channel("plain")
        bot.discord.deny(plain, "create_public_threads")

        asked = await ann.say(plain, TOTALS, mention=True, files={"sales.csv": SALES})
        (first,) = await bot.answers(plain)
        again = await ann.say(plain, BEST, reply_to=first)
        _, second = await bot.answers(plain, 2)

        assert "250" in first.content
        assert first.reference is asked
        assert "Create Public Threads" in first.content
        assert "South" in second.content
        assert second.reference is again
        assert "Create Public Threads" not in second.content

    async def test_of_a_forum_are_threads_already(self, bot: Running, ann: Person) -> None:
        """A post with a file is answered in it, and goes on without a mention."""
        forum = bot.discord.channel("questions")

        post = await ann.post(forum, "Sales", TOTALS, mention=True, files={"sales.csv": SALES})
        (first,) = await bot.answers(post)
        await ann.say(post, BEST)
        _, second = await bot.answers(post, 2)

        assert "250" in first.content
        assert "South" in second.content

    async def test_where_the_bot_is_not_are_answered_by_command(
        self, bot: Running, ann: Person
    ) -> None:
        """Who installed the app has it on other servers, and in DMs with others: it goes on with
        the file, and its buttons work."""
        guild = bot.discord.add_guild("Elsewhere", with_bot=False)
        ann = bot.discord.person("Ann", guild=guild)
        places = (
            bot.discord.channel("general", guild),
            bot.discord.between(ann, bot.discord.person("Ben")),
        )

        for place in places:
            given = await ann.slash(place, "ask", question=TOTALS, file=("sales.csv", SALES))
            first = await finished(bot, await given.answer())
            again = await ann.slash(place, "ask", question=BEST)
            second = await finished(bot, await again.answer())
            files = await (await ann.click(first, "Files")).answer()

            assert given.user_installed
            assert first.content.startswith(f"> {TOTALS}")
            assert "250" in first.content
            assert "South" in second.content
            assert files.ephemeral
            assert "sales.csv" in files.content


class TestCommands:
    async def test_ask_with_several_files(
        self, bot: Running, ann: Person, general: Channel
    ) -> None:
        """`/ask` with two files works on both, in a thread from the question."""
        given = await ann.slash(
            general,
            "ask",
            question="what is in these files?",
            file=("north.csv", b"a,b\n1,2\n"),
            file2=("south.csv", b"a,b\n3,4\n"),
        )
        answer = await bot.answer_to(await given.answer())

        assert "north.csv" in answer.content
        assert "south.csv" in answer.content

    async def test_of_a_messages_menu(self, bot: Running, ann: Person, general: Channel) -> None:
        """“Analyse with Threadlab” opens a thread about another person's file."""
        shared = await bot.discord.person("Ben").say(general, "ours", files={"sales.csv": SALES})

        shown = await (await ann.menu(shared, ANALYSE)).answer()
        answer = await bot.answer_to(shown)

        assert shown.thread is not None
        assert shown.thread.name == "Analysis of sales.csv"
        assert "revenue" in answer.content

    async def test_complete_what_is_typed(
        self, bot: Running, ann: Person, general: Channel
    ) -> None:
        """Files, answers and the values of settings are offered; the rest are fixed choices."""
        asked = await ann.say(general, TOTALS, mention=True, files={"sales.csv": SALES})
        await bot.answer_to(asked)
        thread, owner = asked.thread, bot.discord.owner
        assert thread is not None

        files = await ann.autocomplete(thread, "files", "name", "SAL", what="get")
        answers = await ann.autocomplete(thread, "code", "answer", "reven")
        values = await owner.autocomplete(thread, "settings", "value", name="followups")
        memory = bot.discord.command("memory")["options"][0]

        assert [choice["value"] for choice in files] == ["sales.csv"]
        assert [choice["name"] for choice in answers] == [TOTALS]
        assert "all" in [choice["value"] for choice in values]
        assert "4g" in [choice["value"] for choice in memory["choices"]]

    async def test_are_named_as_they_are_given_here(
        self, bot: Running, ann: Person, general: Channel
    ) -> None:
        """Help and the hints of errors show slash commands with their options."""
        lists = await (await ann.slash(general, "help", all="all")).answer()
        asked = await ann.say(general, "2 + 3", mention=True)
        thread = (await bot.answer_to(asked)).channel
        wrong = await (await ann.slash(thread, "files", what="get")).answer()

        assert "`/files [what] [name]`" in lists.content
        assert "Write `/files what:get name:<name>`" in wrong.content


class TestAnswer:
    async def test_to_a_retry_in_a_locked_thread_comes_in_its_channel(
        self, bot: Running, ann: Person
    ) -> None:
        """Who pressed is told so, alone, where nothing else is to be seen."""
        place = bot.discord.add_channel("locked")
        first = await bot.answer_to(await ann.say(place, "2 + 3", mention=True))
        bot.discord.chat.update_thread(first.channel, locked=True)

        told = await (await ann.click(first, "Retry")).answer()
        reason, again = await bot.answers(place, 2)

        assert told.ephemeral
        assert f"the answer comes in <#{place.id}>" in told.content
        assert "locked" in reason.content
        assert "5" in again.content

    async def test_to_a_question_that_is_deleted_in_mid_code_is_stopped(
        self, bot: Running, ann: Person, general: Channel
    ) -> None:
        """Nobody waits for it any more: the code ends, and what was there is kept."""
        asked = await ann.say(general, LONG.replace("sleep(2)", "sleep(300)"), mention=True)
        thread = await bot.discord.until(lambda: asked.thread)
        await bot.discord.until(lambda: bot.discord.bot_messages(thread))

        await ann.delete(asked)
        (answer,) = await bot.answers(thread)

        assert "Stopped" in answer.content

    async def test_brings_a_file_that_is_too_large_for_the_server(
        self, bot: Running, ann: Person, general: Channel
    ) -> None:
        """Eleven megabytes that no zip makes smaller come in two parts, whole."""
        answer = await bot.answer_to(await ann.say(general, LARGE, mention=True))

        assert sorted(answer.files) == ["data.bin.001", "data.bin.002"]
        whole = b"".join(answer.files[name] for name in sorted(answer.files))
        assert len(whole) == 11 << 20
        assert hashlib.sha256(whole).hexdigest() in answer.content
        assert "`cat data.bin.0* > data.bin`" in answer.content


async def test_a_status_of_an_hour_ago_is_not_edited(
    bot: Running, ann: Person, general: Channel
) -> None:
    """Discord takes no more edits of it: the answer is a new message, and the status goes."""
    asked = await ann.say(general, LONG, mention=True)
    thread = await bot.discord.until(lambda: asked.thread)
    (status,) = await bot.discord.until(lambda: bot.discord.bot_messages(thread))
    bot.discord.clock.advance(3601)

    (answer,) = await bot.answers(thread)

    assert answer is not status
    assert "begun" in answer.content
