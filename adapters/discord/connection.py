"""The clients of discord.py: made anew for each run, and found by who needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Protocol
from urllib.parse import urlsplit

import discord
import structlog
import yarl
from discord import gateway, http

from adapters.discord.clients import NOT_REACHED, UNREACHABLE, connect, make_client, put_to_rest
from adapters.discord.rest import Pace
from adapters.discord.settings import DiscordSettings
from adapters.discord.shards import Beginnings, Shard, shard_of, shards
from adapters.discord.store import DiscordStore
from bot.errors import PlatformError, SettingsError
from bot.ports import Leases

log = structlog.get_logger(__name__)

PORTAL = "https://discord.com/developers/applications"
NO_INTENT = (
    "Discord refuses the message content intent. Switch it on at "
    f"{PORTAL} → your application → Bot → Message Content Intent, or set "
    "DISCORD_MESSAGE_CONTENT=false: then the bot sees mentions, replies to it, direct messages "
    "and commands only, and no other messages in its threads."
)
BAD_TOKEN = (
    f"Discord does not accept DISCORD_TOKEN. Copy it again from {PORTAL} → your application → "
    "Bot → Reset Token."
)

_LEAST_LINGER_SECONDS = 0.5  # an answer may just be about to be opened

Listener = Callable[..., Awaitable[None]]


class Hearer(Protocol):
    """Who hears what happens."""

    async def logged_in(self, client: discord.Client) -> None:
        """Requests can be made, before any event."""

    def listening(
        self, client: discord.Client, shard: Shard
    ) -> AbstractAsyncContextManager[Mapping[str, Listener]]:
        """What listens to a shard's client, by the names of discord.py's events."""

    async def idle(self) -> None:
        """Wait until no answer is under way."""


class Connection:
    """Holds the client that is logged in and writes, and those that listen: one for each shard
    that this worker has, or where there is one shard, the same client."""

    def __init__(self, settings: DiscordSettings, leases: Leases, store: DiscordStore) -> None:
        self._settings = settings
        self._leases = leases
        self._store = store
        self._client: discord.Client | None = None
        self._listening: dict[Shard, discord.Client] = {}
        self._shard_count = 1
        self._logged_in = asyncio.Event()
        self._pace = Pace(settings.discord_requests_per_second)
        self._lingering: set[asyncio.Task[None]] = set()
        self.ready = asyncio.Event()
        self._was_ready = False

    async def run(self, hearer: Hearer) -> None:
        """Connect and dispatch events until cancelled or something breaks.

        Cancelled, it leaves the gateway at once; requests still go while there are answers under
        way.

        Raises:
            SettingsError: the token or the intents are refused: trying again would not help.
            PlatformError: they are refused though they were taken before.
        """
        self._point_elsewhere()
        client = make_client(self._settings, self._pace)
        with self._refusals():
            try:
                await client.login(self._settings.token)
                beginnings = await self._divide(client)
                self._client = client
                self._logged_in.set()
                await hearer.logged_in(client)
                # Each shard is listened to by one worker; all of them write.
                names = {shard.name: shard for shard in shards(self._shard_count)}

                async def listen(name: str) -> None:
                    await self._listen(names[name], client, beginnings, hearer)

                await self._leases.share(list(names), listen)
            except asyncio.CancelledError:
                await self._leave(client, hearer)
                raise
            finally:
                self._was_ready = self._was_ready or self.ready.is_set()
                self.ready.clear()
                await self._end(client)

    async def _divide(self, client: discord.Client) -> Beginnings | None:
        """Find out how many shards there are, and how many sessions may begin at once."""
        count = self._settings.discord_shards
        if count == 1:
            self._shard_count = 1
            return None
        advised, _, limit = await client.http.get_bot_gateway()
        self._shard_count = count or advised
        return Beginnings(
            self._leases,
            self._store,
            at_once=limit["max_concurrency"],
            span_seconds=self._settings.discord_identify_seconds,
        )

    async def _listen(
        self,
        shard: Shard,
        writer: discord.Client,
        beginnings: Beginnings | None,
        hearer: Hearer,
    ) -> None:
        """Listen to a shard until cancelled."""
        client = (
            writer if shard.alone else make_client(self._settings, self._pace, shard, beginnings)
        )
        try:
            if client is not writer:
                await client.login(self._settings.token)
            async with hearer.listening(client, shard) as listeners:
                for name, listener in listeners.items():
                    setattr(client, f"on_{name}", listener)
                if beginnings is not None:
                    await beginnings.wait(shard)
                self._listening[shard] = client
                log.info("discord shard", shard=shard.number, of=shard.count)
                await connect(client)
        except asyncio.CancelledError:
            await self._leave(client, hearer)
            raise
        finally:
            self._listening.pop(shard, None)
            await self._end(client)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except discord.PrivilegedIntentsRequired as error:
            raise self._refused(NO_INTENT) from error
        except discord.LoginFailure as error:
            raise self._refused(BAD_TOKEN) from error
        except UNREACHABLE as error:
            host = urlsplit(http.Route.BASE).netloc
            raise PlatformError(NOT_REACHED.format(host=host, why=type(error).__name__)) from error

    def _refused(self, why: str) -> Exception:
        """At the start the operator is there; later on, the other platforms must not end for it."""
        return PlatformError(why) if self._was_ready else SettingsError(why)

    async def client(self) -> discord.Client:
        """The client that writes, once it is logged in. Raises PlatformError where that takes too
        long."""
        try:
            async with asyncio.timeout(self._settings.discord_connect_seconds):
                while self._client is None:
                    await self._logged_in.wait()
        except TimeoutError:
            raise PlatformError("There is no connection to Discord right now.") from None
        return self._client

    @property
    def current(self) -> discord.Client | None:
        """The client that writes at this moment, if any."""
        return self._client

    def guild(self, guild_id: int) -> discord.Guild | None:
        """A server, where this worker listens to its shard."""
        client = self._listening.get(shard_of(guild_id, self._shard_count))
        return None if client is None else client.get_guild(guild_id)

    async def _leave(self, client: discord.Client, hearer: Hearer) -> None:
        """Leave the gateway at once; requests go on while there are answers under way."""
        if client.is_closed():
            return
        end_requests = client.http.close

        async def later() -> None:
            """Requests end when nothing needs them any more."""

        client.http.close = later  # type: ignore[method-assign]
        await client.close()

        async def linger() -> None:
            try:
                async with asyncio.timeout(self._settings.discord_linger_seconds):
                    await asyncio.sleep(_LEAST_LINGER_SECONDS)
                    await hearer.idle()
            except TimeoutError:
                log.warning("answers cut off from discord")
            finally:
                self._gone(client)
                await end_requests()

        task = asyncio.create_task(linger(), name="discord-linger")
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)

    async def _end(self, client: discord.Client) -> None:
        """Close what was not left before, and end what discord.py leaves behind."""
        if not client.is_closed():
            self._gone(client)
            await client.close()
        await put_to_rest(client)

    def _gone(self, client: discord.Client) -> None:
        if self._client is client:
            self._client = None
            self._logged_in.clear()

    def _point_elsewhere(self) -> None:
        """discord.py keeps its addresses in classes."""
        if self._settings.discord_api_url is not None:
            http.Route.BASE = str(self._settings.discord_api_url).rstrip("/")
        if self._settings.discord_gateway_url is not None:
            url = yarl.URL(str(self._settings.discord_gateway_url))
            gateway.DiscordWebSocket.DEFAULT_GATEWAY = url
