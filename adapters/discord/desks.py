"""Where messages are sent and edited: a channel, or the answers to a command."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import discord

from adapters.discord.buttons import view_of
from adapters.discord.rest import Refused, Rest
from adapters.discord.store import DiscordStore, Invocation, Posted
from adapters.discord.uploads import Upload
from bot.domain import Action

T = TypeVar("T")
ARCHIVED, DEAD_TOKEN = 50083, 50027  # [doc: JSON error codes]
_NONCE_BYTES = 12  # 24 characters; Discord takes 25 [facts: discord]
_HISTORY_MAX = 50


@dataclass(frozen=True, slots=True)
class Content:
    """What a message shows."""

    text: str
    upload: Upload = field(default_factory=Upload)
    actions: Sequence[Action] = ()


class Desk(Protocol):
    """Takes messages. All raise PlatformError, or AmbiguousSend."""

    @property
    def channel_id(self) -> int:
        """The channel or thread that it is in."""

    async def send(self, content: Content, identity: str) -> Posted:
        """A new message; the same identity again gives the first one."""

    async def edit(self, posted: Posted, content: Content) -> None:
        """Another content for a message; its files are replaced."""

    async def delete(self, posted: Posted) -> None:
        """Take a message away."""

    def seconds_left(self) -> float | None:
        """How long messages can still be changed; None where that has no end."""

    async def find(self, identity: str, text: str | None, after: int | None) -> Posted | None:
        """A message that has arrived after another one (None: among the newest), by its identity
        or its text, and that is not known to carry anything else."""


def nonce_of(identity: str) -> str:
    """The nonce of a post: the same each time, so that a repeat makes no second message."""
    return hashlib.blake2b(identity.encode(), digest_size=_NONCE_BYTES).hexdigest()


class ChannelDesk:
    """A channel, thread or DM that the bot is in.

    Arguments: `store` knows what its messages carry; `reply_to` is the message that new ones refer
    to, in a channel without threads.
    """

    def __init__(
        self, rest: Rest, store: DiscordStore, channel_id: int, reply_to: int | None = None
    ) -> None:
        self._rest = rest
        self._store = store
        self._reply_to = reply_to
        self.channel_id = channel_id

    async def send(self, content: Content, identity: str) -> Posted:
        """A new message, the thread taken out of the archive if need be."""

        async def request(client: discord.Client) -> Posted:
            place = client.get_partial_messageable(self.channel_id)
            options: dict[str, Any] = {}
            if self._reply_to:
                options["reference"] = discord.MessageReference(
                    message_id=self._reply_to, channel_id=self.channel_id, fail_if_not_exists=False
                )
            if view := view_of(content.actions):
                options["view"] = view
            sent = await place.send(
                content.text or None,
                files=content.upload.opened(),
                nonce=nonce_of(identity),
                suppress_embeds=True,
                mention_author=False,
                **options,
            )
            return Posted(self.channel_id, sent.id)

        return await self._in_open_thread(request)

    async def edit(self, posted: Posted, content: Content) -> None:
        """Another content; that is harmless to repeat."""

        async def request(client: discord.Client) -> None:
            place = client.get_partial_messageable(posted.channel_id)
            await place.get_partial_message(posted.message_id).edit(
                content=content.text,
                attachments=content.upload.opened(),
                view=view_of(content.actions),
            )

        await self._in_open_thread(request)

    async def delete(self, posted: Posted) -> None:
        """Take a message away."""

        async def request(client: discord.Client) -> None:
            place = client.get_partial_messageable(posted.channel_id)
            await place.get_partial_message(posted.message_id).delete()

        await self._rest.call(request)

    def seconds_left(self) -> float | None:
        """There is no end."""
        return None

    async def find(self, identity: str, text: str | None, after: int | None) -> Posted | None:
        """Look through what the bot said since."""

        async def request(client: discord.Client) -> list[int]:
            place = client.get_partial_messageable(self.channel_id)
            since = discord.Object(after) if after is not None else None
            assert client.user is not None
            found = []
            async for message in place.history(limit=_HISTORY_MAX, after=since):
                mine = message.author.id == client.user.id and self._answers(message)
                same = message.nonce == nonce_of(identity) or (text and message.content == text)
                if mine and same:
                    found.append(message.id)
            return found

        found = await self._rest.call(request)
        taken = await self._store.taken(found, identity)
        free = (each for each in found if each not in taken)
        return next((Posted(self.channel_id, each) for each in free), None)

    async def replies(self) -> int:
        """How many of the bot's messages refer to the one that this desk replies to."""

        async def request(client: discord.Client) -> int:
            assert client.user is not None
            assert self._reply_to is not None
            place = client.get_partial_messageable(self.channel_id)
            since = discord.Object(self._reply_to)
            history = place.history(limit=_HISTORY_MAX, after=since)
            references = [m.reference async for m in history if m.author.id == client.user.id]
            return sum(ref is not None and ref.message_id == self._reply_to for ref in references)

        return await self._rest.call(request)

    def _answers(self, message: discord.Message) -> bool:
        """Whether it is of the same chain of replies."""
        reference = message.reference
        return self._reply_to in (None, reference.message_id if reference else self._reply_to)

    async def _in_open_thread(self, request: Callable[[discord.Client], Awaitable[T]]) -> T:
        """Make a request; where the thread is archived, take it out and make it again."""

        async def unarchive(client: discord.Client) -> None:
            await client.http.edit_channel(self.channel_id, archived=False)

        try:
            return await self._rest.call(request)
        except Refused as refused:
            if refused.code != ARCHIVED:
                raise
        await self._rest.call(unarchive)
        return await self._rest.call(request)


