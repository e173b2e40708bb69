"""Which part each column named in a question plays: a measure, or a key to group by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.planner.tables import Table
from engine.planner.words import Mention, Word

PERIODS = {
    "month": r"months?|monthly",
    "quarter": r"quarters?|quarterly",
    "year": r"years?|yearly|annual(?:ly)?",
    "weekday": r"weekdays?|days? of (?:the )?week",
    "week": r"weeks?|weekly",
    "day": r"days?|daily",
    "hour": r"hours?|hourly",
}
_MARKER = re.compile(r"\b(by|per|each|every|across|over|against|vs\.?|versus|within)\b", re.I)
_MAX_GROUPS = 30  # a number column with more values is not grouped by
_OVER_TIME = re.compile(
    r"\b(over time|trend\w*|timeline|time series|season\w*)\b|"
    r"\bwhen\b.*\b(most|best|highest|least|worst|lowest|peak)\b",
    re.IGNORECASE,
)
_BY_DATE = re.compile(r"\b(?:by|per|over|each)\s+(?:the\s+)?dates?\b", re.IGNORECASE)
_RELATES = re.compile(r"\b(scatter|vs|versus|against)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Key:
    """What to group by: a column, or a period of a date column."""

    column: str
    period: str = ""

    @property
    def name(self) -> str:
        """What the key is called in the result."""
        return self.period or self.column


@dataclass(slots=True)
class Roles:
    """Columns by the part they play, while a question is read."""

    measures: list[str] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)


def assign_roles(text: str, parts: Sequence[Word], named: Sequence[Mention], table: Table) -> Roles:
    """The measures and keys among a question's columns, by their kinds and the words before."""
    roles = Roles()
    has_text = any(not table.is_amount(m.column) for m in named)
    for mention in named:
        column = table.column(mention.column)
        if column.kind == "date":
            if _is_after_marker(text, parts, mention, named) or len(named) > 1:
                roles.keys.append(Key(column.name))
        elif table.is_amount(column.name):
            groups = _is_after_marker(text, parts, mention, named) and not has_text
            if (
                groups
                and 1 < column.distinct <= 30
                and len(named) > 1
                and not _RELATES.search(text)
            ):
                roles.keys.append(Key(column.name))
            else:
                roles.measures.append(column.name)
        elif _is_after_marker(text, parts, mention, named):
            roles.keys.append(Key(column.name))
        else:
            roles.measures.append(column.name)  # a text column: _settle decides
    return roles


def _is_after_marker(
    text: str, parts: Sequence[Word], mention: Mention, named: Sequence[Mention]
) -> bool:
    """Whether `by`, `per` … stands before the mention with nothing but listed columns between."""
    between = text[: parts[mention.first].start]
    markers = list(_MARKER.finditer(between))
    if not markers:
        return False
    start = markers[-1].end()
    gap = between[start:]
    for other in named:
        if parts[other.first].start >= start and other.last <= mention.first:
            gap = gap.replace(text[parts[other.first].start : parts[other.last - 1].end], " ")
    periods = "|".join(PERIODS.values())
    return re.fullmatch(rf"(?:[\s,&/+]|and|the|each|of|{periods})*", gap, re.IGNORECASE) is not None


def add_period(rest: str, table: Table, roles: Roles) -> None:
    """`by month`: a period of the date column that was named, else of the first one."""
    dates = [key.column for key in roles.keys if table.column(key.column).kind == "date"]
    date = dates[0] if dates else (table.date.name if table.date else None)
    period = first_of(PERIODS, rest)
    if not period and _OVER_TIME.search(rest):
        period = "month"
    if date is not None and not (period or dates) and _BY_DATE.search(rest):
        roles.keys.insert(0, Key(date))
    if date is None or not period:
        return
    roles.keys = [key for key in roles.keys if key.column != date]
    roles.keys.insert(0, Key(date, period))


def first_of(patterns: dict[str, str], text: str) -> str:
    """The name of the first pattern that a text holds as whole words; empty where none."""
    for name, pattern in patterns.items():
        if re.search(rf"\b(?:{pattern})\b", text, re.IGNORECASE):
            return name
    return ""
