"""The client of discord.py: made anew for each run, and found by who needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import discord
import structlog
import yarl
from discord import gateway, http

from adapters.discord.rest import Pace
from adapters.discord.settings import DiscordSettings
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

_LEASE = "discord gateway"
_LEAST_LINGER_SECONDS = 0.5  # an answer may just be about to be opened

Listener = Callable[..., Awaitable[None]]


class Connection:
    """Holds the client that is logged in."""

    def __init__(self, settings: DiscordSettings, leases: Leases) -> None:
        self._settings = settings
        self._leases = leases
        self._client: discord.Client | None = None
        self._logged_in = asyncio.Event()
        self._pace = Pace(settings.discord_requests_per_second)
        self._lingering: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()
        self._was_ready = False

    async def run(
        self, listeners: dict[str, Listener], idle: Callable[[], Awaitable[None]]
    ) -> None:
        """Connect and dispatch events until cancelled or something breaks.

        Cancelled, it leaves the gateway at once; requests still go while there are answers under
        way.

        Args:
            listeners: by the names of discord.py's events.
            idle: waits until no answer is under way.

        Raises:
            SettingsError: the token or the intents are refused: trying again would not help.
            PlatformError: they are refused though they were taken before.
        """
        self._point_elsewhere()
        client = self._make()

        async def setup_hook() -> None:
            self._client = client
            self._logged_in.set()
            await listeners["setup"](client)

        async def on_error(event: str, /, *args: object, **options: object) -> None:
            del args, options
            log.exception("discord event failed", discord_event=event)

        client.event(setup_hook)
        client.event(on_error)
        for name, listener in listeners.items():
            setattr(client, f"on_{name}", listener)
        lingering = False
        try:
            await client.login(self._settings.token)
            # Of several workers one listens; all of them write.
            async with self._leases.hold(_LEASE):
                await client.connect()
        except asyncio.CancelledError:
            lingering = True
            await self._leave(client, idle)
            raise
        except discord.PrivilegedIntentsRequired as error:
            raise self._refused(NO_INTENT) from error
        except discord.LoginFailure as error:
            raise self._refused(BAD_TOKEN) from error
        finally:
            self._was_ready = self._was_ready or self.ready.is_set()
            self.ready.clear()
            if not lingering:
                self._gone(client)
                await client.close()
            await _put_to_rest(client)

    def _refused(self, why: str) -> Exception:
        """At the start the operator is there; later on, the other platforms must not end for it."""
        return PlatformError(why) if self._was_ready else SettingsError(why)

    async def client(self) -> discord.Client:
        """The client, once it is logged in. Raises PlatformError where that takes too long."""
        try:
            async with asyncio.timeout(self._settings.discord_connect_seconds):
                while self._client is None:
                    await self._logged_in.wait()
        except TimeoutError:
            raise PlatformError("There is no connection to Discord right now.") from None
        return self._client

    @property
    def current(self) -> discord.Client | None:
        """The client that is logged in at this moment, if any."""
        return self._client

    async def _leave(self, client: discord.Client, idle: Callable[[], Awaitable[None]]) -> None:
        end_requests = client.http.close

        async def later() -> None:
            """Requests end when nothing needs them any more."""

        client.http.close = later  # type: ignore[method-assign]
        await client.close()

        async def linger() -> None:
            try:
                async with asyncio.timeout(self._settings.discord_linger_seconds):
                    await asyncio.sleep(_LEAST_LINGER_SECONDS)
                    await idle()
            except TimeoutError:
                log.warning("answers cut off from discord")
            finally:
                self._gone(client)
                await end_requests()

        self._lingering = asyncio.create_task(linger(), name="discord-linger")

    def _gone(self, client: discord.Client) -> None:
        if self._client is client:
            self._client = None
            self._logged_in.clear()

    def _make(self) -> discord.Client:
        settings = self._settings
        # It speaks with nobody: no library for that is missing.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        intents = discord.Intents.none()
        intents.guilds = intents.messages = True
        intents.message_content = settings.discord_message_content
        options = {
            "intents": intents,
            "allowed_mentions": discord.AllowedMentions.none(),
            "http_trace": self._pace.trace(),
            "max_messages": None,
            "member_cache_flags": discord.MemberCacheFlags.none(),
            "chunk_guilds_at_startup": False,
        }
        if settings.discord_shards == 1:
            return discord.Client(**options)  # type: ignore[arg-type]
        shard_count = settings.discord_shards or None
        return discord.AutoShardedClient(shard_count=shard_count, **options)  # type: ignore[arg-type]

    def _point_elsewhere(self) -> None:
        """discord.py keeps its addresses in classes."""
        if self._settings.discord_api_url is not None:
            http.Route.BASE = str(self._settings.discord_api_url).rstrip("/")
        if self._settings.discord_gateway_url is not None:
            url = yarl.URL(str(self._settings.discord_gateway_url))
            gateway.DiscordWebSocket.DEFAULT_GATEWAY = url


async def _put_to_rest(client: discord.Client) -> None:
    """End what discord.py leaves behind when it is closed while its servers still come in."""
    announcing = getattr(client._connection, "_ready_task", None)
    if announcing is not None:
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)
