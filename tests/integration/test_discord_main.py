"""The main job on Discord: the whole bot, its own engine, the real client over real sockets."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.discord import plugin
from bot.app import Application, application
from tests.fakes.discord import Channel, FakeDiscord, Message
from tests.fakes.threadlab import settings_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SALES = b"region,revenue\nNorth,100\nSouth,250\nNorth,50\n"
QUESTION = "total revenue by region and a bar chart"
PNG = b"\x89PNG"
SECONDS = 60


@asynccontextmanager
async def bot(folder: Path, discord: FakeDiscord, **others: object) -> AsyncIterator[Application]:
    """Threadlab on a Discord, with its embedded engine."""
    environ = {
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.api_url,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
        "ENGINE": "embedded",
        "ENGINE_POOL_SIZE": "1",
    }
    settings = settings_for(
        folder, None, openai_api_key=None, engine="embedded", environ=environ, **others
    )
    with discord.in_discord_py():
        async with application(settings, environ, [plugin]) as app:
            serving = asyncio.create_task(app.serve())
            try:
                await discord.gateway.connected()
                yield app
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)


async def answers(discord: FakeDiscord, place: Channel, count: int = 1) -> list[Message]:
    """The bot's messages there, once there are so many and none is at work."""

    def finished() -> list[Message]:
        said = discord.bot_messages(place)
        done = len(said) >= count and not any("⏳" in message.content for message in said)
        return said if done else []

    return list(await discord.until(finished, SECONDS))


@pytest.fixture
async def discord() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as started:
        yield started
    assert started.violations == []


class TestQuestion:
    async def test_with_a_csv_is_answered_with_totals_and_a_chart_in_a_thread(
        self, discord: FakeDiscord, tmp_path: Path
    ) -> None:
        """A mention with a file opens a thread, named after it, with the table and the chart."""
        async with bot(tmp_path, discord):
            ann = discord.person("Ann")
            asked = await ann.say(
                discord.channel("general"), QUESTION, mention=True, files={"sales.csv": SALES}
            )
            thread = await discord.until(lambda: asked.thread, SECONDS)
            answer = (await answers(discord, thread))[-1]

        assert thread.name == QUESTION
        assert "South" in answer.content
        assert "250" in answer.content
        assert any(content.startswith(PNG) for content in answer.files.values())
        assert {"Code", "Files", "Retry", "Reset"} <= {b["label"] for b in answer.buttons}
        assert answer.embeds_suppressed

    async def test_is_followed_up_in_the_thread_without_a_mention(
        self, discord: FakeDiscord, tmp_path: Path
    ) -> None:
        """In the thread the person just asks on, and the file is still there."""
        async with bot(tmp_path, discord):
            ann = discord.person("Ann")
            asked = await ann.say(
                discord.channel("general"), QUESTION, mention=True, files={"sales.csv": SALES}
            )
            thread = await discord.until(lambda: asked.thread, SECONDS)
            await answers(discord, thread)
            await ann.say(thread, "average revenue by region")
            answer = (await answers(discord, thread, 2))[-1]

        assert "75" in answer.content

    async def test_in_a_direct_message_is_answered_there(
        self, discord: FakeDiscord, tmp_path: Path
    ) -> None:
        """A DM with two files works on both."""
        async with bot(tmp_path, discord):
            ann = discord.person("Ann")
            files = {"north.csv": b"a,b\n1,2\n", "south.csv": b"a,b\n3,4\n"}
            await ann.whisper("what is in these files?", files=files)
            answer = (await answers(discord, discord.dm(ann)))[-1]

        assert "north.csv" in answer.content
        assert "south.csv" in answer.content

    async def test_that_is_being_answered_when_the_bot_ends_gets_its_answer(
        self, discord: FakeDiscord, tmp_path: Path
    ) -> None:
        """Told to stop, the bot leaves Discord's gateway and posts what is under way."""
        async with bot(tmp_path, discord, shutdown_seconds=20):
            code = "```python\nimport time\ntime.sleep(2)\nprint(6 * 7)\n```"
            ann = discord.person("Ann")
            asked = await ann.say(discord.channel("general"), code, mention=True)
            thread = await discord.until(lambda: asked.thread, SECONDS)
            await discord.until(lambda: discord.bot_messages(thread), SECONDS)

        (answer,) = discord.bot_messages(thread)
        assert "42" in answer.content
        assert "⏳" not in answer.content

    async def test_is_stopped_in_mid_code(self, discord: FakeDiscord, tmp_path: Path) -> None:
        """Stop ends code that would run for long; what was there is kept, with its buttons."""
        async with bot(tmp_path, discord):
            ann = discord.person("Ann")
            code = "```python\nimport time\nprint('begun', flush=True)\ntime.sleep(300)\n```"
            asked = await ann.say(discord.channel("general"), code, mention=True)
            thread = await discord.until(lambda: asked.thread, SECONDS)
            status = await discord.until(
                lambda: next(
                    (m for m in discord.bot_messages(thread) if "running Python" in m.content), None
                ),
                SECONDS,
            )

            await ann.click(status, "Stop")
            (answer,) = await answers(discord, thread)

        assert "Stopped" in answer.content
        assert {"Code", "Retry"} <= {b["label"] for b in answer.buttons}


class TestCommands:
    async def test_are_all_answered(self, discord: FakeDiscord, tmp_path: Path) -> None:
        """Every command that is registered gets an answer in a thread, from the real core."""
        lines = {"files": ("get", "sales.csv"), "settings": ("followups", "all")}
        answered: dict[str, str] = {}
        async with bot(tmp_path, discord) as app:
            owner = discord.owner
            asked = await owner.say(
                discord.channel("general"), QUESTION, mention=True, files={"sales.csv": SALES}
            )
            thread = await discord.until(lambda: asked.thread, SECONDS)
            await answers(discord, thread)
            listed = [spec for spec in app.services.commands.specs if spec.listed]
            for spec in sorted(listed, key=lambda spec: spec.name in ("retry", "reset", "forget")):
                needed = {a.name: a.choices[0] for a in spec.arguments if a.required and a.choices}
                names = [argument.name for argument in spec.arguments]
                chosen = dict(zip(names, lines.get(spec.name, ()), strict=False)) or needed
                given = await owner.slash(thread, spec.name, **chosen)
                answered[spec.name] = (await given.answer(SECONDS)).content
            choices = await owner.autocomplete(thread, "files", "name", "sal")

        assert all(answered.values())
        assert [name for name, said in answered.items() if "did not work" in said] == []
        assert [choice["value"] for choice in choices] == ["sales.csv"]
