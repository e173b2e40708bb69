"""Markdown tables as Slack's own tables, which people can sort and search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable("table")
# [facts: slack]
_ROWS_MAX = 201
_COLUMNS_MAX = 20
_CAPTION = "Table"
_CAPTION_CHARS = 150
_NOTHING = "\u00a0"  # a cell's text must not be empty


@dataclass(frozen=True, slots=True)
class Grid:
    """A table within a text: what stands before and after it, and its rows, the header first."""

    before: str
    after: str
    caption: str
    rows: tuple[tuple[str, ...], ...]

    def as_block(self) -> dict[str, Any]:
        """Slack's `data_table`."""
        return {
            "type": "data_table",
            "caption": self.caption,
            "rows": [
                [{"type": "raw_text", "text": cell or _NOTHING} for cell in row]
                for row in self.rows
            ],
        }


def first_grid(text: str) -> Grid | None:
    """The first table that Slack can show as its own; it shows one in a message."""
    if "|" not in text:
        return None
    tokens = _PARSER.parse(text)
    lines = text.split("\n")
    for number, token in enumerate(tokens):
        if token.type != "table_open" or token.map is None or token.level:
            continue
        rows = tuple(_rows(tokens[number:]))
        if 2 <= len(rows) <= _ROWS_MAX and 1 <= len(rows[0]) <= _COLUMNS_MAX:
            begin, end = token.map
            before, after = "\n".join(lines[:begin]).rstrip(), "\n".join(lines[end:]).strip("\n")
            return Grid(before, after, _caption(tokens[:number]) or _named_after(rows[0]), rows)
    return None


def _rows(tokens: Sequence[Token]) -> Iterator[tuple[str, ...]]:
    row: list[str] = []
    for token in tokens:
        if token.type == "table_close":
            return
        if token.type == "tr_open":
            row = []
        elif token.type == "inline":
            row.append(_words(token))
        elif token.type == "tr_close":
            yield tuple(row)


def _words(inline: Token) -> str:
    return "".join(
        " " if child.type in ("softbreak", "hardbreak") else child.content
        for child in inline.children or ()
    ).strip()


def _caption(before: Sequence[Token]) -> str:
    """The heading right above the table, if there is one."""
    if len(before) >= 3 and before[-1].type == "heading_close":
        return _words(before[-2])[:_CAPTION_CHARS]
    return ""


def _named_after(header: Sequence[str]) -> str:
    return ", ".join(cell for cell in header if cell)[:_CAPTION_CHARS] or _CAPTION