class CommandDesk:
    """The answers to a command, where the bot itself is not; for 15 minutes [facts: discord].

    Arguments: `invocation` is the command, None where it is older than that.
    """

    def __init__(self, rest: Rest, channel_id: int, invocation: Invocation | None) -> None:
        self._rest = rest
        self._invocation = invocation
        self.channel_id = channel_id

    async def send(self, content: Content, identity: str) -> Posted:
        """A new answer. Answers know no nonce: one that may have arrived is not repeated here."""
        del identity

        async def request(client: discord.Client) -> Posted:
            options: dict[str, Any] = {}
            if view := view_of(content.actions):
                options["view"] = view
            sent = await self._webhook(client).send(
                content.text,
                files=content.upload.opened(),
                suppress_embeds=True,
                allowed_mentions=discord.AllowedMentions.none(),
                wait=True,
                **options,
            )
            return Posted(self.channel_id, sent.id)

        return await self._rest.call(request, repeatable=False)

    async def edit(self, posted: Posted, content: Content) -> None:
        """Another content."""

        async def request(client: discord.Client) -> None:
            await self._webhook(client).edit_message(
                posted.message_id,
                content=content.text,
                attachments=content.upload.opened(),
                view=view_of(content.actions),
                allowed_mentions=discord.AllowedMentions.none(),
            )

        await self._rest.call(request)

    async def delete(self, posted: Posted) -> None:
        """Take an answer away."""

        async def request(client: discord.Client) -> None:
            await self._webhook(client).delete_message(posted.message_id)

        await self._rest.call(request)

    def seconds_left(self) -> float | None:
        """Until Discord closes the way."""
        known = self._invocation
        return max(known.closes_at - time.time(), 0.0) if known is not None else None

    async def find(self, identity: str, text: str | None, after: int | None) -> Posted | None:
        """What cannot be looked through is never found."""
        del identity, text, after
        return None

    def _webhook(self, client: discord.Client) -> discord.Webhook:
        known = self._invocation
        if known is None:
            raise Refused("the command was given too long ago", DEAD_TOKEN, status=401)
        return discord.Webhook.partial(known.application_id, known.token, client=client)
