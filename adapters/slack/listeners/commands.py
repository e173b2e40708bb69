"""`/threadlab …`: every command. A thread is chosen from a menu: Slack allows none in threads."""

from __future__ import annotations

from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from adapters.slack.asides import Aside, Respond
from adapters.slack.context import SlackContext
from adapters.slack.courier import Courier
from adapters.slack.events import PLATFORM
from adapters.slack.incoming_text import command_line
from adapters.slack.listeners.origin import team_of
from adapters.slack.menus import ARGUMENTS_CHARS, TOO_LONG
from adapters.slack.mrkdwn import escaped
from adapters.slack.offers import Offers
from adapters.slack.teams import Team
from bot.commands.parsing import values_of
from bot.domain import ThreadKey
from bot.errors import BadArguments
from bot.ports import CommandSpec, Place

COMMAND = "/threadlab"
UNKNOWN = (
    "There is no command “{name}”. To ask, mention me in a message: @Threadlab and your question. "
    "The commands are {known}."
)


def register(app: AsyncApp, context: SlackContext, courier: Courier) -> None:
    """Listen to the slash command."""
    app.command(COMMAND)(SlashCommand(context, courier).on_command)


class SlashCommand:
    """Answers only to the person who typed it."""

    def __init__(self, context: SlackContext, courier: Courier) -> None:
        self._context = context
        self._courier = courier
        self._offers = Offers(context)

    async def on_command(self, ack: AsyncAck, body: dict[str, Any], respond: Respond) -> None:
        """Acknowledge, then answer."""
        team = await team_of(self._context, body)
        await ack()
        self._context.tasks.spawn(self._answer(team, body, respond), "slash-command")

    async def _answer(self, team: Team, body: dict[str, Any], respond: Respond) -> None:
        name, _, arguments = command_line(str(body.get("text") or ""), team.bot_user).partition(" ")
        name, arguments = name.lower() or "help", arguments.strip()
        key = ThreadKey(PLATFORM, team.id, str(body["channel_id"]), "")
        user = str(body["user_id"])
        aside = Aside(self._context.settings, team, key, user, respond)
        specs = [spec for spec in self._context.services.commands.specs if spec.listed]
        spec = next((spec for spec in specs if spec.name == name), None)
        if spec is None:
            known = ", ".join(f"`{spec.name}`" for spec in specs)
            await aside.say(UNKNOWN.format(name=escaped(name), known=known))
        elif spec.place is Place.THREAD:
            await self._offer(aside, spec, arguments)
        else:
            result = await self._courier.run(team, key, user, name, arguments)
            await self._courier.tell(aside, result)

    async def _offer(self, aside: Aside, spec: CommandSpec, arguments: str) -> None:
        """Let the person pick one of their threads here, where the words make sense."""
        name = spec.name
        try:
            values_of(spec, arguments)
        except BadArguments as error:
            await aside.say(escaped(str(error)))
            return
        if len(arguments) > ARGUMENTS_CHARS:
            await aside.say(TOO_LONG.format(command=name))
            return
        await self._offers.make(aside, await self._offers.threads(aside), name, arguments)
