"""What happens on Discord, handed to the core."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

import discord
import structlog

from adapters.discord import menu
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
    order_of,
    points_at_hidden,
)
from adapters.discord.permissions import report
from adapters.discord.places import Places
from adapters.discord.shards import Shard
from adapters.discord.starters import with_starter
from adapters.discord.titles import title_of
from bot.commands.hello import HELLO
from bot.domain import Addressing, IncomingMessage, ThreadKey
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

HIDDEN = (
    "I can't see the message that you reply to, nor its files: this bot has no message content "
    f"intent. Right-click that message, then Apps → {menu.ANALYSE}."
)
_REGISTERED = "registered commands"


class Events:
    """Listens while the client runs."""

    def __init__(self, context: DiscordContext, places: Places) -> None:
        self._context = context
        self._interactions = Interactions(context, places)
        self._places = places
        self._orders: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def run(self) -> None:
        """Listen until cancelled, or until the connection breaks for good."""
        await self._context.connection.run(self)

    async def idle(self) -> None:
        """Wait until no command is under way, nor an answer."""
        await self._interactions.none()
        await self._context.live.none()

    async def logged_in(self, client: discord.Client) -> None:
        """Before the first event: have the commands registered."""
        try:
            await self._register(client)
        except (PlatformError, discord.HTTPException) as error:
            log.warning("commands not registered; tried again at the next start", error=repr(error))

    @asynccontextmanager
    async def listening(
        self, client: discord.Client, shard: Shard
    ) -> AsyncIterator[Mapping[str, Listener]]:
        """What listens to a shard. What was missed before is read, and it is noted up to where
        messages were seen."""

        async def message(message: discord.Message) -> None:
            with backfill.handling(message.id):
                await self._message(message)

        async def ready() -> None:
            self._ready(client)
            await backfill.fill()

        backfill = Backfill(self._context, client, shard, message)
        client.add_dynamic_items(ActionButton)  # those that were posted earlier
        await backfill.begin()
        seen = asyncio.create_task(backfill.keep_noting(), name="discord-seen")
        try:
            yield {
                "connect": backfill.began,
                "ready": ready,
                "disconnect": backfill.lost,
                "resumed": backfill.resumed,
                "message": message,
                "raw_message_edit": self._edited,
                "raw_message_delete": self._deleted,
                "raw_bulk_message_delete": self._bulk_deleted,
                "interaction": self._interactions.invoked,
                "action": self._interactions.pressed,
            }
        finally:
            seen.cancel()
            await asyncio.gather(seen, return_exceptions=True)
            await backfill.end()
            await backfill.note()

    async def _message(self, message: discord.Message) -> None:
        """Somebody wrote."""
        if by_person(message):
            async with self._in_order(message.channel.id):
                await self._heard(message)

    def _in_order(self, channel_id: int) -> asyncio.Lock:
        """What happens in a channel is handled in its order: discord.py begins a task for each."""
        return self._orders.setdefault(channel_id, asyncio.Lock())

    async def _heard(self, message: discord.Message) -> None:
        await self._places.recognise(message)
        addressed = self._addressing(message)
        if addressed is None:
            return
        key = await self._key(message)
        said = incoming(message, addressed, self._context.bot_id, key)
        if await self._was_command(message, said):
            return
        if not said.addressed.overheard and await self._is_refused(said):
            # Any command says so, and opens no thread.
            await self._context.services.orders.accept(order_of(message, said, HELLO))
            return
        if not said.addressed.overheard and isinstance(message.channel, discord.Thread):
            said = await with_starter(self._context, message.channel, said)
        blind = not self._context.settings.discord_message_content
        note = HIDDEN if blind and points_at_hidden(message, self._context.bot_id) else None
        title = title_of(said.text, [attachment.name for attachment in said.attachments])
        origin = Origin(key, message.channel.id, title, message.author.id, note)
        self._context.origins.note(said.id, origin)
        await self._context.services.inbox.accept(said)

    def _addressing(self, message: discord.Message) -> Addressing | None:
        addressed = addressing(message, self._context.bot_id)
        has_words = self._context.settings.discord_message_content
        if addressed is not None and addressed.overheard and not has_words:
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

    async def _was_command(self, message: discord.Message, said: IncomingMessage) -> bool:
        """Whether a message was nothing but a command; it is then handed in as one."""
        bare = said.addressed is Addressing.MENTION and not said.text and message.reference is None
        if said.attachments or said.addressed is Addressing.ELSEWHERE:
            return False
        named = (HELLO, "") if bare else self._context.services.commands.parse(said.text)
        if named is None:
            return False
        if said.addressed.overheard and not await self._takes_part(message, said.key):
            return False
        await self._context.store.claim(message.id)
        await self._context.services.orders.accept(order_of(message, said, *named))
        return True

    async def _is_refused(self, said: IncomingMessage) -> bool:
        return await self._context.services.commands.refusal(said.key, said.author) is not None

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
        if (addressed := self._addressing(message)) is not None:
            async with self._in_order(message.channel.id):
                await self._revise(message, addressed)

    async def _revise(self, message: discord.Message, addressed: Addressing) -> None:
        key = await self._key(message)
        text = incoming(message, addressed, self._context.bot_id, key).text
        waiting = await self._context.services.inbox.revise(key, str(message.id), text)
        age = datetime.now(UTC) - message.created_at
        longest = timedelta(minutes=self._context.settings.discord_backfill_age_minutes)
        if waiting or addressed is not Addressing.MENTION or age > longest:
            return
        # The name of the bot may have been forgotten at first. What was a command stays one.
        if await self._context.store.claim(message.id):
            await self._heard(message)

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
            guild = self._context.connection.guild(guild_id) if guild_id else None
            channel = guild.get_channel_or_thread(channel_id) if guild else None
            key = key_of_channel(guild_id, channel_id, channel, direct=guild_id is None)
            key = key if key.thread else thread_key(guild_id, channel_id, message_id)
        await self._context.services.inbox.withdraw(key, str(message_id))

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

    def _ready(self, client: discord.Client) -> None:
        """A session began: at the start, and whenever one could not be resumed."""
        log.info("discord ready", servers=len(client.guilds), user=str(client.user))
        if client.application_id is not None:
            report(client.guilds, self._context.bot_id, client.application_id)
        if not self._context.settings.discord_message_content:
            log.warning(
                "without the message content intent, messages in threads need a mention",
                switch_on=f"{PORTAL} → Bot → Message Content Intent, then unset "
                "DISCORD_MESSAGE_CONTENT",
            )
        self._context.connection.ready.set()
