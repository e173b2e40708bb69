"""Where messages are sent and edited."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import discord

from adapters.discord.buttons import view_of
from adapters.discord.rest import Refused, Rest
from adapters.discord.store import DiscordStore, Posted
from adapters.discord.uploads import Upload
from bot.domain import Action

T = TypeVar("T")
ARCHIVED = 50083  # [doc: JSON error codes]
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
