"""Where messages are sent and edited where the bot itself is not: the answers to a command."""

from __future__ import annotations

import time
from typing import Any

import discord

from adapters.discord.buttons import view_of
from adapters.discord.desks import Content
from adapters.discord.pictures import below
from adapters.discord.rest import Refused, Rest
from adapters.discord.store import STATUS, Invocation, Posted, Question

DEAD_TOKEN = 50027  # [doc: JSON error codes]
_FIRST = "@original"


class CommandDesk:
    """The answers to a command; for 15 minutes [facts: discord].

    What answers a question stands below it, in the same message: that can be repeated without
    harm, a further message can't.

    Arguments: `invocation` is the command, None where it is older than that.
    """

    def __init__(self, rest: Rest, channel_id: int, invocation: Invocation | None) -> None:
        self._rest = rest
        self._invocation = invocation
        self.channel_id = channel_id

    async def send(self, content: Content, identity: str) -> Posted:
        """A new answer. Answers know no nonce: one that may have arrived is not repeated here."""
        if self._question is not None and identity.endswith(STATUS):
            posted = Posted(self.channel_id, self._question.message_id)
            try:
                await self.edit(posted, content)
            except Refused as refused:
                if refused.status != 404:  # else somebody deleted the question
                    raise
            else:
                return posted

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
                self._name(posted),
                content=self._text(posted, content),
                attachments=content.upload.opened(),
                view=view_of(content.actions),
                allowed_mentions=discord.AllowedMentions.none(),
            )

        await self._rest.call(request)

    async def delete(self, posted: Posted) -> None:
        """Take an answer away."""

        async def request(client: discord.Client) -> None:
            await self._webhook(client).delete_message(self._name(posted))

        await self._rest.call(request)

    def seconds_left(self) -> float | None:
        """Until Discord closes the way."""
        known = self._invocation
        return max(known.closes_at - time.time(), 0.0) if known is not None else None

    async def find(self, identity: str, text: str | None, after: int | None) -> Posted | None:
        """What cannot be looked through is never found."""
        del identity, text, after
        return None

    @property
    def _question(self) -> Question | None:
        return self._invocation.question if self._invocation is not None else None

    def _text(self, posted: Posted, content: Content) -> str:
        asked = self._asked_in(posted)
        return below(asked.shown, content.text) if asked is not None else content.text

    def _name(self, posted: Posted) -> Any:
        """A message's id; a command's first answer is called otherwise [doc: interactions]."""
        return posted.message_id if self._asked_in(posted) is None else _FIRST

    def _asked_in(self, posted: Posted) -> Question | None:
        asked = self._question
        return asked if asked is not None and asked.message_id == posted.message_id else None

    def _webhook(self, client: discord.Client) -> discord.Webhook:
        known = self._invocation
        if known is None:
            raise Refused("the command was given too long ago", DEAD_TOKEN, status=401)
        return discord.Webhook.partial(known.application_id, known.token, client=client)
