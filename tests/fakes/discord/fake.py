"""The fake as a test holds it: the state, its switches, and readers of the picture."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import yarl
from aiohttp import web

from tests.fakes.discord import (
    rest_commands,
    rest_interactions,
    rest_messages,
    rest_places,
    rest_reading,
    rest_threads,
)
from tests.fakes.discord.chat import Chat
from tests.fakes.discord.connection import reset
from tests.fakes.discord.faults import Fault, Faults
from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.guild_payloads import guild_json
from tests.fakes.discord.payloads import channel_json
from tests.fakes.discord.people import Person
from tests.fakes.discord.permissions import bits
from tests.fakes.discord.picture import Picture
from tests.fakes.discord.rates import Rates
from tests.fakes.discord.records import DM, FORUM, TEXT, Channel, Guild, Message
from tests.fakes.discord.server import BASE, MAX_BODY_BYTES, Server
from tests.fakes.discord.world import MESSAGE_CONTENT, World

MODULES = (
    rest_places,
    rest_commands,
    rest_interactions,
    rest_messages,
    rest_reading,
    rest_threads,
)
ENDPOINTS = [endpoint for module in MODULES for endpoint in module.ENDPOINTS]


class FakeDiscord(Picture):
    """A Discord on loopback, with one server "Lab" that has #general, #random and a forum.

    Arguments: `rate_limits` switches them, `rate_scale` shortens their spans, `message_content`
    is what the portal allows.
    """

    def __init__(
        self,
        *,
        rate_limits: bool = True,
        rate_scale: float = 1.0,
        message_content: bool = True,
        shards: int = 1,
    ) -> None:
        super().__init__(World(allowed_intents=MESSAGE_CONTENT if message_content else 0))
        self.clock = self.world.clock
        self.limits = self.world.limits
        self.gateway = Gateway(self.world)
        self.gateway.required_shards = shards
        self.chat = Chat(self.world, self.gateway)
        self.rates = Rates(self.clock, on=rate_limits, scale=rate_scale)
        self.faults = Faults()
        self.server = Server(self.chat, self.rates, self.faults)
        self.token = self.world.token
        self.bot_user_id = self.world.bot.id
        for name, kind in (("general", TEXT), ("random", TEXT), ("questions", FORUM)):
            self.world.add_channel(self.guild, name, kind)
        self.api_url = self.gateway_url = self.cdn_url = ""
        self._runner: web.AppRunner | None = None

    # -- life

    async def __aenter__(self) -> FakeDiscord:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/gateway/", self.gateway.serve)
        app.router.add_get("/cdn/{path:.*}", self._download)
        self.server.add_to(app, ENDPOINTS)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self.api_url = f"http://{host}{BASE}"
        self.gateway_url = self.gateway.url = f"ws://{host}/gateway/"
        self.cdn_url = self.world.cdn.base_url = f"http://{host}/cdn"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.gateway.drop()
        assert self._runner is not None
        await self._runner.cleanup()

    @contextmanager
    def in_discord_py(self) -> Iterator[None]:
        """discord.py talks to the fake while the block runs."""
        import discord

        gateway = discord.gateway.DiscordWebSocket
        before = discord.http.Route.BASE, gateway.DEFAULT_GATEWAY, discord.Asset.BASE
        discord.http.Route.BASE = self.api_url
        gateway.DEFAULT_GATEWAY = yarl.URL(self.gateway_url)
        discord.Asset.BASE = self.cdn_url
        try:
            yield
        finally:
            discord.http.Route.BASE, gateway.DEFAULT_GATEWAY, discord.Asset.BASE = before

    async def _download(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.take(request.method, request.path)
        if fault is not None:
            await asyncio.sleep(fault.slow_seconds)
            if fault.reset:
                reset(request.transport)
            if fault.reset or fault.status is not None:
                return web.Response(status=fault.status or 500)
        return self.world.cdn.answer(request)

    # -- people and places

    def person(
        self, name: str, user_id: int | None = None, *, guild: Guild | None = None
    ) -> Person:
        """A person of this name in the server, the same one each time."""
        people = [user for user in self.world.users.values() if not user.bot]
        known = next((user for user in people if user.name == name), None)
        user = known or self.world.add_user(name, user_id=user_id)
        self.world.join(guild or self.guild, user)
        return Person(self.chat, user)

    @property
    def owner(self) -> Person:
        """The server's owner, who may do everything."""
        return Person(self.chat, self.world.owner)

    def add_channel(self, name: str, kind: int = TEXT, *, guild: Guild | None = None) -> Channel:
        """One more channel."""
        place = self.world.add_channel(guild or self.guild, name, kind)
        self._tell_of("CHANNEL_CREATE", place)
        return place

    def add_guild(self, name: str, *, with_bot: bool = True) -> Guild:
        """One more server with a #general; without the bot it is a place for user installs."""
        guild = self.world.add_guild(name, with_bot=with_bot)
        self.world.add_channel(guild, "general")
        if with_bot:
            data = guild_json(guild, self.world.bot)
            self.gateway.emit("GUILD_CREATE", guild.id, lambda session: data)
        return guild

    def throw_out(self, guild: Guild) -> None:
        """Removes the bot from the server."""
        del guild.members[self.bot_user_id]
        self.gateway.emit("GUILD_DELETE", guild.id, lambda session: {"id": str(guild.id)})

    def between(self, *people: Person) -> Channel:
        """The DM between people, without the bot: a place for user installs."""
        users = [person.user for person in people]
        return self.world.keep(Channel(self.world.ids.next(), DM, "", recipients=users))

    def dm(self, person: Person) -> Channel:
        """The DM of the bot with the person."""
        return self.world.dm(person.user)

    def refuse_dms(self, person: Person) -> None:
        """From now on the bot's messages to the person are refused."""
        self.world.no_dms.add(person.id)

    def allow(self, channel: str | Channel, *names: str) -> None:
        """Lets the bot do this in the channel."""
        place = self.channel(channel)
        allow, deny = place.overwrites.get(self.bot_user_id, (0, 0))
        wanted = bits(*names)
        place.overwrites[self.bot_user_id] = (allow | wanted, deny & ~wanted)
        self._tell_of("CHANNEL_UPDATE", place)

    def deny(self, channel: str | Channel, *names: str) -> None:
        """Keeps the bot from doing this in the channel, e.g. "create_public_threads"."""
        place = self.channel(channel)
        allow, deny = place.overwrites.get(self.bot_user_id, (0, 0))
        wanted = bits(*names)
        place.overwrites[self.bot_user_id] = (allow & ~wanted, deny | wanted)
        self._tell_of("CHANNEL_UPDATE", place)

    def _tell_of(self, event: str, place: Channel) -> None:
        assert place.guild is not None
        data = channel_json(place)
        self.gateway.emit(event, place.guild.id, lambda session: data)

    def unfurl(self, message: Message) -> None:
        """Adds a link's preview: an update of the message that is no edit."""
        message.embeds = [{"type": "link", "title": "A page", "url": "https://example.org"}]
        self.chat.edited(message, message.content, counts=False)

    def fault(self, method: str, path: str, **what: Any) -> Fault:
        """Makes coming requests fail, e.g. `fault("POST", "/channels/*/messages", status=503)`."""
        return self.faults.add(Fault(method, path, **what))
