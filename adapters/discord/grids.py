"""Markdown tables as aligned text: Discord shows none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_RULE = re.compile(r"^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_CELL_BREAK = re.compile(r"(?<!\\)\|")
_MARKS = re.compile(r"(\*\*|__|`)(?=\S)(.+?)(?<=\S)\1")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\s]*\)")
WIDE_CHARS = 60  # a phone shows fewer, a desktop more: then long cells are shortened
CELL_CHARS_MIN = 12


def is_table(lines: Sequence[str], at: int) -> bool:
    """Whether a table's head begins at a line."""
    if at + 1 >= len(lines) or "|" not in lines[at] or not _RULE.match(lines[at + 1]):
        return False
    return len(cells(lines[at])) == len(cells(lines[at + 1]))


def table_end(lines: Sequence[str], at: int) -> int:
    """The line after the last row of the table that begins at a line."""
    end = at + 2
    while end < len(lines) and lines[end].strip() and "|" in lines[end]:
        end += 1
    return end


def grid(lines: Sequence[str]) -> str:
    """A table's lines (head, rule, rows) as a code block with aligned columns."""
    head, rule, *rows = [cells(line) for line in lines]
    count = len(head)
    table = [[_plain(cell) for cell in _fitted(row, count)] for row in [head, *rows]]
    right = [_aligned_right(mark) for mark in rule]
    right = [
        aligned or (not mark.startswith(":") and _numbers([row[column] for row in table[1:]]))
        for column, (aligned, mark) in enumerate(zip(right, rule, strict=True))
    ]
    widths = _widths(table)
    drawn = [_row(row, widths, right) for row in table]
    drawn.insert(1, "─" * (sum(widths) + 2 * (count - 1)))
    return "\n".join(["```", *drawn, "```"])


def cells(line: str) -> list[str]:
    """The cells of a table's row."""
    body = line.strip().removeprefix("|")
    body = body[:-1] if body.endswith("|") and not body.endswith(r"\|") else body
    return [cell.strip().replace(r"\|", "|") for cell in _CELL_BREAK.split(body)]


def width(text: str) -> int:
    """How many columns a text takes in a fixed-width font."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitted(row: list[str], count: int) -> list[str]:
    return (row + [""] * count)[:count]


def _plain(cell: str) -> str:
    """A cell without its marks: in a code block they would be seen."""
    cell = _LINK.sub(r"\1", cell)
    for _ in range(3):
        cell = _MARKS.sub(r"\2", cell)
    return cell.replace("`", "'").replace("<br>", " ")


def _aligned_right(rule: str) -> bool:
    return rule.endswith(":") and not rule.startswith(":")


def _numbers(column: Sequence[str]) -> bool:
    filled = [cell for cell in column if cell]
    return bool(filled) and all(
        re.fullmatch(r"[^\w\s]?\s?[-+−]?[\d.,\s]+\s?[^\w\s]?", cell) for cell in filled
    )


def _widths(table: Sequence[Sequence[str]]) -> list[int]:
    """Each column's width; the widest are cut down until a row fits."""
    widths = [max(1, *(width(row[column]) for row in table)) for column in range(len(table[0]))]
    while sum(widths) + 2 * (len(widths) - 1) > WIDE_CHARS and max(widths) > CELL_CHARS_MIN:
        widths[widths.index(max(widths))] -= 1
    return widths


def _row(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    shown = [_cut(cell, size) for cell, size in zip(row, widths, strict=True)]
    padded = [
        " " * (size - width(cell)) + cell if to_right else cell + " " * (size - width(cell))
        for cell, size, to_right in zip(shown, widths, right, strict=True)
    ]
    return "  ".join(padded).rstrip()


def _cut(cell: str, size: int) -> str:
    if width(cell) <= size:
        return cell
    kept = ""
    for character in cell:
        if width(kept + character) > size - 1:
            break
        kept += character
    return f"{kept}…"
