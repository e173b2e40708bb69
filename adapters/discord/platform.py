"""Discord as a chat platform."""

from __future__ import annotations

from collections.abc import AsyncIterator

import discord
import structlog

from adapters.discord import pictures
from adapters.discord.answers import post_result
from adapters.discord.buttons import STOP
from adapters.discord.connection import Connection
from adapters.discord.context import DiscordContext, plain_id
from adapters.discord.desks import Content
from adapters.discord.downloads import Downloads
from adapters.discord.events import Events
from adapters.discord.file_limits import FileLimits
from adapters.discord.keys import PLATFORM, is_direct, is_private
from adapters.discord.places import Places
from adapters.discord.reply import DiscordReply, posted_of
from adapters.discord.rest import Rest
from adapters.discord.settings import DiscordSettings
from adapters.discord.store import STATUS, DiscordStore
from bot.domain import Attachment, IncomingMessage, Order, Progress, ThreadKey
from bot.errors import PlatformError, Undeliverable
from bot.ports import CommandResult, Services

log = structlog.get_logger(__name__)

_TAKEN, _REFUSED = "📎", "⚠️"


class DiscordPlatform:
    """Brings Discord's events in and shows turns there.

    Raises:
        SettingsError: the settings are not valid.
    """

    def __init__(self, services: Services) -> None:
        settings = DiscordSettings.read(services.environ)
        store = DiscordStore(services.database)
        connection = Connection(settings, services.leases, store)
        rest = Rest(connection.client, settings, services.fence)
        limits = FileLimits(connection, rest, settings)
        self._context = DiscordContext(services, settings, connection, rest, store, limits)
        self._places = Places(self._context)
        self._downloads = Downloads(settings, rest)
        self._events = Events(self._context, self._places)
        self.ready = connection.ready

    @property
    def name(self) -> str:
        """The platform of Discord's keys."""
        return PLATFORM

    async def run(self) -> None:
        """Bring events in until cancelled; each run logs in anew.

        Raises:
            SettingsError: Discord refuses the token or the intents.
        """
        await self._events.run()

    async def acknowledge(self, message: IncomingMessage) -> None:
        """Be seen typing where the message was written."""
        if is_private(message.key):
            return  # the command was answered already

        async def request(client: discord.Client) -> None:
            await client.http.send_typing(await self._channel_of(message.key, message.id))

        await self._lightly(request, message.key)

    async def taken(self, message: IncomingMessage) -> None:
        """A reaction on the message whose files were taken in."""
        await self._react(_TAKEN, message.key, message.id)

    async def answer(self, order: Order, result: CommandResult, *, again: bool) -> None:
        """Say what a command came to, where it was written; a repeat makes no second message."""
        await post_result(self._context, order, result, again=again)

    async def forget(self, key: ThreadKey) -> None:
        """Erase what the adapter keeps of a conversation, and end what it shows."""
        for reply in self._context.live.of(key):
            await reply.close()
        await self._context.store.forget(key)

    async def read(self, key: ThreadKey, attachment: Attachment) -> AsyncIterator[bytes]:
        """An attachment's bytes, in chunks.

        Raises:
            AttachmentUnavailable: it can't be had (any more).
        """
        del key
        async for chunk in self._downloads.read(attachment):
            yield chunk

    async def open_reply(
        self, key: ThreadKey, *, turn_id: str, message_id: str, ref: str | None
    ) -> DiscordReply:
        """The message of the turn: the one that was posted for it before, or a new one.

        Raises:
            PlatformError: Discord does not let us write there; a reaction says so.
        """
        try:
            return await self._opened(key, turn_id, message_id, ref)
        except Undeliverable:
            await self._react(_REFUSED, key, message_id)
            raise

    async def _opened(
        self, key: ThreadKey, turn_id: str, message_id: str, ref: str | None
    ) -> DiscordReply:
        context, identity = self._context, f"{turn_id}{STATUS}"
        spot = await self._places.spot(key, turn_id, message_id)
        surface = posted_of(ref) if ref else await context.store.posted(identity)
        if surface is None:
            waiting = pictures.running(Progress(status="thinking…"))
            if not await context.store.begin_post(identity, key):  # before a crash
                surface = await spot.desk.find(identity, waiting, int(plain_id(message_id)))
            if surface is None:
                surface = await spot.desk.send(Content(waiting, actions=(STOP,)), identity)
            await context.store.note_post(identity, key, surface)
        return DiscordReply(context, key, turn_id, spot, surface)

    async def _react(self, emoji: str, key: ThreadKey, message_id: str) -> None:
        async def request(client: discord.Client) -> None:
            place = client.get_partial_messageable(await self._channel_of(key, message_id))
            await place.get_partial_message(int(plain_id(message_id))).add_reaction(emoji)

        await self._lightly(request, key)

    async def _channel_of(self, key: ThreadKey, message_id: str) -> int:
        """Where a message was written."""
        origin = self._context.origins.get(plain_id(message_id))
        if is_direct(key):
            return int(key.channel)
        asked_again = "~" in message_id  # then the answer comes in the thread
        if origin is not None and not asked_again:
            return origin.channel_id
        place = await self._context.store.place(key)
        return place.channel_id if place is not None else int(key.channel)

    async def _lightly(self, request: object, key: ThreadKey) -> None:
        """A sign that may fail: the answer comes all the same."""
        try:
            await self._context.rest.call(request, repeatable=False)  # type: ignore[arg-type]
        except PlatformError as error:
            log.info("no sign given", thread=str(key), error=str(error))
