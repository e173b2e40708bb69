"""Slack as a chat platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog

from adapters.slack.api import Busy
from adapters.slack.connections import Connections
from adapters.slack.context import SlackContext
from adapters.slack.courier import Courier
from adapters.slack.downloads import Downloads
from adapters.slack.events import PLATFORM, by_person, home_of
from adapters.slack.installations import Installations
from adapters.slack.poster import Asker, Place
from adapters.slack.reply import SlackReply
from adapters.slack.said import NOTHING, said_since
from adapters.slack.settings import SlackSettings
from adapters.slack.status import StatusLine
from adapters.slack.teams import OneToken, Team, Teams
from bot.domain import Addressing, Attachment, IncomingMessage, Order, ThreadKey
from bot.errors import AttachmentUnavailable, PlatformError
from bot.ports import CommandResult, Services

log = structlog.get_logger(__name__)

THINKING = "thinking…"
SEEN = "eyes"
TAKEN = "inbox_tray"
ASK_HERE = (
    "I have it. Ask about it here, in this thread: outside, each message begins a new thread, "
    "which does not know this file."
)


class SlackPlatform:
    """Brings Slack's events in and shows turns in its threads.

    Raises:
        SettingsError: the settings are not valid.
    """

    def __init__(self, services: Services) -> None:
        settings = SlackSettings.read(services.environ)
        settings.check()
        self._installations = (
            Installations(services.database, settings) if settings.many_workspaces else None
        )
        teams = Teams(settings, self._tokens(settings), services.fence)
        if self._installations is not None:
            self._installations.on_change = teams.forget
        self._context = SlackContext(services, settings, teams)
        self._downloads = Downloads(settings)
        self._connections = Connections(self._context, self._installations)

    @property
    def name(self) -> str:
        """The platform of its keys."""
        return PLATFORM

    @property
    def ready(self) -> asyncio.Event:
        """Set while events can come in."""
        return self._connections.ready

    @property
    def url(self) -> str | None:
        """Where `SLACK_MODE=http` listens, once it does."""
        return self._connections.url

    async def run(self) -> None:
        """Bring events in until cancelled.

        Raises:
            SettingsError: Slack does not take the tokens.
        """
        await self._connections.run()

    async def acknowledge(self, message: IncomingMessage) -> None:
        """The first sign: the agent's session begins to work, else a status, else a reaction. A
        message that waits behind another has its own: the session works for that one."""
        team = await self._context.teams.get(message.key.workspace)
        if self._context.sessions.works(message.key):
            await self._react(message, SEEN)
            return
        if await self._context.sessions.begin(team, message.key, message.text):
            return
        with suppress(Busy):  # a reaction says it as well
            if await StatusLine(self._context.settings, team, message.key).set(THINKING):
                return
        await self._react(message, SEEN)

    async def taken(self, message: IncomingMessage) -> None:
        """Show that the files of a message without a question are in the workspace; where people
        would ask beside it, say where to ask."""
        key = message.key
        if message.addressed is not Addressing.DIRECT or message.id != key.thread:
            await self._react(message, TAKEN)
            return
        team = await self._context.teams.get(key.workspace)
        said = CommandResult(ASK_HERE, public=True)
        await Courier(self._context).deliver(team, key, message.author.id, said)

    async def answer(self, order: Order, result: CommandResult, *, again: bool) -> None:
        """Say what a command came to: to all in its thread, or to who wrote it."""
        team = await self._context.teams.get(order.key.workspace)
        if again and result.files:  # they are shown a while after Slack has taken them
            await asyncio.sleep(self._context.settings.slack_share_seconds)
        said = await said_since(team, order) if again else NOTHING
        user = order.caller.author.id
        await Courier(self._context).say(team, order.key, user, result, order=order.id, said=said)

    async def forget(self, key: ThreadKey) -> None:
        """Erase what is kept of the replies in a thread, and let no Stop stay in it."""
        await self._context.replies.forget(str(key))
        await self._context.sessions.end(await self._context.teams.get(key.workspace), key)

    async def read(self, key: ThreadKey, attachment: Attachment) -> AsyncIterator[bytes]:
        """A file's bytes, in chunks.

        Raises:
            AttachmentUnavailable: it can't be had, and why.
        """
        try:
            team = await self._context.teams.get(key.workspace)
        except PlatformError as error:
            raise AttachmentUnavailable(
                f"“{attachment.name}” can't be had: Slack can't be asked for it."
            ) from error
        async for chunk in self._downloads.read(team, attachment):
            yield chunk

    async def open_reply(
        self, key: ThreadKey, *, turn_id: str, message_id: str, ref: str | None
    ) -> SlackReply:
        """The surface of a turn; which message shows it is kept under the turn's id."""
        team = await self._context.teams.get(key.workspace)
        kept = await self._context.replies.open(turn_id, str(key))
        # A question that is asked again has the id of its message, and more.
        asked = message_id.partition("~")[0]
        asker = self._context.askers.get((str(key), asked))
        if asker is None:  # accepted by another process, which has begun the session
            self._context.sessions.resumed(key)
            asker = await self._asker(team, key, asked)
        return SlackReply(self._context, team, Place(key, turn_id, asked, asker), kept)

    async def _asker(self, team: Team, key: ThreadKey, asked: str) -> Asker | None:
        """Who wrote a message, asked of Slack; None where it does not say."""
        found = await team.api.attempt(
            "conversations.replies",
            channel=key.channel,
            ts=key.thread,
            oldest=asked,
            latest=asked,
            inclusive=True,
            limit=2,  # the thread's first message may come along
        )
        messages = [m for m in (found or {}).get("messages", ()) if m["ts"] == asked]
        if not messages or not by_person(messages[0], team.bot_user):
            return None
        return Asker(str(messages[0]["user"]), home_of(messages[0], team.id))

    async def _react(self, message: IncomingMessage, emoji: str) -> None:
        team = await self._context.teams.get(message.key.workspace)
        await team.api.attempt(
            "reactions.add",
            channel=message.key.channel,
            timestamp=message.id.partition("~")[0],
            name=emoji,
        )

    def _tokens(self, settings: SlackSettings) -> OneToken | Installations:
        if self._installations is not None:
            return self._installations
        token = settings.slack_bot_token
        return OneToken(token.get_secret_value() if token else "")
