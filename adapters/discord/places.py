"""Where a conversation's answers go: its thread, opened if need be; else replies in the channel."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal

import discord
import structlog

from adapters.discord.command_desk import CommandDesk
from adapters.discord.context import DiscordContext, plain_id
from adapters.discord.desks import ChannelDesk, Desk
from adapters.discord.detours import DetourDesk, Detours
from adapters.discord.keys import is_direct, is_private
from adapters.discord.messages import words_of
from adapters.discord.rest import Refused
from adapters.discord.store import Place
from adapters.discord.titles import title_of
from bot.domain import ThreadKey
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

HAS_THREAD = 160004  # [facts: discord]
_ANSWER_SECONDS = 3.0  # Discord takes no answer after that
ARCHIVE_MINUTES: Literal[4320] = 4320
NO_THREADS = (
    "I can't open a thread in this channel (it takes the permissions “Create Public Threads” and "
    "“Send Messages in Threads”, and room for one more), so I answer here: reply to my messages to "
    "go on."
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A desk, and what is to be said there once."""

    desk: Desk
    say_once: str | None = None


class Places:
    """Finds out where to write."""

    def __init__(self, context: DiscordContext) -> None:
        self._context = context
        self._detours = Detours(context)

    async def spot(self, key: ThreadKey, turn_id: str, message_id: str) -> Spot:
        """Where a turn's answer to a message goes. Raises PlatformError."""
        context = self._context
        detour = partial(self._detours.desk, key, turn_id, message_id)
        if is_private(key):
            await self._wait_for_answer(key)
            invocation = await context.store.invocation(key, message_id)
            command = CommandDesk(context.rest, int(key.channel), invocation)
            return Spot(DetourDesk(context, command, detour))
        if is_direct(key):
            return Spot(ChannelDesk(context.rest, context.store, int(key.channel)))
        place = await self.place(key, message_id)
        origin = context.origins.get(plain_id(message_id))
        note = origin.note if origin is not None else None
        if not place.chained:
            thread = ChannelDesk(context.rest, context.store, place.channel_id)
            return Spot(DetourDesk(context, thread, detour), note)
        reply_to = int(plain_id(message_id))
        channel = ChannelDesk(context.rest, context.store, place.channel_id, reply_to)
        telling = await context.store.first_value(f"no-threads:{place.channel_id}", turn_id)
        say_once = NO_THREADS if telling == turn_id else note
        return Spot(DetourDesk(context, channel, detour), say_once)

    async def _wait_for_answer(self, key: ThreadKey) -> None:
        """The command that began a turn may not be answered yet: its token comes then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS), self._context.answering(key):
                pass

    async def place(self, key: ThreadKey, message_id: str) -> Place:
        """The thread of a conversation, or its channel where there can be none."""
        known = await self._context.store.place(key)
        if known is not None:
            return known
        place = await self._find_or_open(key, message_id)
        await self._context.store.note_place(key, place)
        return place

    async def recognise(self, message: discord.Message) -> None:
        """A thread that Discord has not told of yet, such as a private one that the bot is called
        into, is asked for: a message in it must not be taken for one in a channel."""
        channel, guild = message.channel, message.guild
        if guild is None or not isinstance(channel, discord.PartialMessageable):
            return

        async def request(client: discord.Client) -> object:
            return await client.fetch_channel(channel.id)

        found = await self._context.rest.call(request)
        if isinstance(found, discord.Thread):
            message.channel = found
            guild._add_thread(found)

    async def _find_or_open(self, key: ThreadKey, message_id: str) -> Place:
        channel_id, thread_id = int(key.channel), int(key.thread)
        guild = self._context.connection.guild(int(key.workspace))
        if guild is not None and guild.get_thread(thread_id) is not None:
            return Place(thread_id)
        if guild is not None and not _may_open_threads(guild, channel_id):
            return await self._channel_or_thread(key, message_id)
        try:
            await self._open(channel_id, thread_id, await self._title(key, message_id))
        except Refused as refused:
            log.info("thread not opened", thread=str(key), code=refused.code)
            if refused.code == HAS_THREAD or await self._exists(thread_id):
                return Place(thread_id)
            return await self._channel_or_thread(key, message_id)
        return Place(thread_id)

    async def _channel_or_thread(self, key: ThreadKey, message_id: str) -> Place:
        """The channel, if the conversation began there: what a private thread holds, which may be
        deleted or archived, is not for everybody."""
        channel_id, thread_id = int(key.channel), int(key.thread)
        origin = self._context.origins.get(plain_id(message_id))
        if origin is not None and origin.channel_id == channel_id:
            return Place(channel_id, chained=True)

        async def request(client: discord.Client) -> None:
            await client.get_partial_messageable(channel_id).fetch_message(thread_id)

        try:
            await self._context.rest.call(request)
        except Refused:
            return Place(thread_id)  # what it does not take goes on a detour
        return Place(channel_id, chained=True)

    async def _open(self, channel_id: int, message_id: int, title: str) -> None:
        async def request(client: discord.Client) -> None:
            await client.http.start_thread_with_message(
                channel_id, message_id, name=title, auto_archive_duration=ARCHIVE_MINUTES
            )

        await self._context.rest.call(request)

    async def _exists(self, thread_id: int) -> bool:
        async def request(client: discord.Client) -> bool:
            return isinstance(await client.fetch_channel(thread_id), discord.Thread)

        try:
            return await self._context.rest.call(request)
        except Refused:
            return False

    async def _title(self, key: ThreadKey, message_id: str) -> str:
        origin = self._context.origins.get(plain_id(message_id))
        if origin is not None:
            return origin.title

        async def request(client: discord.Client) -> str:
            place = client.get_partial_messageable(int(key.channel))
            message = await place.fetch_message(int(key.thread))
            names = [file.filename for file in message.attachments]
            return title_of(words_of(message, self._context.bot_id), names)

        try:
            return await self._context.rest.call(request)
        except PlatformError:
            return title_of("")


def _may_open_threads(guild: discord.Guild, channel_id: int) -> bool:
    """Whether a try is worth it: False only where Discord has told us that it is not."""
    channel = guild.get_channel(channel_id)
    if channel is None or guild.me is None:
        return True
    may = channel.permissions_for(guild.me)
    return may.create_public_threads and may.send_messages_in_threads
