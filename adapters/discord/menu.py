"""The commands as Discord offers them: what is registered, and what an invocation says. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import discord

from bot.ports import Argument, CommandSpec

ASK = "ask"
ANALYSE = "Analyse with Threadlab"
ASK_FILES = ("file", "file2", "file3", "file4", "file5")
QUESTION_CHARS_MAX = 4000
CHOICES_MAX = 25  # [facts: discord]
DESCRIPTION_CHARS_MAX = 100
_CHAT_INPUT, _MESSAGE = 1, 3
_STRING, _ATTACHMENT = 3, 11
_EVERYWHERE: dict[str, Any] = {
    "contexts": [0, 1, 2],  # servers, the bot's DMs, other DMs
    "integration_types": [0, 1],  # installed by a server, or by a person
}


def payload(specs: Sequence[CommandSpec]) -> list[dict[str, Any]]:
    """All app commands, as Discord registers them."""
    return [_ask(), *(_command(spec) for spec in specs if spec.listed), _analyse()]


def fingerprint(commands: Sequence[Mapping[str, Any]], application_id: int) -> str:
    """Changes when the commands do."""
    text = json.dumps([application_id, commands], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def values(data: Mapping[str, Any], but: str = "") -> dict[str, str]:
    """The options of an invocation, by name, but for one."""
    options = [option for option in data.get("options") or [] if option["name"] != but]
    return {option["name"]: str(option.get("value", "")) for option in options}


def focused(data: Mapping[str, Any]) -> tuple[str, str] | None:
    """The option that somebody types, and what it is so far."""
    for option in data.get("options") or []:
        if option.get("focused"):
            return str(option["name"]), str(option.get("value", ""))
    return None


def line(spec: CommandSpec | None, given: Mapping[str, str]) -> str:
    """Options as the line of arguments that the core reads."""
    names = [argument.name for argument in spec.arguments] if spec is not None else []
    return " ".join(given[name] for name in names if given.get(name))


def _command(spec: CommandSpec) -> dict[str, Any]:
    # Discord wants what is required first.
    ordered = sorted(spec.arguments, key=lambda argument: not argument.required)
    manages = discord.Permissions(manage_guild=True)
    return {
        "type": _CHAT_INPUT,
        "name": spec.name,
        "description": _sentence(spec.help or spec.name),
        "options": [_option(argument) for argument in ordered],
        "default_member_permissions": manages.value if spec.admin else None,
        **_EVERYWHERE,
    }


def _option(argument: Argument) -> dict[str, Any]:
    option: dict[str, Any] = {
        "type": _STRING,
        "name": argument.name,
        "description": _sentence(argument.help or argument.name),
        "required": argument.required,
    }
    if 0 < len(argument.choices) <= CHOICES_MAX:
        return option | {"choices": _choices(argument.choices)}
    return option | ({"autocomplete": True} if argument.completes or argument.choices else {})


def _choices(choices: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": choice, "value": choice} for choice in choices]


def _ask() -> dict[str, Any]:
    question = {
        "type": _STRING,
        "name": "question",
        "description": "What do you want to know?",
        "required": True,
        "max_length": QUESTION_CHARS_MAX,
    }
    files = [
        {"type": _ATTACHMENT, "name": name, "description": "A file to work with", "required": False}
        for name in ASK_FILES
    ]
    return {
        "type": _CHAT_INPUT,
        "name": ASK,
        "description": "Ask about files, numbers, charts: Python computes the answer",
        "options": [question, *files],
        "default_member_permissions": None,
        **_EVERYWHERE,
    }


def _analyse() -> dict[str, Any]:
    return {
        "type": _MESSAGE,
        "name": ANALYSE,
        "default_member_permissions": None,
        **_EVERYWHERE,
    }


def _sentence(text: str) -> str:
    shown = text[:1].upper() + text[1:]
    if len(shown) <= DESCRIPTION_CHARS_MAX:
        return shown
    return f"{shown[: DESCRIPTION_CHARS_MAX - 1]}…"
