"""How large a file may be: servers that are boosted take larger ones."""

from __future__ import annotations

import time
from collections.abc import Sequence

import discord
import structlog

from adapters.discord.connection import Connection
from adapters.discord.keys import is_direct, is_private
from adapters.discord.rest import Rest
from adapters.discord.settings import DiscordSettings
from bot.domain import Artifact, ThreadKey
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

FILE_BYTES = 10 << 20  # where no server says otherwise [facts: discord]
MARGIN_BYTES = 1 << 10


class FileLimits:
    """Knows, or finds out, what servers take. Only a large file is worth a request."""

    def __init__(self, connection: Connection, rest: Rest, settings: DiscordSettings) -> None:
        self._connection = connection
        self._rest = rest
        self._request_bytes = settings.discord_upload_limit_mb << 20
        self._longest_seconds = settings.discord_boost_minutes * 60
        self._known: dict[int, tuple[int, float]] = {}  # bytes, and since when

    async def of(self, key: ThreadKey, artifacts: Sequence[Artifact]) -> int:
        """The largest file in bytes that is taken where a conversation is, in one request."""
        usual = min(FILE_BYTES - MARGIN_BYTES, self._request_bytes)
        largest = max((artifact.blob.size_bytes for artifact in artifacts), default=0)
        if largest <= usual or is_direct(key) or is_private(key):
            return usual
        server_bytes = await self._of_server(int(key.workspace)) - MARGIN_BYTES
        return min(server_bytes, self._request_bytes)

    async def _of_server(self, guild_id: int) -> int:
        guild = self._connection.guild(guild_id)
        if guild is not None:
            return guild.filesize_limit
        limit_bytes, since = self._known.get(guild_id, (0, 0.0))
        if limit_bytes and time.monotonic() - since < self._longest_seconds:
            return limit_bytes

        async def request(client: discord.Client) -> int:
            return (await client.fetch_guild(guild_id, with_counts=False)).filesize_limit

        try:
            limit_bytes = await self._rest.call(request)
        except PlatformError as error:
            log.info("size limit not known", server=guild_id, error=str(error))
            return FILE_BYTES
        self._known[guild_id] = (limit_bytes, time.monotonic())
        return limit_bytes
