"""The fake as a test holds it: the state, its switches, and readers of the picture."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
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
from tests.fakes.discord.effects import Effect, Effects
from tests.fakes.discord.faults import Fault, Faults
from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.page import Page
from tests.fakes.discord.payloads import channel_json
from tests.fakes.discord.people import Person
from tests.fakes.discord.permissions import bits
from tests.fakes.discord.rates import Rates
from tests.fakes.discord.records import DM, FORUM, TEXT, Channel, Guild, Message
from tests.fakes.discord.server import BASE, MAX_BODY_BYTES, Server
from tests.fakes.discord.world import MESSAGE_CONTENT, World

ENDPOINTS = [
    endpoint
    for module in (
        rest_places,
        rest_commands,
        rest_interactions,
        rest_messages,
        rest_reading,
        rest_threads,
    )
    for endpoint in module.ENDPOINTS
]


class FakeDiscord:
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
        self.world = World(allowed_intents=MESSAGE_CONTENT if message_content else 0)
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
        self.guild = self.world.add_guild("Lab")
        for name, kind in (("general", TEXT), ("random", TEXT), ("questions", FORUM)):
            self.world.add_channel(self.guild, name, kind)
        self.api_url = self.gateway_url = self.cdn_url = ""
        self._runner: web.AppRunner | None = None

    # -- life

    async def __aenter__(self) -> FakeDiscord:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/gateway/", self.gateway.serve)
        app.router.add_get("/cdn/attachments/{channel}/{file}/{name}", self._download)
        app.router.add_get("/cdn/{rest:.*}", self._picture)
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

    async def _download(self, request: web.Request) -> web.Response:
        query = request.query
        found = self.world.cdn.fetch(
            int(request.match_info["file"]), query.get("ex", "0"), query.get("hm", "")
        )
        if found is None:
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=found.content, content_type=found.content_type)

    async def _picture(self, request: web.Request) -> web.Response:
        return web.Response(status=404)

    # -- people and places

    def person(
        self, name: str, user_id: int | None = None, *, guild: Guild | None = None
    ) -> Person:
        """A person of this name in the server, the same one each time."""
        for user in self.world.users.values():
            if user.name == name and not user.bot:
                return Person(self.chat, user)
        user = self.world.add_user(name, user_id=user_id)
        self.world.join(guild or self.guild, user)
        return Person(self.chat, user)

    @property
    def owner(self) -> Person:
        """The server's owner, who may do everything."""
        return Person(self.chat, self.world.owner)

    def add_channel(self, name: str, kind: int = TEXT, *, guild: Guild | None = None) -> Channel:
        """One more channel."""
        return self.world.add_channel(guild or self.guild, name, kind)

    def add_guild(self, name: str, *, with_bot: bool = True) -> Guild:
        """One more server with a #general; without the bot it is a place for user installs."""
        guild = self.world.add_guild(name, with_bot=with_bot)
        self.world.add_channel(guild, "general")
        return guild

    def channel(self, which: str | int | Channel, guild: Guild | None = None) -> Channel:
        """A channel or thread by its name or id."""
        if isinstance(which, Channel):
            return which
        places = (guild or self.guild).channels.values()
        if isinstance(which, int):
            return self.world.channel(which)
        return next(place for place in places if place.name == which)

    def dm(self, person: Person) -> Channel:
        """The DM of the bot with the person."""
        return self.world.dm(person.user)

    def allow(self, channel: str | Channel, *names: str) -> None:
        """Lets the bot do this in the channel."""
        place = self.channel(channel)
        allow, deny = place.overwrites.get(self.bot_user_id, (0, 0))
        wanted = bits(*names)
        place.overwrites[self.bot_user_id] = (allow | wanted, deny & ~wanted)
        self._told_of(place)

    def deny(self, channel: str | Channel, *names: str) -> None:
        """Keeps the bot from doing this in the channel, e.g. "create_public_threads"."""
        place = self.channel(channel)
        allow, deny = place.overwrites.get(self.bot_user_id, (0, 0))
        wanted = bits(*names)
        place.overwrites[self.bot_user_id] = (allow & ~wanted, deny | wanted)
        self._told_of(place)

    def _told_of(self, place: Channel) -> None:
        assert place.guild is not None
        data = channel_json(place)
        self.gateway.emit("CHANNEL_UPDATE", place.guild.id, lambda session: data)

    def fault(self, method: str, path: str, **what: Any) -> Fault:
        """Makes coming requests fail, e.g. `fault("POST", "/channels/*/messages", status=503)`."""
        return self.faults.add(Fault(method, path, **what))

    # -- the picture

    def messages(self, channel: str | int | Channel) -> list[Message]:
        """What everyone sees in the channel, oldest first."""
        return self.channel(channel).public()

    def bot_messages(self, channel: str | int | Channel) -> list[Message]:
        """What the bot said there."""
        return [m for m in self.messages(channel) if m.author is self.world.bot and m.kind != 21]

    def threads(self, channel: str | int | Channel) -> list[Channel]:
        """The channel's threads, oldest first."""
        parent = self.channel(channel)
        return [place for place in self.world.channels.values() if place.parent is parent]

    def ephemerals(self, person: Person) -> list[Message]:
        """What the bot showed to this person alone."""
        everywhere = [m for c in self.world.channels.values() for m in c.messages.values()]
        return sorted((m for m in everywhere if m.visible_to is person.user), key=lambda m: m.id)

    def is_typing(self, channel: str | int | Channel, *, seconds: float = 10) -> bool:
        """Whether the bot is seen typing there."""
        at = self.channel(channel).typing.get(self.bot_user_id)
        return at is not None and self.clock.now() - at < seconds

    def render(self, channel: str | int | Channel, viewer: Person | None = None) -> str:
        """The channel as an HTML page, for screenshots; with the viewer's ephemeral answers."""
        return Page(self.world, self.channel(channel), viewer.user if viewer else None).html()

    @property
    def effects(self) -> Effects:
        """What was asked of Discord, in order."""
        return self.world.effects

    @property
    def requests(self) -> list[Effect]:
        """Every request, refused ones too."""
        return self.world.effects.requests

    @property
    def violations(self) -> list[str]:
        """What was improper."""
        return self.world.effects.violations

    def command(self, name: str, kind: int = 1, *, guild: Guild | None = None) -> dict[str, Any]:
        """A registered command."""
        return self.world.commands[guild.id if guild else None][kind, name]

    def dms(self) -> list[Channel]:
        """All DMs."""
        return [place for place in self.world.channels.values() if place.kind == DM]

    async def until(self, holds: Callable[[], Any], timeout_seconds: float = 10) -> Any:
        """Waits until `holds` gives something true, and returns that."""
        async with asyncio.timeout(timeout_seconds):
            while not (found := holds()):
                await asyncio.sleep(0.005)
            return found
