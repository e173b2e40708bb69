"""Long Markdown in parts, at the borders of paragraphs, lines and sentences; code stays code."""

from __future__ import annotations

import re

_MARK_CHARS = 20  # longer rows of backticks are no fence here
_FENCE = re.compile(
    rf"^ {{0,3}}(`{{3,{_MARK_CHARS}}}|~{{3,{_MARK_CHARS}}})(?![`~])([^\n]*)$", re.MULTILINE
)
_LANGUAGE_CHARS = 20
# The earliest good border in this last part of the room is as good as any.
_WINDOW_FRACTION = 0.2
_BORDERS = ("\n\n", "\n", ". ", " ")


def floor_chars(limit_chars: int) -> int:
    """So much of a long text is in its first part, whatever follows: it may be shown early."""
    return int((limit_chars - _MARK_CHARS - 1) * (1 - _WINDOW_FRACTION)) - 1


def split(text: str, limit_chars: int) -> list[str]:
    """The text in parts of at most `limit_chars`; together they have every word, in order.

    Fenced code that is cut ends in the one part and begins again in the next.
    """
    parts: list[str] = []
    rest, opening = text, ""
    while len(opening) + len(rest) > limit_chars:
        cut = _border(rest, limit_chars - len(opening) - _closing_room(rest, opening))
        head, rest = opening + rest[:cut], rest[cut:]
        opening = _open_fence(head)
        if opening:
            head = head.rstrip("\n") + "\n" + _closing(opening)
            rest = rest.removeprefix("\n") or rest
        else:
            rest = rest.lstrip("\n")
        parts.append(head)
    return [*parts, opening + rest] if rest or not parts else parts


def _border(text: str, room_chars: int) -> int:
    earliest = int(room_chars * (1 - _WINDOW_FRACTION))
    fences = _fences_within(text, room_chars)
    for border in _BORDERS:
        found = text.rfind(border, earliest, room_chars)
        if found > 0:
            if border == "\n\n" and _inside(found, fences):
                outside = [m for m in range(earliest, room_chars) if text.startswith("\n\n", m)]
                free = [m for m in outside if not _inside(m, fences)]
                found = free[-1] if free else found
            return found + (len(border) if border in (". ", " ") else 0)
    return room_chars


def _fences_within(text: str, room_chars: int) -> list[tuple[int, int]]:
    """Where fenced code stands."""
    spans: list[tuple[int, int]] = []
    mark, begun = "", 0
    for match in _FENCE.finditer(text):
        if not mark:
            if match.start() > room_chars:
                break
            mark, begun = match[1], match.start()
        elif _closes(match, mark):
            spans.append((begun, match.end()))
            mark = ""
    return [*spans, (begun, len(text))] if mark else spans


def _inside(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(begin < place < end for begin, end in spans)


def _open_fence(text: str) -> str:
    """The line that opened fenced code which does not end in the text, with its newline."""
    opened: re.Match[str] | None = None
    for match in _FENCE.finditer(text):
        if opened is None:
            opened = match
        elif _closes(match, opened[1]):
            opened = None
    if opened is None:
        return ""
    language = (opened[2].split() or [""])[0][:_LANGUAGE_CHARS]
    return f"{opened[1]}{language.replace('`', '')}\n"


def _closes(match: re.Match[str], mark: str) -> bool:
    same = match[1][0] == mark[0] and len(match[1]) >= len(mark)
    return same and not match[2].strip()


def _closing(opening: str) -> str:
    found = _FENCE.match(opening)
    assert found is not None
    return found[1]


def _closing_room(text: str, opening: str) -> int:
    """Room for the line that may have to close the code."""
    marks = [len(match[1]) for match in _FENCE.finditer(opening + text)]
    return max(marks, default=0) + 1
