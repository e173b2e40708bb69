"""Another place for an answer whose own takes no more messages: locked, deleted, or too late."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord
import structlog

from adapters.discord.context import DiscordContext, plain_id
from adapters.discord.desks import ChannelDesk, Content, Desk
from adapters.discord.keys import is_private, user_of
from adapters.discord.messages import words_of
from adapters.discord.rest import Refused
from adapters.discord.shelf import ShelfDesk
from adapters.discord.store import Place, Posted
from adapters.discord.titles import title_of
from bot.domain import ThreadKey

log = structlog.get_logger(__name__)

NO_PERMISSION = 50013
_UNKNOWN_CHANNEL, _TOO_MANY_THREADS = 10003, 160006
# [doc: JSON error codes]; the rest: unknown webhook, too many answers to a command, no access, no
# DMs, dead token, archived still, locked
CLOSED = frozenset(
    {_UNKNOWN_CHANNEL, 10015, 40094, 50001, 50007, NO_PERMISSION, 50027, 50083, 160005}
    | {_TOO_MANY_THREADS}
)
_GONE = "The thread “{title}” was deleted, so I answer here."
_FULL = "{thread} is archived, and this server has too many open threads, so I answer here."
_LOCKED = "{thread} (“{title}”) is locked, or I may not write there any more, so I answer here."
_LATE = "The way to answer in <#{channel}> was closed before I was done, so I answer here."


class DetourDesk:
    """A desk, and another that is found once the first takes no more messages.

    Arguments: `another` finds it, and says there why; asked again, it finds the same.
    """

    def __init__(
        self, context: DiscordContext, first: Desk, another: Callable[[Refused], Awaitable[Desk]]
    ) -> None:
        self._context = context
        self._first = first
        self._another = another
        self._found: Desk | None = None
        self.channel_id = first.channel_id

    async def send(self, content: Content, identity: str) -> Posted:
        """A new message, where one can be; on the detour it is looked for first."""
        if self._found is None:
            try:
                return await self._first.send(content, identity)
            except Refused as refused:
                # Perhaps it is only the files that are not allowed: who sends knows better.
                files_only = refused.code == NO_PERMISSION and content.upload.files
                if refused.code not in CLOSED or files_only:
                    raise
                self._found = await self._another(refused)
        known = await self._found.find(identity, content.text, None)
        return known or await self._found.send(content, identity)

    async def edit(self, posted: Posted, content: Content) -> None:
        """Another content, wherever the message is."""
        await self._desk_of(posted).edit(posted, content)

    async def delete(self, posted: Posted) -> None:
        """Take a message away, wherever it is."""
        await self._desk_of(posted).delete(posted)

    def seconds_left(self) -> float | None:
        """As long as on the way that is taken now."""
        return (self._found or self._first).seconds_left()

    async def find(self, identity: str, text: str | None, after: int | None) -> Posted | None:
        """A message here, or on the detour."""
        if self._found is None:
            try:
                return await self._first.find(identity, text, after)
            except Refused as refused:
                if refused.code not in CLOSED:
                    raise
                self._found = await self._another(refused)
        return await self._found.find(identity, text, None)

    def _desk_of(self, posted: Posted) -> Desk:
        if posted.channel_id == self._first.channel_id:
            return self._first
        context = self._context
        return self._found or ChannelDesk(context.rest, context.store, posted.channel_id)


class Detours:
    """Finds the other place: the channel of a public thread, else a DM to who asked."""

    def __init__(self, context: DiscordContext) -> None:
        self._context = context

    async def desk(self, key: ThreadKey, turn_id: str, message_id: str, refused: Refused) -> Desk:
        """Where the answer goes instead, the reason said there once. Raises Refused if nowhere."""
        log.info("answer takes a detour", turn=turn_id, thread=str(key), code=refused.code)
        if is_private(key):
            return await self._late(key, turn_id)
        asked = await self._message(int(key.channel), int(key.thread))
        reason = self._reason(key, message_id, asked, refused)
        if asked is not None or await self._is_public(key):
            desk = self._desk(int(key.channel), int(key.thread))
            try:
                await self._told(desk, key, reason, turn_id)
            except Refused as error:
                log.info("channel takes no answer either", turn=turn_id, code=error.code)
            else:
                if refused.code == _UNKNOWN_CHANNEL:  # for good
                    await self._context.store.note_place(key, Place(desk.channel_id, chained=True))
                return desk
        author_id = await self._author_of(key, message_id)
        if author_id is None:
            raise refused
        return await self._told(await self._direct(author_id), key, reason, turn_id)

    async def _late(self, key: ThreadKey, turn_id: str) -> Desk:
        """Of a command: a DM; where there can be none, it waits for the person's next command."""
        try:
            desk = await self._direct(user_of(key))
            return await self._told(desk, key, _LATE.format(channel=key.channel), turn_id)
        except Refused as refused:
            log.warning("answer waits for the next command", turn=turn_id, code=refused.code)
            return ShelfDesk(self._context.store, key)

    async def _told(
        self, desk: ChannelDesk, key: ThreadKey, reason: str, turn_id: str
    ) -> ChannelDesk:
        """The desk, once the reason was said there."""
        store, identity = self._context.store, f"{turn_id}:detour"
        if await store.posted(identity) is None:
            known = await desk.find(identity, reason, None)
            known = known or await desk.send(Content(reason), identity)
            await store.note_post(identity, key, known)
        return desk

    def _reason(
        self, key: ThreadKey, message_id: str, asked: discord.Message | None, refused: Refused
    ) -> str:
        origin = self._context.origins.get(plain_id(message_id))
        words = words_of(asked, self._context.bot_id) if asked is not None else ""
        title = origin.title if origin is not None else title_of(words)
        thread = f"<#{key.thread}>"
        sentence = {_UNKNOWN_CHANNEL: _GONE, _TOO_MANY_THREADS: _FULL}.get(refused.code, _LOCKED)
        return sentence.format(thread=thread, title=title)

    async def _is_public(self, key: ThreadKey) -> bool:
        async def request(client: discord.Client) -> bool:
            found = await client.fetch_channel(int(key.thread))
            return isinstance(found, discord.Thread) and not found.is_private()

        try:
            return await self._context.rest.call(request)
        except Refused:
            return False

    async def _author_of(self, key: ThreadKey, message_id: str) -> int | None:
        origin = self._context.origins.get(plain_id(message_id))
        if origin is not None:
            return origin.author_id
        for channel_id in (int(key.thread), int(key.channel)):
            found = await self._message(channel_id, int(plain_id(message_id)))
            if found is not None:
                return found.author.id
        return None

    async def _message(self, channel_id: int, message_id: int) -> discord.Message | None:
        async def request(client: discord.Client) -> discord.Message:
            return await client.get_partial_messageable(channel_id).fetch_message(message_id)

        try:
            return await self._context.rest.call(request)
        except Refused:
            return None

    async def _direct(self, user_id: int) -> ChannelDesk:
        async def request(client: discord.Client) -> int:
            return (await client.create_dm(discord.Object(user_id))).id

        return self._desk(await self._context.rest.call(request))

    def _desk(self, channel_id: int, reply_to: int | None = None) -> ChannelDesk:
        return ChannelDesk(self._context.rest, self._context.store, channel_id, reply_to)
