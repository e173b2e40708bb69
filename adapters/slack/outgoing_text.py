"""An answer's Markdown as Slack may show it: nobody is called, files go by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain import Artifact

_JOINER = "\u2060"  # a word joiner: nobody sees it, and Slack finds no mention
# What Slack would read as a call; code has other uses for `<!` and `<#`.
_CALLS = re.compile(
    r"<(?= !(?i:channel|here|everyone|group|subteam\^) | @[UWB] | \#[CG] )"
    r"| @(?= (?i:channel|here|everyone)\b )",
    re.VERBOSE,
)
# What may yet become a call, a link to a file, or a table's first line.
_UNSETTLED = re.compile(
    r"(?: <(?: ![a-z^]{0,8} | [@\#] )? | @[a-z]{0,8} | ! |"
    r" !?\[ [^\]\n]* (?: \] (?: \([^)\n]* )? )? )\Z",
    re.IGNORECASE | re.VERBOSE,
)
_TAIL_CHARS = 500
_FILE = re.compile(
    r"(?P<bang>!?)\[(?P<label>(?:\\.|[^\[\]\\\n]|\[[^\[\]\n]*\])*)\]\(artifact:(?P<id>[^)\s]+)\)"
)
_DEAD = re.compile(r"(?:sandbox|artifact):", re.IGNORECASE)
_TABLE_LINE = re.compile(r"^ {0,3}\|", re.MULTILINE)


def neutral(text: str) -> str:
    """The text with whatever would call people or channels made harmless."""
    return _CALLS.sub(lambda match: match[0] + _JOINER, text)


def with_file_names(text: str, artifacts: Sequence[Artifact]) -> str:
    """Links to files as their names: the files themselves stand below the text."""
    names = {artifact.id: artifact.name for artifact in artifacts}

    def named(match: re.Match[str]) -> str:
        name, label = names.get(match["id"]), re.sub(r"\\(.)", r"\1", match["label"])
        if name is None or label.strip(" `") in ("", name):
            return f"`{name}`" if name else label
        return f"{label} (`{name}`)"

    return _FILE.sub(named, text)


def settled(text: str) -> str:
    """As much of a growing text as can be shown for good: what follows will not change it.

    Links to files change at the end, and tables are shown whole; from either on, all waits.
    """
    ends = [match.start() for match in (_first_link(text), _TABLE_LINE.search(text)) if match]
    text = text[: min(ends)] if ends else text
    tail = text[-_TAIL_CHARS:]
    return neutral(text[: len(text) - len(tail)] + _UNSETTLED.sub("", tail))


def _first_link(text: str) -> re.Match[str] | None:
    dead = _DEAD.search(text)
    if dead is None:
        return None
    # From the link's own bracket on, not from its address.
    last = None
    for match in re.finditer(r"!?\[|<", text[: dead.start()]):
        last = match
    in_line = last is not None and "\n" not in text[last.start() : dead.start()]
    return last if in_line else dead
