"""All commands in one place: arguments read, rights checked, failures answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from bot.commands.parsing import (
    bare_name,
    is_command,
    is_mistyped,
    values_before,
    values_of,
    without_politeness,
)
from bot.domain import Author, Caller, ThreadKey
from bot.errors import BadArguments, ThreadlabError
from bot.ports import Choice, CommandResult, CommandSpec, Place

log = structlog.get_logger()

CHOICES_MAX = 25  # what chats show [facts: discord]

ELSEWHERE = "`{name}` is about one thread: give it inside one of my threads."
FOR_ADMINS = "`{name}` is for people who manage this server or workspace."


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

    async def refusal(self, key: ThreadKey, author: Author, *, manages: bool = False) -> str | None:
        """Why somebody may not use the bot here, or None where they may. Who manages the place
        is not kept out by what admins set for it: nobody else could undo that."""

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
        line = " ".join(text.split()).removeprefix("/")
        bare = self._listed(bare_name(line))
        if bare is not None:
            return bare.name, ""
        polite = without_politeness(line)
        for written, meant in ((line, is_command), (polite, is_command), (polite, is_mistyped)):
            name, _, rest = written.partition(" ")
            spec = self._listed(name.lower())
            if spec is not None and meant(spec, rest):
                return spec.name, rest
        return None

    def _listed(self, name: str | None) -> CommandSpec | None:
        command = self._commands.get(name or "")
        return command.spec if command is not None and command.spec.listed else None

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
        self,
        name: str,
        key: ThreadKey,
        caller: Caller,
        argument: str,
        typed: str,
        *,
        before: str = "",
    ) -> Sequence[Choice]:
        """Values for an argument that contain what was typed; at most CHOICES_MAX."""
        command = self._commands.get(name)
        if command is None:
            return []
        call = Call(key, caller, values_before(command.spec, before))
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
        manages = spec.admin and self._rights.is_admin(call.key, call.caller)
        why = await self._rights.refusal(call.key, call.author, manages=manages)
        if why is not None:
            return CommandResult(why, ok=False)
        if spec.place is Place.THREAD and not call.key.thread:
            return CommandResult(ELSEWHERE.format(name=spec.name), ok=False)
        if spec.admin and not manages:
            return CommandResult(FOR_ADMINS.format(name=spec.name), ok=False)
        return None
