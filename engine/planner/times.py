"""Spans of time in a question: `last month`, `from March to June`, `January and February`."""

from __future__ import annotations

import re

from engine.planner.text import literal

_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
MONTH = "|".join(f"{name}|{name[:3]}" for name in _MONTHS)
_LAST = re.compile(
    r"\b(?:in |of |for |during )?(?:the )?(?:last|latest|most recent|past)\s+"
    r"(?:(?P<count>\d{1,3})\s+)?(?P<period>day|week|month|quarter|year)s?\b",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"\b(?:(?:from|between)\s+)?(?P<first>{MONTH})\s*(?:to|-|–|until|till|through)\s*"
    rf"(?P<last>{MONTH})\b|\bbetween\s+(?P<low>{MONTH})\s+and\s+(?P<high>{MONTH})\b",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"\b(?P<name>{MONTH})\b", re.IGNORECASE)
_MAY = re.compile(r"(?:\b(?:and|or|in|to|with|vs\.?|for)|,)\s*$", re.IGNORECASE)
_ISO = re.compile(r"(?<![\d-])(?:19|20)\d\d-(?:0[1-9]|1[0-2])(?![\d-])")
_DIFFERENCE = re.compile(r"\bdifference\b", re.IGNORECASE)

Span = tuple[str, str, int, int, int]


def month_number(name: str) -> int:
    """1 for `jan` or `January` … 12."""
    return next(i for i, month in enumerate(_MONTHS, 1) if month.startswith(name.lower()[:3]))


def parse_spans(text: str, column: str) -> Span | None:
    """The code of a condition on a date column, how to say it, how many months it lists, and
    where it stands; None where a question names no such span. Never raises."""
    cell = f"df[{literal(column)}].dt"
    return _last(text, cell) or _range(text, cell) or _several(text, cell)


def _last(text: str, cell: str) -> Span | None:
    match = _LAST.search(text)
    if match is None:
        return None
    period, count = match["period"].lower(), max(1, int(match["count"] or 1))
    periods = f'{cell}.to_period("{period[0].upper()}")'
    code = f"{periods} > {periods}.max() - {count}"
    said = f"the last {period if count == 1 else f'{count} {period}s'} in the data"
    return code, said, 1, match.start(), match.end()


def _range(text: str, cell: str) -> Span | None:
    match = _RANGE.search(text)
    if match is None or (match["low"] and _DIFFERENCE.search(text)):
        return None
    first, last = match["first"] or match["low"], match["last"] or match["high"]
    low, high = month_number(first), month_number(last)
    code = f"{cell}.month.between({low}, {high})"
    if low > high:  # over the turn of the year
        code = f"~{cell}.month.between({high + 1}, {low - 1})"
    said = f"{_MONTHS[low - 1].title()} to {_MONTHS[high - 1].title()}"
    return code, said, 1, match.start(), match.end()


def _several(text: str, cell: str) -> Span | None:
    iso = list(_ISO.finditer(text))
    if iso:
        months = list(dict.fromkeys(match.group() for match in iso))
        code = f'{cell}.strftime("%Y-%m").isin([{", ".join(map(literal, months))}])'
        return code, " or ".join(months), len(months), iso[0].start(), iso[-1].end()
    # `may` is a month behind `in`, `and` …, and a verb elsewhere.
    named = [
        match
        for match in _NAMED.finditer(text)
        if match["name"] != "may" or _MAY.search(text[: match.start()])
    ]
    numbers = list(dict.fromkeys(month_number(match["name"]) for match in named))
    if len(numbers) < 2 or re.search(r"\b(?:19|20)\d\d\b", text):
        return None
    code = f"{cell}.month.isin([{', '.join(map(str, numbers))}])"
    said = " or ".join(_MONTHS[n - 1].title() for n in numbers)
    return code, said, len(numbers), named[0].start(), named[-1].end()
