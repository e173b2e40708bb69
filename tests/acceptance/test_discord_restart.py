"""The real program on Discord, started again, and without the message content intent."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.fakes.discord import Channel, FakeDiscord, Message, Person
from tests.fakes.discord_program import ANSWER_SECONDS, Running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SALES = b"region,revenue\nNorth,100\nSouth,250\nNorth,50\n"
TOTALS = "total revenue by region"
BEST = "which region has the most revenue?"
BUTTONS = {"Code", "Files", "Notebook", "Retry", "Reset"}


@dataclass(frozen=True)
class Restarted:
    """What was there before a restart, and what was written meanwhile."""

    answer: Message
    eve: Person
    fay: Person
    thread: Channel
    missed: list[Message]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with FakeDiscord() as discord:
        running = Running(tmp_path_factory.mktemp("bot"), discord)
        await running.start()
        yield running
        await running.end()
    assert discord.violations == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def restarted(bot: Running) -> Restarted:
    """The program ended and started again, with five messages in between."""
    discord, place = bot.discord, bot.discord.channel("general")
    eve, fay = discord.person("Eve"), discord.person("Fay")
    asked = await eve.say(place, TOTALS, mention=True, files={"sales.csv": SALES})
    answer = await bot.answer_to(asked)
    thread = (await bot.answer_to(await eve.say(place, "2 + 3", mention=True))).channel
    await eve.whisper("10 + 1")
    await bot.answers(discord.dm(eve))

    await bot.end()
    await eve.say(thread, "20 + 1")
    await eve.say(thread, "20 + 2")
    missed = [await person.say(place, "30 + 3", mention=True) for person in (eve, fay)]
    await eve.whisper("40 + 4")
    await bot.start()
    return Restarted(answer, eve, fay, thread, missed)


class TestRestart:
    async def test_leaves_buttons_that_work(self, bot: Running, restarted: Restarted) -> None:
        """Each button of an answer of the last process does in this one what it says."""
        eve, answer = restarted.eve, restarted.answer

        said = {
            name: await (await eve.click(answer, name)).answer(ANSWER_SECONDS)
            for name in ("Code", "Files", "Notebook", "Reset")
        }
        await eve.click(answer, "Retry")
        again = (await bot.answers(answer.channel, 3))[-1]

        assert {button["label"] for button in answer.buttons} >= BUTTONS
        assert "```python" in said["Code"].content
        assert "sales.csv" in said["Files"].content
        assert any(name.endswith(".ipynb") for name in said["Notebook"].files)
        assert not said["Reset"].ephemeral
        assert "250" in again.content

    async def test_answers_what_was_written_meanwhile(
        self, bot: Running, restarted: Restarted
    ) -> None:
        """Five messages of a downtime, in a thread, a channel and a DM, are answered, once each."""
        opened = [await bot.answer_to(message) for message in restarted.missed]
        in_thread = await bot.answers(restarted.thread, 2)
        whispered = await bot.answers(bot.discord.dm(restarted.eve), 2)

        said = "\n".join(message.content for message in in_thread)
        assert "21" in said
        assert "22" in said
        assert ["33" in message.content for message in opened] == [True, True]
        assert [len(bot.discord.bot_messages(m.channel)) for m in opened] == [1, 1]
        assert "44" in whispered[-1].content
        assert len(whispered) == 2


async def test_without_the_message_content_intent_it_works_on_what_it_sees(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Mentions, replies to it and DMs are answered, files too; the rest is not guessed at."""
    async with FakeDiscord(message_content=False) as discord:
        blind = Running(tmp_path_factory.mktemp("blind"), discord, DISCORD_MESSAGE_CONTENT="false")
        await blind.start()
        ann, general = discord.person("Ann"), discord.channel("general")
        asked = await ann.say(general, TOTALS, mention=True, files={"sales.csv": SALES})
        first = await blind.answer_to(asked)
        await ann.say(first.channel, "hidden from the bot")
        await ann.say(first.channel, BEST, reply_to=first)
        answers = await blind.answers(first.channel, 2)
        await ann.whisper("2 + 3")
        (whispered,) = await blind.answers(discord.dm(ann))
        await blind.end()

    assert "250" in first.content
    assert "South" in answers[1].content
    assert len(answers) == 2
    assert "5" in whispered.content
    assert discord.violations == []
