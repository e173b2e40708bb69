"""The clients of discord.py, as the connection wants them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
import discord
import structlog
from discord import gateway

from adapters.discord.rest import Pace
from adapters.discord.settings import DiscordSettings
from adapters.discord.shards import Beginnings, Shard
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

UNREACHABLE = (aiohttp.ClientError, ConnectionError, TimeoutError, discord.DiscordServerError)
_CANCEL_AGAIN_SECONDS = 0.1
NOT_REACHED = "Discord can't be reached at {host} ({why})."


def _in_a_line(record: logging.LogRecord) -> bool:
    """discord.py tells of each broken line with a page of traceback: its last line says it."""
    if record.exc_info and isinstance(record.exc_info[1], UNREACHABLE):
        record.msg, record.exc_info = f"{record.msg}: {record.exc_info[1]!r}", None
    return True


logging.getLogger("discord.client").addFilter(_in_a_line)


async def connect(client: discord.Client) -> None:
    """Be connected to the gateway until that ends.

    Raises:
        PlatformError: it can't be reached at all; what breaks later is connected again.
    """
    # discord.py waits in ways that may swallow a cancellation: ours ends this wait, not its own.
    connecting = asyncio.create_task(client.connect(), name="discord-gateway")
    try:
        await asyncio.wait({connecting})
        await connecting
    except AttributeError as error:
        if not isinstance(error.__context__, UNREACHABLE):
            raise
        # discord.py takes it for granted that the first connection succeeds [facts: discord].
        host, why = gateway.DiscordWebSocket.DEFAULT_GATEWAY.host, type(error.__context__).__name__
        raise PlatformError(NOT_REACHED.format(host=host, why=why)) from error
    finally:
        while not connecting.done():
            connecting.cancel()
            await asyncio.wait({connecting}, timeout=_CANCEL_AGAIN_SECONDS)


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
