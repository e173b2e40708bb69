"""The clients of discord.py, as the connection wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import discord
import structlog

from adapters.discord.rest import Pace
from adapters.discord.settings import DiscordSettings
from adapters.discord.shards import Beginnings, Shard

log = structlog.get_logger(__name__)


def make_client(
    settings: DiscordSettings,
    pace: Pace,
    shard: Shard | None = None,
    beginnings: Beginnings | None = None,
) -> discord.Client:
    """A client: of a shard whose sessions wait for their turn, or without one."""
    # It speaks with nobody: no library for that is missing.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    intents = discord.Intents.none()
    intents.guilds = intents.messages = True
    intents.message_content = settings.discord_message_content
    client = _Client(
        shard_id=shard.number if shard else None,
        shard_count=shard.count if shard else None,
        intents=intents,
        allowed_mentions=discord.AllowedMentions.none(),
        http_trace=pace.trace(),
        max_messages=None,
        member_cache_flags=discord.MemberCacheFlags.none(),
        chunk_guilds_at_startup=False,
    )
    if shard is not None and beginnings is not None:
        client.begins = partial(beginnings.begins, shard)
        client.again = partial(beginnings.wait, shard)
    return client


class _Client(discord.Client):
    """A client that waits its turn for a session, and logs the failures of listeners."""

    begins: Callable[[], Awaitable[None]] | None = None
    again: Callable[[], Awaitable[None]] | None = None

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The first session's turn was waited for already: here, a socket would be kept waiting."""
        if self.begins is None or self.again is None:
            await super().before_identify_hook(shard_id, initial=initial)
        else:
            await (self.begins() if initial else self.again())

    async def on_error(self, event: str, /, *args: object, **options: object) -> None:
        """A listener failed."""
        del args, options
        log.exception("discord event failed", discord_event=event)


async def put_to_rest(client: discord.Client) -> None:
    """End what discord.py leaves behind when it is closed while its servers still come in."""
    announcing = getattr(client._connection, "_ready_task", None)
    if announcing is not None:
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)
