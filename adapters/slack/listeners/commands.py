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
from adapters.slack.menus import ARGUMENTS_CHARS, NO_THREADS, TOO_LONG, thread_menu
from adapters.slack.teams import Team
from bot.domain import ThreadKey
from bot.ports import Place

COMMAND = "/threadlab"


def register(app: AsyncApp, context: SlackContext, courier: Courier) -> None:
    """Listen to the slash command."""
    app.command(COMMAND)(SlashCommand(context, courier).on_command)


class SlashCommand:
    """Answers only to the person who typed it."""

    def __init__(self, context: SlackContext, courier: Courier) -> None:
        self._context = context
        self._courier = courier

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
        specs = self._context.services.commands.specs
        spec = next((spec for spec in specs if spec.name == name), None)
        if spec is not None and spec.place is Place.THREAD:
            await self._offer(aside, name, arguments)
            return
        result = await self._courier.run(team, key, user, name, arguments)
        await self._courier.tell(aside, result)

    async def _offer(self, aside: Aside, name: str, arguments: str) -> None:
        """Let the person pick one of their threads here."""
        if len(arguments) > ARGUMENTS_CHARS:
            await aside.say(TOO_LONG.format(command=name))
            return
        recent = await self._context.services.threads.recent(
            PLATFORM,
            aside.key.workspace,
            channel=aside.key.channel,
            author_id=aside.user,
            limit=self._context.settings.slack_threads_listed,
        )
        if not recent:
            await aside.say(NO_THREADS)
            return
        await aside.say(f"Which thread is {name} for?", thread_menu(name, arguments, recent))
