"""Writing Markdown around text that is not ours."""

from __future__ import annotations

import re

_TICKS = re.compile(r"^[ \t]*(`{3,})", re.MULTILINE)
_BLOCK = re.compile(r"(?P<ticks>`{3,}).*?(?:(?P=ticks)|\Z)", re.DOTALL)
_MARKS = re.compile(r"([\\`*_\[\]<>#|$!~])")


def fenced(text: str, language: str = "") -> str:
    """Text as a block of code, whatever stands in it."""
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def without_code(text: str) -> str:
    """A text's words in one line, without blocks of code, for a title; what is code alone is named
    so."""
    words = " ".join(_BLOCK.sub(" ", text).split())
    return words or ("Python code" if text.strip() else "")


def plain(text: str) -> str:
    """A name or title as one line in which nothing is markup."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
