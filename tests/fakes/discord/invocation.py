"""Interactions as a person's client makes them of commands, clicks and forms."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.discord.chat import Chat
from tests.fakes.discord.guild_payloads import member_json
from tests.fakes.discord.interaction import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL_SUBMIT,
    Interaction,
)
from tests.fakes.discord.options import fill
from tests.fakes.discord.payloads import channel_json, user_json
from tests.fakes.discord.permissions import ALL, WITHOUT_BOT, granted
from tests.fakes.discord.records import (
    LINK_BUTTON,
    Channel,
    Message,
    User,
    parts,
)

STRING_SELECT, TEXT_INPUT = 3, 4
FILLED_IN = (STRING_SELECT, TEXT_INPUT)
CHAT_INPUT, MESSAGE_MENU = 1, 3
IN_GUILD, BOT_DM, PRIVATE = 0, 1, 2
BY_GUILD, BY_USER = 0, 1


class Invocation:
    """What one person sets off."""

    def __init__(self, chat: Chat, user: User) -> None:
        self.chat = chat
        self.user = user

    def command(
        self, channel: Channel, words: str, options: Mapping[str, Any], *, partial: bool = False
    ) -> Interaction:
        """A slash command, or the request for choices while it is typed."""
        name, *path = words.removeprefix("/").split()
        command = self._find(channel, CHAT_INPUT, name)
        resolved: dict[str, Any] = {}
        filled = fill(command, path, options, resolved, self.chat.world.cdn.link, partial=partial)
        data = self._named(command) | {"options": filled}
        if resolved:
            data["resolved"] = resolved
        kind = AUTOCOMPLETE if partial else COMMAND
        return self._send(kind, channel, data, installed=self._installed(channel, command))

    def message_menu(self, message: Message, name: str) -> Interaction:
        """An app's entry in a message's menu: the message comes with it, whole."""
        command = self._find(message.channel, MESSAGE_MENU, name)
        data = self._named(command) | {
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): self.chat.whole(message)}},
        }
        installed = self._installed(message.channel, command)
        return self._send(COMMAND, message.channel, data, installed=installed)

    def click(self, message: Message, wanted: str) -> Interaction:
        """A button by label or custom_id, as it is on the message now."""
        buttons = message.buttons
        named = [b for b in buttons if wanted in (b.get("label"), b.get("custom_id"))]
        offered = [b.get("label") or b.get("custom_id") for b in buttons]
        assert named, f"no button {wanted!r}, only {offered}"
        assert not named[0].get("disabled"), f"the button {wanted!r} is disabled"
        assert named[0].get("style") != LINK_BUTTON, f"{wanted!r} is a link"
        return self._press(message, named[0], {})

    def select(self, message: Message, custom_id: str, values: Sequence[str]) -> Interaction:
        """Options of a select menu."""
        found = [p for p in parts(message.components) if p.get("custom_id") == custom_id]
        assert found, f"no select {custom_id!r}"
        offered = {option["value"] for option in found[0].get("options", [])}
        assert not offered or set(values) <= offered, f"{values} are not among {offered}"
        return self._press(message, found[0], {"values": list(values)})

    def submit(self, opened: Interaction, values: Mapping[str, str]) -> Interaction:
        """The form that an interaction opened."""
        assert opened.modal is not None, "no form is open"
        inputs = [p for p in parts(opened.modal["components"]) if p["type"] in FILLED_IN]
        unknown = set(values) - {p["custom_id"] for p in inputs}
        assert not unknown, f"the form has no {unknown}"
        data = {
            "custom_id": opened.modal["custom_id"],
            "components": [self._filled(p, values) for p in opened.modal["components"]],
        }
        sent = self._send(MODAL_SUBMIT, opened.channel, data, message=opened.message)
        sent.opened_by = opened
        return sent

    def _filled(self, part: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
        kept = {name: part[name] for name in ("type", "id", "custom_id") if name in part}
        if part["type"] == TEXT_INPUT:
            value = values.get(part["custom_id"], part.get("value") or "")
            assert value or not part.get("required", True), f"{part['custom_id']} is required"
            return kept | {"value": value}
        if part["type"] == STRING_SELECT:
            chosen = values.get(part["custom_id"])
            return kept | {"values": [] if chosen is None else [chosen]}
        if "component" in part:
            return kept | {"component": self._filled(part["component"], values)}
        return kept | {"components": [self._filled(p, values) for p in part.get("components", [])]}

    def _press(self, message: Message, part: dict[str, Any], more: dict[str, Any]) -> Interaction:
        assert message.id in message.channel.messages, "the message is gone"
        assert message.visible_to in (None, self.user), "another's ephemeral message"
        data = {"custom_id": part["custom_id"], "component_type": part["type"]}
        data |= {"id": part.get("id", 1)} | more
        return self._send(COMPONENT, message.channel, data, message=message)

    def _named(self, command: dict[str, Any]) -> dict[str, Any]:
        named = {name: command[name] for name in ("id", "name", "type")}
        return named | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})

    def _find(self, channel: Channel, kind: int, name: str) -> dict[str, Any]:
        guild_id = channel.guild.id if channel.guild else None
        for scope in (guild_id, None):
            found = self.chat.world.commands.get(scope, {}).get((kind, name))
            if found is not None:
                self._check_offered(channel, found)
                return found
        known = [key[1] for keys in self.chat.world.commands.values() for key in keys]
        raise AssertionError(f"no command {name!r}, only {known}")

    def _check_offered(self, channel: Channel, command: dict[str, Any]) -> None:
        contexts = command.get("contexts")
        place = self._context(channel)
        assert contexts is None or place in contexts, f"{command['name']} is not offered here"
        ways = command["integration_types"]
        if self._by_user(channel):
            assert BY_USER in ways, f"{command['name']} cannot be installed by a user"
        needed = int(command.get("default_member_permissions") or 0)
        if channel.guild is not None:
            held = granted(channel.guild, self.user, channel)
            assert held & needed == needed, f"{self.user.name} may not use {command['name']}"

    def _context(self, channel: Channel) -> int:
        if channel.guild is not None:
            return IN_GUILD
        return BOT_DM if self.chat.world.bot in channel.recipients else PRIVATE

    def _by_user(self, channel: Channel) -> bool:
        if channel.guild is not None:
            return not self.chat.world.has_bot(channel.guild)
        return self.chat.world.bot not in channel.recipients

    def _installed(self, channel: Channel, command: dict[str, Any]) -> bool:
        return self._by_user(channel) and BY_USER in command["integration_types"]

    def _send(
        self,
        kind: int,
        channel: Channel,
        data: dict[str, Any],
        *,
        message: Message | None = None,
        installed: bool = False,
    ) -> Interaction:
        world = self.chat.world
        token = secrets.token_urlsafe(48)
        made = Interaction(
            world.ids.next(), token, kind, self.user, channel, data, world.clock.now(), message
        )
        made.user_installed = installed
        world.interactions[token] = made
        event = self._event(made)
        guild_id = channel.guild.id if channel.guild else None
        self.chat.gateway.emit("INTERACTION_CREATE", guild_id, lambda session: event)
        return made

    def _event(self, made: Interaction) -> dict[str, Any]:
        world, channel = self.chat.world, made.channel
        owners = {str(BY_USER): str(self.user.id)} if made.user_installed else {}
        event: dict[str, Any] = {
            "id": str(made.id),
            "application_id": str(world.application_id),
            "type": made.kind,
            "data": made.data,
            "token": made.token,
            "version": 1,
            "channel_id": str(channel.id),
            "channel": channel_json(channel, world.bot) | {"permissions": str(ALL)},
            "locale": "en-US",
            "entitlements": [],
            "context": self._context(channel),
            "attachment_size_limit": channel.file_limit_bytes,
            "app_permissions": str(WITHOUT_BOT if self._by_user(channel) else ALL),
        }
        if channel.guild is not None:
            guild = channel.guild
            if world.has_bot(guild):
                owners[str(BY_GUILD)] = str(guild.id)
                event["app_permissions"] = str(granted(guild, world.bot, channel))
            may = granted(guild, self.user, channel)
            event |= {
                "guild_id": str(guild.id),
                "guild": {"id": str(guild.id), "features": [], "locale": "en-US"},
                "guild_locale": "en-US",
                "member": member_json(world.join(guild, self.user), may),
            }
        else:
            owners.setdefault(str(BY_GUILD), "0")
            event["user"] = user_json(self.user)
        event["authorizing_integration_owners"] = owners
        if made.message is not None:
            event["message"] = self.chat.whole(made.message)
        return event
