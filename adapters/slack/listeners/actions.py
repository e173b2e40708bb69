"""Buttons, feedback and menus: each gives a command in a thread."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from adapters.slack.asides import Aside, Respond
from adapters.slack.blocks import DO, FEEDBACK, given_command, is_once
from adapters.slack.context import SlackContext
from adapters.slack.courier import Courier
from adapters.slack.events import PLATFORM
from adapters.slack.listeners.origin import team_of
from adapters.slack.menus import (
    AMONG,
    COMPLETE,
    PICK,
    left_open,
    options,
    picked_command,
    value_menu,
    value_of,
)
from adapters.slack.teams import Team
from bot.domain import ThreadKey

Body = dict[str, Any]


def register(app: AsyncApp, context: SlackContext, courier: Courier) -> None:
    """Listen to what people press and choose."""
    listener = Actions(context, courier)
    app.action(re.compile(rf"^{DO}_\d+$"))(listener.on_button)
    app.action(FEEDBACK)(listener.on_button)
    app.action(PICK)(listener.on_pick)
    app.action(COMPLETE)(listener.on_value)
    app.action(AMONG)(listener.on_value)
    app.options(COMPLETE)(listener.on_typing)
    app.options(AMONG)(listener.on_typing)


class Actions:
    """Acknowledged at once; the command is answered after."""

    def __init__(self, context: SlackContext, courier: Courier) -> None:
        self._context = context
        self._courier = courier

    async def on_button(self, ack: AsyncAck, body: Body, action: Body, respond: Respond) -> None:
        """A button under an answer, or under what a command said."""
        team = await team_of(self._context, body)
        await ack()
        command, arguments, thread = given_command(_value(action))
        key = ThreadKey(PLATFORM, team.id, _channel(body), thread)
        aside = self._aside(team, key, body, respond)
        if is_once(_value(action)):
            private = bool((body.get("container") or {}).get("is_ephemeral"))
            work = self._once(aside, command, arguments, private=private)
        else:
            work = self._courier.give(team, key, aside.user, command, arguments)
        self._context.tasks.spawn(work, "button")

    async def on_pick(self, ack: AsyncAck, body: Body, action: Body, respond: Respond) -> None:
        """The thread that a slash command is for."""
        team = await team_of(self._context, body)
        await ack()
        command, arguments = picked_command(str(action["block_id"]))
        key = ThreadKey(PLATFORM, team.id, _channel(body), _selected(action))
        aside = self._aside(team, key, body, respond)
        self._context.tasks.spawn(self._run(aside, command, arguments), "pick")

    async def on_value(self, ack: AsyncAck, body: Body, action: Body, respond: Respond) -> None:
        """The value of an argument."""
        team = await team_of(self._context, body)
        await ack()
        command, arguments, _, thread = value_of(str(action["block_id"]))
        key = ThreadKey(PLATFORM, team.id, _channel(body), thread)
        whole = f"{arguments} {_selected(action)}".strip()
        aside = self._aside(team, key, body, respond)
        if action["action_id"] == AMONG:
            work = self._courier.give(team, key, aside.user, command, whole)
        else:
            work = self._run(aside, command, whole)
        self._context.tasks.spawn(work, "value")

    async def on_typing(self, ack: AsyncAck, body: Body) -> None:
        """Suggest values for what was typed."""
        team = await team_of(self._context, body)
        command, before, argument, thread = value_of(str(body["block_id"]))
        key = ThreadKey(PLATFORM, team.id, _channel(body), thread)
        caller = await self._courier.caller(team, str(body["user"]["id"]))
        choices = await self._context.services.commands.complete(
            command, key, caller, argument, str(body.get("value") or ""), before=before
        )
        await ack(options=options(choices))

    async def _once(self, aside: Aside, command: str, arguments: str, *, private: bool) -> None:
        """Where it has changed something, the button goes: a second press would surprise."""
        result = await self._courier.run(aside.team, aside.key, aside.user, command, arguments)
        if result.public and not private:  # all have seen the button: its message says so now
            await self._courier.tell(aside, replace(result, public=False), replacing=True)
            return
        await self._courier.deliver(aside.team, aside.key, aside.user, result)
        if result.public:
            await aside.remove()

    def _aside(self, team: Team, key: ThreadKey, body: Body, respond: Respond) -> Aside:
        return Aside(self._context.settings, team, key, str(body["user"]["id"]), respond)

    async def _run(self, aside: Aside, command: str, arguments: str) -> None:
        missing = left_open(self._context.services.commands.specs, command, arguments)
        if missing is not None:
            menu = value_menu(command, arguments, missing, aside.key.thread)
            await aside.say(f"Which {missing}?", menu, replace=True)
            return
        result = await self._courier.run(aside.team, aside.key, aside.user, command, arguments)
        await self._courier.tell(aside, result, replacing=True)


def _value(action: Body) -> str:
    """A button's value; feedback buttons have it as a button's, or by which one was pressed."""
    return str(action["value"])


def _selected(action: Body) -> str:
    return str((action.get("selected_option") or {}).get("value") or "")


def _channel(body: Body) -> str:
    where = body.get("channel") or {}
    return str(where.get("id") or (body.get("container") or {}).get("channel_id") or "")
