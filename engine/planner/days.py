"""Dates with a day, and days of the week: `after 2025-06-30`, `on 5 March`, `on weekends`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from engine.planner.text import literal
from engine.planner.times import MONTH, Span, month_number

_YEAR = r"(?:19|20)\d\d"
_DAY = (
    rf"{_YEAR}-\d\d?-\d\d?(?!\d)|\d\d?\.\d\d?\.{_YEAR}|"
    rf"\d\d?(?:st|nd|rd|th)?\.? (?:of )?(?:{MONTH})\b\.?(?:,? {_YEAR}\b)?|"
    rf"\b(?:the )?(?:{MONTH})\.? \d\d?(?:st|nd|rd|th)?(?!\w)(?:,? {_YEAR}\b)?"
)
_MONTH = rf"{_YEAR}-\d\d(?![\d-])|\b(?:{MONTH})\b\.?(?:,? {_YEAR}\b)?"
_POINT = rf"(?:the )?(?:{_DAY}|{_MONTH}|\b{_YEAR}\b)"
DAY = re.compile(_DAY, re.IGNORECASE)
_RANGE = re.compile(
    rf"(?:\b(?:from|between)\s+)?(?P<first>{_POINT})\s*(?:\bto\b|\band\b|\buntil\b|\btill\b|"
    rf"\bthrough\b|–|-(?!\d))\s*(?P<last>{_POINT})",
    re.IGNORECASE,
)
_ONE_SIDE = re.compile(
    r"\b(?P<side>before|prior to|earlier than|after|later than|since|from|starting|as of|"
    rf"until|till|up to|through)\s+(?P<point>{_POINT})",
    re.IGNORECASE,
)
_SIDES = {
    **dict.fromkeys(("before", "prior to", "earlier than"), "before"),
    **dict.fromkeys(("after", "later than"), "after"),
    **dict.fromkeys(("since", "from", "starting", "as of"), "since"),
}
_SIGNS = {"before": "<", "after": ">=", "since": ">=", "until": "<"}
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAY = re.compile(rf"\b(?:on )?(?P<name>{'|'.join(_NAMES)})s?\b", re.IGNORECASE)
_WEEKEND = re.compile(
    r"\b(?:on|at|during|for|only) (?:the )?(?P<what>weekends?|weekdays|working days)\b", re.I
)


@dataclass(frozen=True, slots=True)
class _Time:
    """A day, month or year: from `start` up to, not including, `end`."""

    start: date
    end: date

    @property
    def last(self) -> date:
        return self.end - timedelta(days=1)


def parse_days(text: str, column: str, newest: str) -> Span | None:
    """A condition of a date column by dates, as `times.parse_spans` gives it. A date without a
    year is in the year of the `newest` one. None where there is none. Never raises."""
    try:
        year = int(newest[:4]) if newest[:4].isdigit() else date.today().year
        return _range(text, column, year) or _sides(text, column, year) or _on(text, column, year)
    except ValueError:  # 31 February: no condition, and the date counts as not understood
        return None


def parse_weekdays(text: str, column: str) -> Span | None:
    """A condition on the day of the week; None where there is none."""
    cell = f"df[{literal(column)}].dt"
    if match := _WEEKEND.search(text):
        is_end = match["what"].lower().startswith("weekend")
        code = f"{cell}.day_of_week {'>=' if is_end else '<'} 5"
        said = "on Saturday or Sunday" if is_end else "on Monday to Friday"
        return code, said, 1, match.start(), match.end()
    found = list(_WEEKDAY.finditer(text))
    if not found:
        return None
    names = list(dict.fromkeys(match["name"].title() for match in found))
    code = f"{cell}.day_name().isin([{', '.join(map(literal, names))}])"
    return code, f"on {' or '.join(names)}", 1, found[0].start(), found[-1].end()


def _range(text: str, column: str, year: int) -> Span | None:
    match = _RANGE.search(text)
    if match is None or not (re.search(r"\d", match["first"]) or re.search(r"\d", match["last"])):
        return None  # months alone are elsewhere: they may go over the turn of the year
    joined = re.search(r"\band\b", match.group()) is not None
    if joined and not match.group().lower().startswith(("from", "between")):
        return None
    if joined and re.search(r"\bdifference\b", text, re.IGNORECASE):
        return None
    last = _time(match["last"], year)
    first = _time(match["first"], last.start.year)
    code = _between(column, first.start, last.end)
    return code, f"{first.start} to {last.last}", 1, match.start(), match.end()


def _sides(text: str, column: str, year: int) -> Span | None:
    found = list(_ONE_SIDE.finditer(text))
    if not found or _RANGE.search(text):
        return None
    cell, codes, said = f"df[{literal(column)}]", [], []
    for match in found:
        point, side = _time(match["point"], year), _SIDES.get(match["side"].lower(), "until")
        shown = point.last if side in {"after", "until"} else point.start
        limit = point.end if side in {"after", "until"} else point.start
        codes.append(f'({cell} {_SIGNS[side]} "{limit}")')
        said.append(f"{side} {shown}")
    return " & ".join(codes), " and ".join(said), 1, found[0].start(), found[-1].end()


def _on(text: str, column: str, year: int) -> Span | None:
    found = list(DAY.finditer(text))
    if not found:
        return None
    days = list(dict.fromkeys(str(_time(match.group(), year).start) for match in found))
    cell = f'df[{literal(column)}].dt.strftime("%Y-%m-%d")'
    code = f"{cell}.isin([{', '.join(map(literal, days))}])"
    start = found[0].start()
    lead = re.search(r"\bon (?:the )?$", text[:start])
    return code, " or ".join(days), len(days), lead.start() if lead else start, found[-1].end()


def _between(column: str, start: date, end: date) -> str:
    cell = f"df[{literal(column)}]"
    return f'({cell} >= "{start}") & ({cell} < "{end}")'


def _time(said: str, year: int) -> _Time:
    """Raises ValueError where there is no such day."""
    numbers = [int(each) for each in re.findall(r"\d+", said)]
    name = re.search(rf"\b(?:{MONTH})\b", said, re.IGNORECASE)
    if re.match(r"(?:the )?\d\d?\.\d", said):
        numbers.reverse()
    elif name:
        years = [n for n in numbers if n > 31]
        numbers = [*(years or [year]), month_number(name.group()), *(n for n in numbers if n <= 31)]
    first = date(*(*numbers, 1, 1)[:3])
    if len(numbers) >= 3:
        return _Time(first, first + timedelta(days=1))
    if len(numbers) == 2:
        return _Time(first, (first + timedelta(days=32)).replace(day=1))
    return _Time(first, first.replace(year=first.year + 1))
