"""Application commands over REST, and what Discord takes as one [doc: application commands]."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.discord.call import Answer, Call, Endpoint
from tests.fakes.discord.refusal import Refusal, bad_form

CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
NAME = re.compile(r"^[-_'\w]{1,32}$", re.UNICODE)
OPTIONS, CHOICES, DESCRIPTION_CHARACTERS, TOTAL_CHARACTERS = 25, 25, 100, 8000
COMMANDS, MENUS = 100, 15
CREATES_A_DAY, DAY_SECONDS = 200, 86_400
SUBCOMMAND, GROUP = 1, 2


def check_command(command: dict[str, Any]) -> None:
    """Refuses a command that Discord would refuse."""
    kind = command.get("type") or CHAT_INPUT
    name = command.get("name") or ""
    if kind == CHAT_INPUT:
        check_names("", command)
        check_options("options", command.get("options") or [])
        if measure(command) > TOTAL_CHARACTERS:
            raise bad_form("", "APPLICATION_COMMAND_TOO_LARGE", "Must be 8000 or fewer.")
    else:
        if not 1 <= len(name) <= 32:
            raise bad_form("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 32.")
        if command.get("description") or command.get("options"):
            raise bad_form("description", "APPLICATION_COMMAND_INVALID", "A menu has none.")


def check_names(place: str, part: dict[str, Any]) -> None:
    """A name in lower case, and a description."""
    name, description = part.get("name") or "", part.get("description") or ""
    if not NAME.match(name) or name != name.lower():
        raise bad_form(f"{place}name", "APPLICATION_COMMAND_INVALID_NAME", f"Invalid: {name!r}")
    if not 1 <= len(description) <= DESCRIPTION_CHARACTERS:
        raise bad_form(f"{place}description", "BASE_TYPE_BAD_LENGTH", "Between 1 and 100.")


def check_options(place: str, options: list[dict[str, Any]]) -> None:
    """Options within number, names unique, required ones first, choices or autocomplete."""
    if len(options) > OPTIONS:
        raise bad_form(place, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    names = [option.get("name") for option in options]
    if len(set(names)) != len(names):
        raise bad_form(place, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Names repeat.")
    needed = [bool(option.get("required")) for option in options]
    if needed != sorted(needed, reverse=True):
        raise bad_form(place, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required first.")
    for index, option in enumerate(options):
        here = f"{place}.{index}"
        check_names(f"{here}.", option)
        check_options(f"{here}.options", option.get("options") or [])
        choices = option.get("choices") or []
        if len(choices) > CHOICES or (choices and option.get("autocomplete")):
            raise bad_form(f"{here}.choices", "BASE_TYPE_MAX_LENGTH", "25, or autocomplete.")
        for choice in choices:
            if not 1 <= len(choice["name"]) <= 100:
                raise bad_form(f"{here}.choices", "BASE_TYPE_BAD_LENGTH", "1 to 100.")


def measure(part: dict[str, Any]) -> int:
    """The characters of names, descriptions and choices in a command."""
    own = len(part.get("name") or "") + len(part.get("description") or "")
    choices = part.get("choices") or []
    own += sum(len(choice["name"]) + len(str(choice["value"])) for choice in choices)
    return own + sum(measure(option) for option in part.get("options") or [])


def scope(call: Call) -> int | None:
    """The guild of the path, or None for global commands."""
    if call.id("application_id") != call.world.application_id:
        raise Refusal(50001)
    if "guild_id" not in call.params:
        return None
    guild = call.world.guilds.get(call.id("guild_id"))
    if guild is None or not call.world.has_bot(guild):
        raise Refusal(50001)
    return guild.id


def registered(call: Call, command: dict[str, Any], guild_id: int | None) -> dict[str, Any]:
    """The command as kept: with an id, which it keeps when it is written again."""
    check_command(command)
    kind = command.get("type") or CHAT_INPUT
    known = call.world.commands.setdefault(guild_id, {}).get((kind, command["name"]))
    if known is None:
        count_create(call, guild_id)
    kept: dict[str, Any] = {
        "description": "",
        "default_member_permissions": None,
        "nsfw": False,
        "contexts": None,
    }
    kept |= command | {
        "id": known["id"] if known else str(call.world.ids.next()),
        "application_id": str(call.world.application_id),
        "type": kind,
        "integration_types": command.get("integration_types") or [0],
        "version": str(call.world.ids.next()),
    }
    if kept["default_member_permissions"] is not None:
        kept["default_member_permissions"] = str(kept["default_member_permissions"])
    if guild_id is not None:
        kept["guild_id"] = str(guild_id)
    return kept


def count_create(call: Call, guild_id: int | None) -> None:
    """30034 for the 201st new command of a day and scope."""
    now = call.world.clock.now()
    recent = [at for at in call.world.creates.get(guild_id, []) if now - at < DAY_SECONDS]
    if len(recent) >= CREATES_A_DAY:
        raise Refusal(30034)
    call.world.creates[guild_id] = [*recent, now]


def put_all(call: Call) -> Any:
    """PUT all commands of a scope in place of those that were."""
    guild_id = scope(call)
    made = [registered(call, command, guild_id) for command in call.body]
    keys = [(command["type"], command["name"]) for command in made]
    if len(set(keys)) != len(keys):
        raise bad_form("", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Names must be unique.")
    for kind, most in ((CHAT_INPUT, COMMANDS), (USER_MENU, MENUS), (MESSAGE_MENU, MENUS)):
        if sum(key[0] == kind for key in keys) > most:
            raise Refusal(30032)
    call.world.commands[guild_id] = dict(zip(keys, made, strict=True))
    call.world.command_syncs += 1
    return made


def get_all(call: Call) -> Any:
    """GET the commands of a scope."""
    return list(call.world.commands.get(scope(call), {}).values())


def post(call: Call) -> Any:
    """POST one command."""
    guild_id = scope(call)
    made = registered(call, call.body, guild_id)
    fresh = (made["type"], made["name"]) not in call.world.commands[guild_id]
    call.world.commands[guild_id][made["type"], made["name"]] = made
    return Answer(201 if fresh else 200, made)


def delete(call: Call) -> None:
    """DELETE one command."""
    commands = call.world.commands.get(scope(call), {})
    for key, command in commands.items():
        if command["id"] == call.params["command_id"]:
            del commands[key]
            return
    raise Refusal(10063)


GLOBAL = "/applications/{application_id}/commands"
LOCAL = "/applications/{application_id}/guilds/{guild_id}/commands"
ENDPOINTS = [
    endpoint
    for at in (GLOBAL, LOCAL)
    for endpoint in (
        Endpoint("PUT", at, put_all, "commands"),
        Endpoint("GET", at, get_all, "commands"),
        Endpoint("POST", at, post, "commands"),
        Endpoint("DELETE", at + "/{command_id}", delete, "commands"),
    )
]
