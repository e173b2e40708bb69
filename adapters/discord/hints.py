"""What the core says of commands, as Discord offers them: `files get <name>` is typed otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from adapters.discord.splitting import fence_after
from bot.ports import Argument, CommandResult, CommandSpec

_SPAN = re.compile(r"(?<!`)`(?P<name>[a-z]+)(?: (?P<words>[^`\n]+))?`(?!`)")
_NEEDED, _OPEN, _LEFT_OPEN = "<", "[", "…"
# They list settings and files, which may be called as commands are.
_LISTS_OTHERS = ("settings", "files")


def offered(result: CommandResult, command: str, specs: Sequence[CommandSpec]) -> CommandResult:
    """What a command says, with the commands that it names as Discord takes them."""
    text = with_slashes(result.text, specs, bare=command not in _LISTS_OTHERS)
    return replace(result, text=text)


def with_slashes(text: str, specs: Sequence[CommandSpec], *, bare: bool = True) -> str:
    """Lines of commands, in backticks, as slash commands with their options; code stays as it is.

    Arguments: `bare`: also names without arguments.
    """
    known = {spec.name: spec for spec in specs if spec.listed}

    def slash(span: re.Match[str]) -> str:
        spec = known.get(span["name"])
        if spec is None or not (span["words"] or bare):
            return span[0]
        options = _options(spec, span["words"] or "")
        return span[0] if options is None else f"`{' '.join([f'/{spec.name}', *options])}`"

    lines, fence = [], ""
    for line in text.split("\n"):
        before, fence = fence, fence_after(fence, line)
        lines.append(line if before or fence else _SPAN.sub(slash, line))
    return "\n".join(lines)


def _options(spec: CommandSpec, line: str) -> list[str] | None:
    """Words of a command's line as its options; None where they are none."""
    options, rest = [], line.strip()
    for position, argument in enumerate(spec.arguments):
        last = position + 1 == len(spec.arguments)
        word, after = (rest, "") if last else _first_word(rest)
        literal = not word.startswith((_NEEDED, _OPEN, _LEFT_OPEN))
        if literal and argument.loose and word not in argument.choices:
            continue
        if not word:
            break
        if literal and argument.choices and word not in argument.choices:
            return None
        options.append(_option(argument, word))
        rest = after
    return None if rest else options


def _first_word(line: str) -> tuple[str, str]:
    word, _, rest = line.partition(" ")
    return word, rest.strip()


def _option(argument: Argument, word: str) -> str:
    if word.startswith(_NEEDED):
        return f"{argument.name}:<{argument.name}>"
    return f"[{argument.name}]" if word.startswith(_OPEN) else f"{argument.name}:{word}"
