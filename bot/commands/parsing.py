"""What people write as commands: told from questions, and read into arguments. Pure."""

from __future__ import annotations

import difflib
import re

from bot.errors import BadArguments
from bot.ports import Argument, CommandSpec

# `help me`, `Status?`, `stop, please!`: a command's name with what politeness adds.
_BARE = re.compile(r"(?P<name>\w+)(?: me)?(?:,? please)?[ .!?]*", re.IGNORECASE)
_POLITE = re.compile(r"(?:,? please)?[ .!]*\Z", re.IGNORECASE)
_FILE = re.compile(r"[^\s?]*[^\s?.]\.[A-Za-z][A-Za-z0-9]{0,9}(?:@[0-9]{1,6})?")
_DIGIT = re.compile(r"[0-9]")
_CLOSE = 0.6  # how alike a mistyped choice is to the one that was meant


def bare_name(line: str) -> str | None:
    """The name in a line that may be a command's name and nothing else."""
    found = _BARE.fullmatch(line)
    return found["name"].lower() if found else None


def without_politeness(line: str) -> str:
    """A line without a `please` at its end."""
    return _POLITE.sub("", line)


def is_command(spec: CommandSpec, rest: str) -> bool:
    """Whether words after a command's name are its arguments; else the whole may be a question
    ("status of my order?")."""
    first = spec.arguments[0] if spec.arguments else None
    if first is None or not first.choices:
        return False  # free words after a command's name may be a question
    word, _, more = rest.partition(" ")
    if first.loose and word.casefold() not in first.choices:
        return not more and _FILE.fullmatch(word) is not None
    try:
        values_of(spec, rest)
    except BadArguments:
        return False
    return True


def is_mistyped(spec: CommandSpec, word: str) -> bool:
    """Whether what follows a command's name is meant to be a choice, and is none: `memory 5g`,
    `effort hihg`."""
    choices = spec.arguments[0].choices if spec.arguments else ()
    if not choices or spec.arguments[0].loose or " " in word or word.endswith("?"):
        return False
    if all(_DIGIT.search(choice) for choice in choices):
        return _DIGIT.match(word) is not None
    return bool(difflib.get_close_matches(word.casefold(), choices, n=1, cutoff=_CLOSE))


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
        word, after = (rest, "") if last else _first_word(rest)
        if argument.loose and word.casefold() not in argument.choices:
            continue
        rest = after
        if word:
            values[argument.name] = _checked(spec, argument, word)
        elif argument.required:
            raise BadArguments(f"`{spec.name}` needs {argument.help}. {usage_of(spec)}")
    return values


def values_before(spec: CommandSpec, line: str) -> dict[str, str]:
    """As many of the arguments in an unfinished line as can be told."""
    words = line.split()
    return {argument.name: word for argument, word in zip(spec.arguments, words, strict=False)}


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
