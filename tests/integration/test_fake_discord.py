"""The loopback Discord, driven by the real discord.py."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from typing import Any

import discord as dpy
import pytest
from discord import app_commands

from tests.fakes.discord import FakeDiscord


class Listener(dpy.Client):
    """A client that notes what it hears."""

    def __init__(self, intents: dpy.Intents) -> None:
        super().__init__(intents=intents, allowed_mentions=dpy.AllowedMentions.none())
        self.tree = app_commands.CommandTree(self)
        self.heard: list[dpy.Message] = []
        self.readies = 0
        self.resumed = 0

    async def on_ready(self) -> None:
        self.readies += 1

    async def on_resumed(self) -> None:
        self.resumed += 1

    async def on_message(self, message: dpy.Message) -> None:
        if message.author != self.user:
            self.heard.append(message)


def wanted_intents(content: bool = True) -> dpy.Intents:
    intents = dpy.Intents.default()
    intents.message_content = content
    return intents


@contextlib.asynccontextmanager
async def running(server: FakeDiscord, *, content: bool = True) -> AsyncIterator[Listener]:
    """A client that is logged in and ready, and ended with the block."""
    client = Listener(wanted_intents(content))
    task = asyncio.create_task(client.start(server.token))
    try:
        await server.until(lambda: client.readies or task.done())
        if task.done():
            task.result()
        yield client
    finally:
        await client.close()
        with contextlib.suppress(Exception):
            await task


@pytest.fixture
async def server() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(rate_scale=0.02) as fake:
        with fake.in_discord_py():
            yield fake


@pytest.fixture
async def client(server: FakeDiscord) -> AsyncIterator[Listener]:
    async with running(server) as ready:
        yield ready


def place(client: Listener, server: FakeDiscord, name: str = "general") -> Any:
    found = client.get_channel(server.channel(name).id)
    assert found is not None
    return found


class TestTalking:
    async def test_it_logs_in_and_sees_the_server(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A client is ready with the server, its channels and its own roles."""
        guild = client.guilds[0]

        assert guild.name == "Lab"
        assert [c.name for c in guild.text_channels] == ["general", "random"]
        assert guild.me.guild_permissions.create_public_threads
        assert guild.filesize_limit == 10 << 20

    async def test_what_people_say_is_heard_with_its_files(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A mention arrives with its author, its text and files that can be downloaded."""
        ann = server.person("Ann")

        await ann.say(server.channel("general"), "hi", files={"a.csv": b"1,2"}, mention=True)
        await server.until(lambda: client.heard)

        heard = client.heard[0]
        assert client.user in heard.mentions
        assert heard.content.endswith("hi")
        assert heard.author.display_name == "Ann"
        assert await heard.attachments[0].read() == b"1,2"

    async def test_a_nonce_makes_one_message(self, server: FakeDiscord, client: Listener) -> None:
        """Sending twice with one nonce leaves one message, and both calls return it."""
        channel = place(client, server)

        first = await channel.send("once", nonce="abc", suppress_embeds=True)
        second = await channel.send("once", nonce="abc", suppress_embeds=True)

        assert first.id == second.id
        assert [m.content for m in server.bot_messages("general")] == ["once"]
        assert server.effects.count("POST", "/channels/{channel_id}/messages") == 1

    async def test_files_edits_reactions_and_deletion(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A message with a file is posted, edited, reacted to, and taken back."""
        channel = place(client, server)

        sent = await channel.send("one", file=dpy.File(io.BytesIO(b"data"), "out.csv"))
        await sent.edit(content="two")
        await sent.add_reaction("👀")
        await channel.typing()

        kept = server.bot_messages("general")[0]
        assert (kept.content, kept.past, kept.files) == ("two", ["one"], {"out.csv": b"data"})
        assert kept.reactions == {"👀": [server.bot_user_id]}
        assert server.is_typing("general")
        await sent.delete()
        assert server.messages("general") == []
        assert server.violations == []
