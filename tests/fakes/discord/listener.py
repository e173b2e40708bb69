"""A small bot on the real discord.py, for tests of the fake itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import discord as dpy
from discord import app_commands
from tests.fakes.discord.fake import FakeDiscord
from tests.fakes.discord.records import Channel

READY_TIMEOUT_SECONDS = 0.05


class Listener(dpy.AutoShardedClient):
    """A client that notes what it hears."""

    def __init__(self, *, message_content: bool = True, shards: int = 1) -> None:
        intents = dpy.Intents.default()
        intents.message_content = message_content
        super().__init__(
            intents=intents,
            allowed_mentions=dpy.AllowedMentions.none(),
            shard_count=shards,
            guild_ready_timeout=READY_TIMEOUT_SECONDS,
        )
        self.tree = app_commands.CommandTree(self)
        self.heard: list[dpy.Message] = []
        self.readies = 0
        self.resumes = 0

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identifies at once, without the five seconds that are meant for the real network."""

    async def on_ready(self) -> None:
        """Counts."""
        self.readies += 1

    async def on_shard_resumed(self, shard: int) -> None:
        """Counts."""
        self.resumes += 1

    async def on_message(self, message: dpy.Message) -> None:
        """Notes what others say."""
        if message.author != self.user:
            self.heard.append(message)

    def place(self, channel: Channel) -> dpy.TextChannel:
        """The channel, as the client knows it."""
        found = self.get_channel(channel.id)
        assert isinstance(found, dpy.TextChannel)
        return found


@contextlib.asynccontextmanager
async def running(server: FakeDiscord, client: Listener) -> AsyncIterator[Listener]:
    """The client logged in and ready, and ended with the block."""
    task = asyncio.create_task(client.start(server.token))
    try:
        await server.until(lambda: client.readies or task.done())
        if task.done():
            task.result()
        yield client
    finally:
        await client.close()
        # A client that is closed while a shard connects would try for ever.
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
