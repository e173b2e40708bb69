"""Messages: said, changed, deleted. Acknowledged after the inbox has them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from slack_bolt.app.async_app import AsyncApp

from adapters.slack.asides import Aside
from adapters.slack.context import Recently, SlackContext
from adapters.slack.events import Deleted, Edited, Said, read_event
from adapters.slack.incoming_text import command_line, words
from adapters.slack.intake import SPOKEN_TO, Intake
from adapters.slack.listeners.origin import team_of
from adapters.slack.menus import ARGUMENTS_CHARS
from adapters.slack.offers import Offers
from adapters.slack.starters import with_starter
from adapters.slack.teams import Team
from bot.commands.hello import HELLO
from bot.domain import Addressing, ThreadKey
from bot.errors import PlatformError
from bot.ports import Place

# A reply to the bot may be a question like "status?": it is one unless the bot is named.
_COMMANDED = (Addressing.MENTION, Addressing.DIRECT)
NOT_HEARD = (
    "Was that for me? More than one of you is in this thread, or the channel is set so: mention "
    "me, and I answer."
)


def register(app: AsyncApp, context: SlackContext, intake: Intake) -> None:
    """Listen to messages and mentions."""
    listener = Messages(context, intake)
    app.event("app_mention")(listener.on_event)
    app.event("message")(listener.on_event)


class Messages:
    """One message is one turn, whatever events announce it."""

    def __init__(self, context: SlackContext, intake: Intake) -> None:
        self._context = context
        self._intake = intake
        self._offers = Offers(context)
        # When somebody last wrote in a thread what was taken in.
        most = context.settings.slack_events_remembered
        self._heard: Recently[tuple[ThreadKey, str], str] = Recently(most)
        self._order: WeakValueDictionary[ThreadKey, asyncio.Lock] = WeakValueDictionary()

    async def on_event(self, body: dict[str, Any], event: dict[str, Any]) -> None:
        """Take an event in; it is acknowledged when this returns."""
        team = await team_of(self._context, body)
        found = read_event(event, team.id, team.bot_user)
        if found is None:
            return
        # Names take different times to be told: the order of events stays.
        async with self._order.setdefault(found.key, asyncio.Lock()):
            match found:
                case Said():
                    await self._said(team, found)
                case Edited():
                    await self._intake.edited(team, found)
                case Deleted():
                    await self._intake.deleted(team, found)

    async def _said(self, team: Team, said: Said) -> None:
        bare = not (words(said.markup, team.bot_user, {}) or said.quotes or said.files)
        if bare and said.addressed not in SPOKEN_TO:
            return
        line = command_line(said.markup, team.bot_user)
        command = (HELLO, "") if bare else self._command(said, line)
        if command is None:
            # Names last: Slack waits three seconds for all of it.
            whole = await with_starter(self._context, team, said)
            message = await self._intake.message(team, whole)
            self._hint(team, said, accepted=await self._intake.accept(message))
        elif not await self._offered(team, said, *command):
            message = await self._intake.message(team, said)
            await self._intake.order(team, message, *command)

    def _hint(self, team: Team, said: Said, *, accepted: bool) -> None:
        """Whoever was answered in a thread, and is not heard there now, learns once what to do."""
        who = said.key, said.user
        if accepted:
            self._heard.put(who, said.ts)
            return
        heard = self._heard.get(who)
        repeated = heard is None or float(said.ts) <= float(heard)
        if said.addressed is not Addressing.AMBIENT or repeated:
            return
        if self._context.first_time("hinted", str(said.key), said.user):
            aside = Aside(self._context.settings, team, said.key, said.user, None)
            self._context.tasks.spawn(aside.say(NOT_HEARD), "hint")

    async def _offered(self, team: Team, said: Said, command: str, arguments: str) -> bool:
        """Whether a thread is offered for a command that began one of its own: people mean one
        that they have. Raises PlatformError: it can't be offered now."""
        specs = self._context.services.commands.specs
        spec = next((spec for spec in specs if spec.name == command), None)
        if said.ts != said.key.thread or spec is None or spec.place is not Place.THREAD:
            return False
        # Only they see it in a channel, where a thread without answers is not open.
        direct = said.addressed is Addressing.DIRECT
        key = said.key if direct else replace(said.key, thread="")
        aside = Aside(self._context.settings, team, key, said.user, None)
        threads = await self._offers.threads(aside)
        if not threads or len(arguments) > ARGUMENTS_CHARS:
            return False
        offer = ("offered", str(said.key))
        if self._context.first_time(*offer):
            made = False
            try:
                made = await self._offers.make(aside, threads, command, arguments)
            finally:
                if not made:
                    self._context.undone(*offer)
            if not made:
                raise PlatformError(f"No thread could be offered for {command}.")
        return True

    def _command(self, said: Said, line: str) -> tuple[str, str] | None:
        if said.addressed not in _COMMANDED or said.files:
            return None
        return self._context.services.commands.parse(line)
