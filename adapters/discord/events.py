"""What happens on Discord, handed to the core."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

import discord
import structlog

from adapters.discord import menu
from adapters.discord.answers import post_result
from adapters.discord.backfill import Backfill
from adapters.discord.buttons import ActionButton
from adapters.discord.connection import PORTAL, Listener
from adapters.discord.context import DiscordContext, Origin
from adapters.discord.interactions import Interactions
from adapters.discord.keys import key_of_channel, thread_key
from adapters.discord.messages import (
    addressing,
    by_person,
    incoming,
    key_of,
)
from adapters.discord.places import Places
from adapters.discord.starters import with_starter
from adapters.discord.titles import title_of
from bot.domain import Addressing, Caller, IncomingMessage, ThreadKey
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

_REGISTERED = "registered commands"


class Events:
    """Listens while the client runs."""

    def __init__(self, context: DiscordContext, places: Places) -> None:
        self._context = context
        self._backfill = Backfill(context, self.message)
        self._interactions = Interactions(context, places)
        self._places = places
        self._orders: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def run(self) -> None:
        """Listen until cancelled, or until the connection breaks for good."""
        listeners: dict[str, Listener] = {
            "setup": self._setup,
            "ready": self._ready,
            "disconnect": self._backfill.lost,
            "resumed": self._backfill.resumed,
            "shard_disconnect": self._backfill.lost,
            "shard_resumed": self._backfill.resumed,
            "shard_ready": self._shard_ready,
            "message": self.message,
            "raw_message_edit": self._edited,
            "raw_message_delete": self._deleted,
            "raw_bulk_message_delete": self._bulk_deleted,
            "interaction": self._interactions.invoked,
            "action": self._interactions.pressed,
        }
        seen = asyncio.create_task(self._backfill.keep_noting(), name="discord-seen")
        try:
            await self._context.connection.run(listeners, self._context.live.none)
        finally:
            seen.cancel()
            await asyncio.gather(seen, return_exceptions=True)
            await self._backfill.end()
            await self._backfill.note()

    async def message(self, message: discord.Message, *, missed: bool = False) -> None:
        """Somebody wrote."""
        with self._backfill.handling(message.id):
            if by_person(message):
                async with self._in_order(message.channel.id):
                    await self._heard(message, missed=missed)

    def _in_order(self, channel_id: int) -> asyncio.Lock:
        """What happens in a channel is handled in its order: discord.py begins a task for each."""
        return self._orders.setdefault(channel_id, asyncio.Lock())

    async def _heard(self, message: discord.Message, *, missed: bool) -> None:
        bot_id = self._context.bot_id
        await self._places.recognise(message)
        addressed = self._addressing(message)
        if addressed is None:
            return
        key = await self._key(message)
        said = incoming(message, addressed, bot_id, key)
        if await self._was_command(message, said, missed=missed):
            return
        if addressed is not Addressing.AMBIENT and isinstance(message.channel, discord.Thread):
            said = await with_starter(self._context, message.channel, said)
        names = [attachment.name for attachment in said.attachments]
        origin = Origin(key, message.channel.id, title_of(said.text, names))
        self._context.origins.note(said.id, origin)
        await self._context.services.inbox.accept(said)

    def _addressing(self, message: discord.Message) -> Addressing | None:
        addressed = addressing(message, self._context.bot_id)
        if addressed is Addressing.AMBIENT and not self._context.settings.discord_message_content:
            return None  # it comes without its words and files
        return addressed

    async def _key(self, message: discord.Message) -> ThreadKey:
        """The conversation of a message; a reply goes on where the bot said what it replies to."""
        if isinstance(message.channel, discord.Thread) or message.guild is None:
            return key_of(message)
        reference = message.reference
        if reference is not None and reference.message_id is not None:
            known = await self._context.store.thread_of(reference.message_id)
            if known is not None and known.thread:
                return known
        return key_of(message)

    async def _was_command(
        self, message: discord.Message, said: IncomingMessage, *, missed: bool
    ) -> bool:
        """Whether a message was nothing but a command, and was carried out."""
        bare = said.addressed is Addressing.MENTION and not said.text and message.reference is None
        if said.attachments:
            return False
        named = ("help", "") if bare else self._context.services.commands.parse(said.text)
        if named is None:
            return False
        if said.addressed is Addressing.AMBIENT and not await self._takes_part(message, said.key):
            return False
        if missed or not await self._context.store.claim(message.id):
            return True  # an order is for its moment, and is followed once
        guild_id = message.guild.id if message.guild else None
        key = said.key
        if said.addressed is Addressing.MENTION and key.thread == str(message.id):
            key = thread_key(guild_id, message.channel.id, "")
        result = await self._context.services.commands.run(
            named[0], key, Caller(said.author, _manages(message.author)), named[1]
        )
        plain_channel = guild_id is not None and not isinstance(message.channel, discord.Thread)
        await post_result(
            self._context,
            key,
            message.channel.id,
            message.id,
            result,
            as_reply=plain_channel,
        )
        return True

    async def _takes_part(self, message: discord.Message, key: ThreadKey) -> bool:
        channel = message.channel
        if isinstance(channel, discord.Thread) and channel.owner_id == self._context.bot_id:
            return True
        return await self._context.store.answers_in(key)

    async def _edited(self, event: discord.RawMessageUpdateEvent) -> None:
        """Somebody changed a message (or Discord did, which counts for nothing)."""
        message = event.message
        if not by_person(message) or message.edited_at is None:
            return
        addressed = self._addressing(message)
        if addressed is None:
            return
        async with self._in_order(message.channel.id):
            await self._revise(message, addressed)

    async def _revise(self, message: discord.Message, addressed: Addressing) -> None:
        key = await self._key(message)
        text = incoming(message, addressed, self._context.bot_id, key).text
        waiting = await self._context.services.inbox.revise(key, str(message.id), text)
        age = datetime.now(UTC) - message.created_at
        longest = timedelta(minutes=self._context.settings.discord_backfill_age_minutes)
        if not waiting and addressed is Addressing.MENTION and age < longest:
            # The name of the bot may have been forgotten at first; what is known is known.
            await self._heard(message, missed=True)

    async def _deleted(self, event: discord.RawMessageDeleteEvent) -> None:
        async with self._in_order(event.channel_id):
            await self._withdraw(event.guild_id, event.channel_id, event.message_id)

    async def _bulk_deleted(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        async with self._in_order(event.channel_id):
            for message_id in sorted(event.message_ids):
                await self._withdraw(event.guild_id, event.channel_id, message_id)

    async def _withdraw(self, guild_id: int | None, channel_id: int, message_id: int) -> None:
        origin = self._context.origins.get(str(message_id))
        if origin is not None:
            key = origin.key
        else:
            client = await self._context.connection.client()
            channel = client.get_channel(channel_id)
            key = key_of_channel(guild_id, channel_id, channel, direct=guild_id is None)
            key = key if key.thread else thread_key(guild_id, channel_id, message_id)
        await self._context.services.inbox.withdraw(key, str(message_id))

    async def _setup(self, client: discord.Client) -> None:
        """Before the first event: buttons that were posted earlier, and the commands."""
        client.add_dynamic_items(ActionButton)
        await self._backfill.begin()
        try:
            await self._register(client)
        except (PlatformError, discord.HTTPException) as error:
            log.warning("commands not registered; tried again at the next start", error=repr(error))

    async def _register(self, client: discord.Client) -> None:
        """Register the commands, if they have changed [facts: discord]."""
        commands = menu.payload(self._context.services.commands.specs)
        assert client.application_id is not None
        fingerprint = menu.fingerprint(commands, client.application_id)
        if await self._context.store.value(_REGISTERED) == fingerprint:
            return
        application_id = client.application_id

        async def request(client: discord.Client) -> None:
            await client.http.bulk_upsert_global_commands(application_id, commands)

        await self._context.rest.call(request)
        await self._context.store.set_value(_REGISTERED, fingerprint)
        log.info("commands registered", commands=len(commands))

    async def _ready(self) -> None:
        """A session began: at the start, and whenever one could not be resumed."""
        client = await self._context.connection.client()
        log.info("discord ready", servers=len(client.guilds), user=str(client.user))
        if not self._context.settings.discord_message_content:
            log.warning(
                "without the message content intent, messages in threads need a mention",
                switch_on=f"{PORTAL} → Bot → Message Content Intent, then unset "
                "DISCORD_MESSAGE_CONTENT",
            )
        self._context.connection.ready.set()
        await self._backfill.fill(client)

    async def _shard_ready(self, shard: int) -> None:
        """A shard began a session; of the first, when all have, `ready` tells."""
        if self._context.connection.ready.is_set():
            await self._backfill.fill(await self._context.connection.client(), shard)


def _manages(user: discord.abc.User) -> bool:
    return isinstance(user, discord.Member) and user.guild_permissions.manage_guild
