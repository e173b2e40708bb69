"""Markdown tables as Slack's own tables, which people can sort and search."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable("table")
# [facts: slack]
_ROWS_MAX = 201
_COLUMNS_MAX = 20
_PAGE_ROWS = 25
_NUMBER = re.compile(
    r"[-+\u2212]?[$€£]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,15})?\s?%?", re.ASCII
)
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
        """Slack's `data_table`. Columns of numbers sort as such; without a page size Slack shows
        five rows."""
        header, *rows = self.rows
        numeric = [
            all(_number(cell) is not None for cell in column) for column in zip(*rows, strict=True)
        ]
        return {
            "type": "data_table",
            "caption": self.caption,
            "page_size": min(len(rows), _PAGE_ROWS),
            "rows": [
                [_cell(cell, number=False) for cell in header],
                *(
                    [_cell(cell, number=n) for cell, n in zip(row, numeric, strict=True)]
                    for row in rows
                ),
            ],
        }


def _cell(text: str, *, number: bool) -> dict[str, Any]:
    if number:
        return {"type": "raw_number", "value": _number(text), "text": text}
    return {"type": "raw_text", "text": text or _NOTHING}


def _number(text: str) -> float | None:
    """The value of "1,200", "-3.5", "$12" or "40 %"; None of all else."""
    if not _NUMBER.fullmatch(text):
        return None
    return float(re.sub(r"[^\d.+-]", "", text.replace("\u2212", "-")))


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
            return Grid(before, after, _caption(tokens[:number]) or _counted(rows), rows)
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


def _counted(rows: Sequence[Sequence[str]]) -> str:
    """What a table without a heading is called: its header says the rest."""
    return f"{len(rows) - 1} row{'' if len(rows) == 2 else 's'}"
