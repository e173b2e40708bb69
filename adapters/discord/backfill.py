"""What was written while the bot was away: read once, and answered if it is not too old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import discord
import structlog

from adapters.discord.context import DiscordContext
from adapters.discord.keys import NO_GUILD, PLATFORM
from adapters.discord.shards import Shard
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

_Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread

_SEEN = "seen up to"
_EPOCH_MS = 1_420_070_400_000  # [doc: snowflakes]
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
_LONGEST_REST_SECONDS = 3600.0  # before a message that fails again and again is tried once more


class Handler(Protocol):
    """Takes a message as if it had just come."""

    def __call__(self, message: discord.Message) -> Awaitable[None]:
        """Handle it."""


class Backfill:
    """Knows up to where messages of a shard were seen, and fetches those after that.

    The inbox knows every message that it has had: reading one twice does no harm.
    """

    def __init__(
        self, context: DiscordContext, client: discord.Client, shard: Shard, handle: Handler
    ) -> None:
        self._context = context
        self._client = client
        self._shard = shard
        self._seen = _SEEN if shard.alone else f"{_SEEN}, {shard.name}"
        self._handle = handle
        self._newest = 0  # of what was handled in this process
        self._noted = 0
        self._unhandled: set[int] = set()  # under way, or failed: to be read again
        # While older messages may be missing, nothing newer is noted.
        self._ran = False
        self._lost = False
        self._filling: asyncio.Task[None] | None = None
        self._failed = False  # some message could not be handled since the last reading
        self._rest_seconds, self._again_at = _FIRST_PAUSE_SECONDS, 0.0

    @contextmanager
    def handling(self, message_id: int) -> Iterator[None]:
        """While a message is handled; where that fails, it counts as not seen."""
        self._unhandled.add(message_id)
        try:
            yield
        except Exception:
            self._failed = True
            raise
        self._unhandled.discard(message_id)
        self._newest = max(self._newest, message_id)

    async def keep_noting(self) -> None:
        """Note now and then up to where messages were seen, until cancelled."""
        while True:
            await asyncio.sleep(self._context.settings.discord_seen_seconds)
            await self.note()
            self._try_again()

    def _try_again(self) -> None:
        """Read once more what could not be handled, at growing intervals."""
        if not self._failed or not self._ran or time.monotonic() < self._again_at:
            return
        self._failed = False
        self._again_at = time.monotonic() + self._rest_seconds
        self._rest_seconds = min(self._rest_seconds * 2, _LONGEST_REST_SECONDS)
        self._read_anew()

    async def lost(self) -> None:
        """The connection broke: from here on messages may be missing."""
        self._lost = True

    async def began(self) -> None:
        """A session began that replays nothing: until what was missed is read, which is once the
        servers are there, nothing is noted. It may break, and be resumed, before that."""
        self._stop_reading()

    async def resumed(self) -> None:
        """Discord has replayed what was missing since the session began."""
        self._lost = False

    async def note(self) -> None:
        """Note up to where messages were seen; not before what lies between was read."""
        self._unhandled = {each for each in self._unhandled if each > self._oldest}
        seen = min([self._newest, *(message - 1 for message in self._unhandled)])
        if not self._ran or self._lost or seen <= self._noted:
            return
        try:
            await self._context.store.set_value(self._seen, str(seen))
            self._noted = seen
        except Exception:  # a busy database: the next time will do, or messages are read twice
            log.exception("not noted up to where messages were seen")

    async def begin(self) -> None:
        """Before the first event: from the very first start on, nothing is missed."""
        store = self._context.store
        if await store.value(self._seen) is None:
            # The servers may have been divided otherwise before.
            before = [int(value) for value in (await store.values(_SEEN)).values()]
            await store.set_value(self._seen, str(min(before, default=_snowflake(time.time()))))

    async def fill(self) -> None:
        """The servers of a new session are there: read what was missed, in the background."""
        self._lost = False
        self._read_anew()

    def _read_anew(self) -> None:
        """Begin to read. A reading that is under way has perhaps passed by what is missing now."""
        self._stop_reading()
        self._filling = asyncio.create_task(self._run(), name="discord-backfill")

    def _stop_reading(self) -> None:
        if self._filling is not None:
            self._filling.cancel()
        self._ran = False

    async def end(self) -> None:
        """End the reading that is under way, if one is."""
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)

    async def _run(self) -> None:
        """Read what was missed, oldest first in each channel; failing, again after a pause."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        while not self._ran:
            try:
                since = await self._since()
                if since is not None:
                    await self._read_all(since)
                self._ran = True
            except Exception:  # the database or Discord is away: what was missed must not be lost
                log.exception("missed messages not read", again_in_seconds=pause_seconds)
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    async def _read_all(self, since: int) -> None:
        most = self._context.settings.discord_backfill_channels
        channels = await self._channels(since)
        missed = 0
        for channel_id in channels[:most]:
            missed += await self._read(channel_id, since)
        log.info("missed messages read", messages=missed, channels=len(channels[:most]))
        if len(channels) > most:
            log.warning("not all channels were looked through", channels=len(channels))

    async def _since(self) -> int | None:
        """The newest message that was seen, or the oldest that counts; None where none does."""
        stored = await self._context.store.value(self._seen)
        if stored is None or not self._context.settings.discord_backfill_age_minutes:
            return None
        return max(int(stored), self._oldest)

    @property
    def _oldest(self) -> int:
        """What is older than this does not count any more."""
        return _snowflake(time.time() - self._context.settings.discord_backfill_age_minutes * 60)

    async def _channels(self, since: int) -> list[int]:
        """Where something was written since, the newest first. DMs and archived threads are not
        listed by Discord: those that we know, and that were active lately, are looked at."""
        newest = {
            place.id: place.last_message_id
            for guild in self._client.guilds
            for place in _places(guild)
            if place.last_message_id and place.last_message_id > since
        }
        listed = sorted(newest, key=lambda place: newest[place], reverse=True)
        dms = await self._known(NO_GUILD) if self._shard.has_direct else []
        archived = [
            thread_id
            for guild in self._client.guilds
            for thread_id in await self._known(str(guild.id))
            if guild.get_channel_or_thread(thread_id) is None
        ]
        return [*listed, *dict.fromkeys([*dms, *archived])]

    async def _known(self, workspace: str) -> list[int]:
        """DMs, or threads, in which there was a conversation lately."""
        settings = self._context.settings
        oldest = datetime.now(UTC) - timedelta(minutes=settings.discord_backfill_age_minutes)
        known = await self._context.services.threads.recent(
            PLATFORM, workspace, limit=settings.discord_backfill_channels
        )
        lately = [each.key for each in known if each.last_active_at > oldest]
        places = [await self._context.store.place(key) for key in lately]
        return [
            int(key.thread)
            for key, place in zip(lately, places, strict=True)
            if key.thread.isdigit() and not (place and place.chained)
        ]

    async def _read(self, channel_id: int, since: int) -> int:
        limit = self._context.settings.discord_backfill_messages

        async def request(_: discord.Client) -> list[discord.Message]:
            place = self._client.get_channel(channel_id)
            place = place or await self._client.fetch_channel(channel_id)
            newest = getattr(place, "last_message_id", None)
            if not isinstance(place, discord.abc.Messageable) or (newest and newest <= since):
                return []
            return await _since(place, since, limit)

        try:
            found = await self._context.rest.call(request)
        except PlatformError as error:
            log.info("channel not looked through", channel=channel_id, error=str(error))
            return 0
        if len(found) == 2 * limit:
            log.warning("not all missed messages were read", channel=channel_id, read=len(found))
        for message in found:
            try:
                await self._handle(message)
            except Exception:  # one message must not keep the others from being read
                log.exception("missed message not handled", message=message.id)
        return len(found)


async def _since(place: discord.abc.Messageable, since: int, limit: int) -> list[discord.Message]:
    """The messages since then; of very many the oldest and the newest, as many of each."""
    oldest = [each async for each in place.history(limit=limit, after=discord.Object(since))]
    if len(oldest) < limit:
        return oldest
    newest = place.history(limit=limit, after=oldest[-1], oldest_first=False)
    return [*oldest, *reversed([each async for each in newest])]


def _snowflake(moment_seconds: float) -> int:
    """The id that a message of this moment would have at least."""
    return (int(moment_seconds * 1000) - _EPOCH_MS) << 22


def _places(guild: discord.Guild) -> Iterator[_Place]:
    yield from guild.threads
    channels: list[_Place] = [*guild.text_channels, *guild.voice_channels, *guild.stage_channels]
    for channel in channels:
        if guild.me is None or channel.permissions_for(guild.me).read_message_history:
            yield channel
