"""`threadlab run` on Discord: started with four settings, asked, killed, started again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fakes.discord import Channel, FakeDiscord, Message
from tests.fakes.discord_program import WORKING, program
from tests.fakes.engine_process import KEY, engine_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SALES = b"region,revenue\nNorth,100\nSouth,250\nNorth,50\n"
QUESTION = "total revenue by region and a bar chart"
SECONDS = 60


async def answered(discord: FakeDiscord, thread: Channel) -> Message:
    """The bot's finished answer in a thread."""

    def finished() -> Message | None:
        said = discord.bot_messages(thread)
        return said[-1] if said and WORKING not in said[-1].content else None

    found = await discord.until(finished, SECONDS)
    assert isinstance(found, Message)
    return found


async def test_answers_with_four_settings_alone(tmp_path: Path) -> None:
    """A token, two addresses and an engine are enough for a chart in a thread."""
    async with FakeDiscord() as discord, program(tmp_path, discord):
        asked = await discord.person("Ann").say(
            discord.channel("general"), QUESTION, mention=True, files={"sales.csv": SALES}
        )
        thread = await discord.until(lambda: asked.thread, SECONDS)
        answer = await answered(discord, thread)

    assert "250" in answer.content
    assert any(name.endswith(".png") for name in answer.files)
    assert discord.violations == []


async def test_answers_with_an_engine_elsewhere(tmp_path: Path) -> None:
    """With the address and key of an engine in place of the embedded one, it answers as well."""
    async with engine_process(tmp_path / "engine") as engine, FakeDiscord() as discord:
        where = {"OPENAI_BASE_URL": engine.base_url, "OPENAI_API_KEY": KEY}
        async with program(tmp_path, discord, where):
            asked = await discord.person("Ann").say(
                discord.channel("general"), QUESTION, mention=True, files={"sales.csv": SALES}
            )
            thread = await discord.until(lambda: asked.thread, SECONDS)
            answer = await answered(discord, thread)

    assert "250" in answer.content
    assert discord.violations == []


async def test_goes_on_after_a_kill(tmp_path: Path) -> None:
    """Killed in mid-answer, it takes the question up again, and answers it once."""
    async with FakeDiscord() as discord:
        ann = discord.person("Ann")
        async with program(tmp_path, discord) as process:
            asked = await ann.say(
                discord.channel("general"), QUESTION, mention=True, files={"sales.csv": SALES}
            )
            thread = await discord.until(lambda: asked.thread, SECONDS)
            await discord.until(lambda: discord.bot_messages(thread), SECONDS)
            process.kill()
            await process.wait()
        await ann.say(discord.channel("random"), "2 + 3", mention=True)
        async with program(tmp_path, discord):
            answer = await answered(discord, thread)
            missed = await discord.until(lambda: discord.threads("random"), SECONDS)
            other = await answered(discord, missed[0])

    assert "250" in answer.content
    assert len(discord.bot_messages(thread)) == 1
    assert "5" in other.content
