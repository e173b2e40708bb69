"""Events into the inbox: names looked up, files resolved, then one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from adapters.slack.context import SlackContext
from adapters.slack.downloads import resolved
from adapters.slack.events import Deleted, Edited, Said, attachment
from adapters.slack.incoming_text import named_ids, words
from adapters.slack.poster import Asker
from adapters.slack.quotes import Quote, quoted
from adapters.slack.teams import Team
from bot.domain import Addressing, Attachment, IncomingMessage, Order
from bot.errors import AttachmentUnavailable

SPOKEN_TO = (Addressing.MENTION, Addressing.DIRECT, Addressing.REPLY)


class Intake:
    """Takes in what people write."""

    def __init__(self, context: SlackContext) -> None:
        self._context = context

    async def message(self, team: Team, said: Said) -> IncomingMessage:
        """What somebody wrote, with names in place of ids."""
        asked = (str(said.key), said.ts)
        if self._context.askers.get(asked) is None:
            is_new = said.user_name is None and not self._context.names.knows(team, said.user)
            self._context.askers.put(asked, Asker(said.user, said.home, is_new))
        author, text, attachments = await asyncio.gather(
            self._context.names.author(team, said.user, said.user_name),
            self.text(team, said.markup, said.quotes),
            self._attachments(team, said),
        )
        return IncomingMessage(
            key=said.key,
            id=said.ts,
            author=author,
            text=text,
            attachments=attachments,
            addressed=said.addressed,
            sent_at=said.sent_at,
            others=said.others,
        )

    async def text(self, team: Team, markup: str, quotes: Sequence[Quote] = ()) -> str:
        """A text with the names of those whom it mentions, and under it what it passes on."""
        whole = " ".join([markup, *(f"{quote.author} {quote.markup}" for quote in quotes)])
        people, channels = named_ids(whole)
        known = await self._context.names.of(team, people - {team.bot_user}, channels)
        names = {**known, team.bot_user: team.bot_name}
        parts = [words(markup, team.bot_user, names)]
        for quote in quotes:
            author = words(quote.author, None, names).removeprefix("@")
            parts.append(quoted(author, words(quote.markup, None, names)))
        return "\n\n".join(part for part in parts if part)

    async def accept(self, message: IncomingMessage) -> bool:
        """Commit a message; True where it is new and for us."""
        return await self._context.services.inbox.accept(message)

    async def order(
        self, team: Team, message: IncomingMessage, command: str, arguments: str
    ) -> bool:
        """Commit a message that is nothing but a command; True where it is new.

        Raises:
            PlatformError: it is for those who manage the workspace, and who does is not known now.
        """
        surely = self._context.admins_only(command)
        caller = await self._context.names.caller(team, message.author.id, surely=surely)
        return await self._context.services.orders.accept(
            Order(
                key=message.key,
                id=message.id,
                caller=caller,
                command=command,
                arguments=arguments,
                sent_at=message.sent_at,
            )
        )

    async def edited(self, team: Team, edited: Edited) -> None:
        """Tell the core of a change."""
        begun = await self._context.begun.of(edited.key, edited.ts)
        text = await self.text(team, edited.markup, (*begun, *edited.quotes))
        await self._context.services.inbox.revise(edited.key, edited.ts, text)

    async def deleted(self, team: Team, deleted: Deleted) -> None:
        """Tell the core of a deletion; what was waiting is not worked on any more."""
        if not await self._context.services.inbox.withdraw(deleted.key, deleted.ts):
            return
        sessions, thread = self._context.sessions, str(deleted.key)
        if sessions.knows(deleted.key):
            await sessions.end(team, deleted.key)
        elif not await self._context.replies.are_open_in(thread):
            await sessions.set_active(team, deleted.key)  # another process has begun it

    async def _attachments(self, team: Team, said: Said) -> tuple[Attachment, ...]:
        found = [attachment(file) for file in said.files]
        return tuple(await asyncio.gather(*(self._named(team, one) for one in found)))

    async def _named(self, team: Team, found: Attachment) -> Attachment:
        """A stub from another organisation with its name, where Slack says it in time."""
        if found.locator["mode"] != "connect":
            return found
        try:
            async with asyncio.timeout(self._context.settings.slack_lookup_seconds):
                known = await resolved(team, found)
        except (AttachmentUnavailable, TimeoutError):
            return found  # why not is said when it is read
        return replace(known, id=found.id)
