"""Long Markdown in pieces that a chat takes, each one whole in itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Discord takes a fence however far it is indented; it may lie in quotations and lists.
FENCE = re.compile(
    r"^(?P<prefix>(?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])(?=[ \t])))*[ \t]*)"
    r"(?P<ticks>`{3,}|~{3,})(?P<info>[^`\n]*)$"
)
_QUOTATION = re.compile(r"^(?:[ \t]*>)+[ \t]?")
_ITEM = re.compile(r"[^>\s]")  # of a prefix: the mark of a list
_LEAST_FILLED = 0.5  # a break at a blank line may leave a piece this empty, not more


def split(text: str, limit_chars: int) -> list[str]:
    """Pieces of at most `limit_chars`; a fence that is cut is closed, and opened again.

    It breaks at blank lines where it can, then at lines, then at blanks.
    """
    pieces: list[str] = []
    taken = _Piece(limit_chars, "")
    for line in _lines(text, limit_chars):
        if not taken.fits(line):
            piece, rest = taken.broken()
            pieces.append(piece)
            taken = rest
            if not taken.fits(line):  # what was carried over leaves no room
                pieces.append(taken.closed())
                taken = _Piece(limit_chars, taken.fence)
        taken.add(line)
    pieces.append(taken.closed())
    return [piece for piece in pieces if piece.strip()]


def fence_after(fence: str, line: str) -> str:
    """The line that opens the fence which is open after `line`; empty where none is."""
    opened = FENCE.match(fence) if fence else None
    found = FENCE.match(line)
    if opened and _depth(line) < opened["prefix"].count(">"):
        opened = None  # the quotation has ended, and so has its fence
    if opened is None:
        return f"{_ITEM.sub(' ', found['prefix'])}{line[found.end('prefix') :]}" if found else ""
    if not found or _ITEM.search(found["prefix"]):
        return fence
    ticks, before = found["ticks"], opened["ticks"]
    closes = ticks[0] == before[0] and len(ticks) >= len(before) and not found["info"].strip()
    return "" if closes and _depth(line) == opened["prefix"].count(">") else fence


class _Piece:
    """Lines of a piece as it grows. `fence` is the line that opened the fence it begins in."""

    def __init__(self, limit_chars: int, fence: str) -> None:
        self._limit = limit_chars
        self._lines = [fence] if fence else []
        self._begins = fence
        self.fence = fence
        self._length = _cost(fence) if fence else 0
        self._breaks: list[tuple[int, int]] = []  # line number and length at blank lines

    def fits(self, line: str) -> bool:
        """Whether there is room for a line, and for closing its fence."""
        after = fence_after(self.fence, line)
        closing = _cost(_closing(after)) if after else 0
        return self._length + _cost(line) + closing <= self._limit + 1  # no newline at the end

    def add(self, line: str) -> None:
        """One more line."""
        self.fence = fence_after(self.fence, line)
        self._lines.append(line)
        self._length += _cost(line)
        if not line.strip() and not self.fence:
            self._breaks.append((len(self._lines), self._length))

    def broken(self) -> tuple[str, _Piece]:
        """This piece up to its best end, and the next one with what is left of it."""
        at, length = self._breaks[-1] if self._breaks else (0, 0)
        if self._breaks and length >= self._limit * _LEAST_FILLED:
            rest = _Piece(self._limit, "")
            for line in self._lines[at:]:
                rest.add(line)
            return "\n".join(self._lines[:at]).rstrip(), rest
        return self.closed(), _Piece(self._limit, self.fence)

    def closed(self) -> str:
        """The piece as text, an open fence closed."""
        if self._lines == [self._begins] and self._begins:
            return ""  # a fence that was opened for nothing
        lines = [*self._lines, _closing(self.fence)] if self.fence else self._lines
        return "\n".join(lines).strip("\n").rstrip()


def _lines(text: str, limit_chars: int) -> Iterator[str]:
    """Lines short enough to stand in a fence of their own."""
    fence = ""
    for line in text.splitlines():
        before, fence = fence, fence_after(fence, line)
        if fence not in ("", before) and len(line) > limit_chars // 4:  # no fence's name is so long
            fence = ""
            line = line.replace("`", "'").replace("~", "-")
        room = limit_chars - (_cost(fence) + _cost(_closing(fence)) if fence else 0)
        yield from _short(line, room)


def _short(line: str, limit_chars: int) -> Iterator[str]:
    """A line in parts; those of a quotation stay in it."""
    quotation = _QUOTATION.match(line)
    prefix = quotation[0] if quotation and len(quotation[0]) < limit_chars // 4 else ""
    while len(line) > limit_chars:
        at = line.rfind(" ", limit_chars // 2, limit_chars + 1)
        end = at if at > 0 else limit_chars
        yield line[:end]
        line = prefix + line[end + (at > 0) :]
    yield line


def _depth(line: str) -> int:
    """In how many quotations a line lies."""
    quotation = _QUOTATION.match(line)
    return quotation[0].count(">") if quotation else 0


def _closing(fence: str) -> str:
    found = FENCE.match(fence)
    return f"{found['prefix']}{found['ticks']}" if found else ""


def _cost(line: str) -> int:
    return len(line) + 1
