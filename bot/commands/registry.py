"""All commands in one place: arguments read, rights checked, failures answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from bot.domain import Author, Caller, ThreadKey
from bot.errors import BadArguments, ThreadlabError
from bot.ports import Argument, Choice, CommandResult, CommandSpec, Place

log = structlog.get_logger()

CHOICES_MAX = 25  # what chats show [facts: discord]


@dataclass(frozen=True, slots=True)
class Call:
    """A command as it was given. `values` has the arguments that were, by their names; `once`
    names the giving of it, where it may be run again after a crash."""

    key: ThreadKey
    caller: Caller
    values: Mapping[str, str] = field(default_factory=dict)
    once: str = ""

    @property
    def author(self) -> Author:
        """Who gave it."""
        return self.caller.author


Handler = Callable[[Call], Awaitable[CommandResult]]
Completer = Callable[[Call, str, str], Awaitable[Iterable[Choice]]]


@dataclass(frozen=True, slots=True)
class Command:
    """A command, what carries it out, and what suggests values for its arguments."""

    spec: CommandSpec
    run: Handler
    complete: Completer | None = None


class Rights(Protocol):
    """Who may do what."""

    async def refusal(self, key: ThreadKey, author: Author) -> str | None:
        """Why somebody may not use the bot here, or None where they may."""

    def is_admin(self, key: ThreadKey, caller: Caller) -> bool:
        """Whether somebody manages the place."""


class CommandRegistry:
    """Implements `Commands` over groups of commands."""

    def __init__(self, rights: Rights, commands: Iterable[Command]) -> None:
        self._rights = rights
        self._commands = {command.spec.name: command for command in commands}

    @property
    def specs(self) -> Sequence[CommandSpec]:
        """All commands, in the order in which help lists them."""
        return [command.spec for command in self._commands.values()]

    def parse(self, text: str) -> tuple[str, str] | None:
        """A message that is nothing but a command: its name and arguments; None for all that may
        be a question ("status of my order?")."""
        name, _, rest = " ".join(text.split()).removeprefix("/").partition(" ")
        command = self._commands.get(name.lower().rstrip("."))
        if command is None or not command.spec.listed:
            return None
        arguments = command.spec.arguments
        if rest and not (arguments and arguments[0].choices):
            return None  # free words after a command's name may be a question
        try:
            values_of(command.spec, rest)
        except BadArguments:
            return None
        return command.spec.name, rest

    async def refusal(self, key: ThreadKey, author: Author) -> str | None:
        """Why somebody may not use the bot here, or None where they may."""
        return await self._rights.refusal(key, author)

    async def run(
        self, name: str, key: ThreadKey, caller: Caller, arguments: str = "", *, once: str = ""
    ) -> CommandResult:
        """Carry out a command. Unknown names, bad arguments, missing rights and failures are
        answered, never raised."""
        command = self._commands.get(name.strip().lower())
        if command is None:
            known = ", ".join(f"`{spec.name}`" for spec in self.specs if spec.listed)
            return CommandResult(f"There is no command “{name}”. There are: {known}.", ok=False)
        log.info("command", name=command.spec.name, thread=str(key), author=caller.author.id)
        try:
            call = Call(key, caller, values_of(command.spec, arguments), once)
            refused = await self._refusal(command.spec, call)
            return refused or await command.run(call)
        except BadArguments as error:
            return CommandResult(str(error), ok=False)
        except ThreadlabError as error:
            log.warning(
                "command failed", name=command.spec.name, thread=str(key), error=repr(error)
            )
            return CommandResult(f"That did not work: {error}", ok=False)
        except Exception:  # anything at all: the person must hear of it
            log.exception("command failed", name=command.spec.name, thread=str(key))
            return CommandResult(
                "That did not work: something went wrong on our side. Please try again.", ok=False
            )

    async def complete(
        self, name: str, key: ThreadKey, caller: Caller, argument: str, typed: str
    ) -> Sequence[Choice]:
        """Values for an argument that contain what was typed; at most CHOICES_MAX."""
        command = self._commands.get(name)
        if command is None:
            return []
        call = Call(key, caller)
        if await self._refusal(command.spec, call):
            return []
        spec = next((a for a in command.spec.arguments if a.name == argument), None)
        if spec is None:
            return []
        choices = [Choice(value, value) for value in spec.choices]
        if spec.completes and command.complete is not None:
            choices = list(await command.complete(call, argument, typed))
        wanted = typed.casefold()
        return [choice for choice in choices if wanted in choice.label.casefold()][:CHOICES_MAX]

    async def _refusal(self, spec: CommandSpec, call: Call) -> CommandResult | None:
        why = await self.refusal(call.key, call.author)
        if why is not None:
            return CommandResult(why, ok=False)
        if spec.place is Place.THREAD and not call.key.thread:
            return CommandResult(f"`{spec.name}` is for a thread: pick one.", ok=False)
        if spec.admin and not self._rights.is_admin(call.key, call.caller):
            return CommandResult(f"`{spec.name}` is for admins of this place.", ok=False)
        return None


def values_of(spec: CommandSpec, line: str) -> dict[str, str]:
    """The arguments in a line: one word each, the last one the rest of it.

    Raises:
        BadArguments: with a sentence that shows how it is used.
    """
    values: dict[str, str] = {}
    rest = line.strip()
    if rest and not spec.arguments:
        raise BadArguments(f"`{spec.name}` takes no arguments.")
    for position, argument in enumerate(spec.arguments):
        last = position + 1 == len(spec.arguments)
        word, rest = (rest, "") if last else _first_word(rest)
        if word:
            values[argument.name] = _checked(spec, argument, word)
        elif argument.required:
            raise BadArguments(f"`{spec.name}` needs {argument.help}. {usage_of(spec)}")
    return values


def usage_of(spec: CommandSpec) -> str:
    """How a command is written: `memory <1g|4g|16g|64g> [now]`."""
    return f"Write `{signature(spec)}`."


def signature(spec: CommandSpec) -> str:
    """A command's name with its arguments; those in brackets may be left out."""
    shown = [
        f"<{_placeholder(argument)}>" if argument.required else f"[{_placeholder(argument)}]"
        for argument in spec.arguments
    ]
    return " ".join([spec.name, *shown])


def _placeholder(argument: Argument) -> str:
    return "|".join(argument.choices) if argument.choices else argument.name


def _first_word(line: str) -> tuple[str, str]:
    word, _, rest = line.partition(" ")
    return word, rest.strip()


def _checked(spec: CommandSpec, argument: Argument, word: str) -> str:
    if not argument.choices:
        return word
    for choice in argument.choices:
        if choice.casefold() == word.casefold():
            return choice
    known = ", ".join(f"`{choice}`" for choice in argument.choices)
    raise BadArguments(f"“{word}” is none of {known}. {usage_of(spec)}")
