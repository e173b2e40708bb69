"""Markdown tables as aligned text: Discord shows none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_RULE = re.compile(r"^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_CELL_BREAK = re.compile(r"(?<!\\)\|")
_MARKS = re.compile(r"(\*\*|__|`)(?=\S)(.+?)(?<=\S)\1")
_WEB_LINK = re.compile(r"(?<!!)\[[^\]\n|]+\]\(https?://[^)\s|]+\)")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\s]*\)")
WIDE_CHARS = 60  # a phone shows fewer, a desktop more: then long cells are wrapped
CELL_CHARS_MIN = 12
CELL_LINES_MAX = 4  # what takes more is easier to read as one record below the other


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
    """A table's lines (head, rule, rows) as a code block: with aligned columns, or, where they are
    too many or too full, each row as a record. No cell is cut; links, which are not seen in code,
    follow below."""
    links = dict.fromkeys(link[0] for link in _WEB_LINK.finditer("\n".join(lines)))
    return "\n".join([_block(lines), *(f"-# {link}" for link in links)])


def _block(lines: Sequence[str]) -> str:
    head, rule, *rows = [cells(line) for line in lines]
    count = len(head)
    table = [[_plain(cell) for cell in _fitted(row, count)] for row in [head, *rows]]
    right = [_aligned_right(mark) for mark in rule]
    right = [
        aligned or (not mark.startswith(":") and _numbers([row[column] for row in table[1:]]))
        for column, (aligned, mark) in enumerate(zip(right, rule, strict=True))
    ]
    widths = _widths(table)
    wrapped = [[_wrapped(*cell) for cell in zip(row, widths, strict=True)] for row in table]
    tallest = max(len(cell) for row in wrapped for cell in row)
    if _across(widths) > WIDE_CHARS or tallest > CELL_LINES_MAX:
        drawn = [_record(table[0], row) for row in table[1:]] or [" · ".join(table[0])]
        return "\n".join(["```", "\n\n".join(drawn), "```"])
    drawn = [_row(row, widths, right) for row in wrapped]
    drawn.insert(1, "─" * _across(widths))
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
    """As many cells as the head has: what is beyond goes with the last."""
    last = " | ".join(row[count - 1 :])
    return [*row[: count - 1], *[""] * (count - len(row)), *([last] if len(row) >= count else [])]


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
    """Each column's width; the widest are narrowed until a row fits, or none is wide any more."""
    widths = [max(1, *(width(row[column]) for row in table)) for column in range(len(table[0]))]
    while _across(widths) > WIDE_CHARS and max(widths) > CELL_CHARS_MIN:
        widths[widths.index(max(widths))] -= 1
    return widths


def _across(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _row(row: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[bool]) -> str:
    """A row whose cells are lines, drawn over as many lines as its tallest cell has."""
    lines = []
    for number in range(max(len(cell) for cell in row)):
        shown = [cell[number] if number < len(cell) else "" for cell in row]
        padded = [
            " " * (size - width(text)) + text if to_right else text + " " * (size - width(text))
            for text, size, to_right in zip(shown, widths, right, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _record(head: Sequence[str], row: Sequence[str]) -> str:
    """A row as lines, each with the name of its column."""
    named = zip(head, row, strict=True)
    return "\n".join(f"{name}: {cell}" if name else cell for name, cell in named if cell)


def _wrapped(cell: str, size: int) -> list[str]:
    """A cell in lines of at most `size` columns, broken at blanks where that is possible."""
    lines = [""]
    for word in cell.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width(joined) <= size:
            lines[-1] = joined
            continue
        rest = word
        while width(rest) > size:
            taken = next(n for n in range(len(rest), 0, -1) if width(rest[:n]) <= size)
            lines.append(rest[:taken])
            rest = rest[taken:]
        lines.append(rest)
    return [line for line in lines if line] or [""]
