"""Conditions in a question: `for North`, `in March 2025`, `where units > 10`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.planner.days import parse_days, parse_weekdays
from engine.planner.expressions import plain_number
from engine.planner.tables import Column, Table
from engine.planner.text import literal
from engine.planner.times import MONTH, month_number, parse_spans
from engine.planner.words import Mention, Word, find, stems

_YEAR = r"(?P<year>(?:19|20)\d\d)"
_TIMES = (
    re.compile(rf"\b(?P<month>{MONTH})\.?,? {_YEAR}\b", re.IGNORECASE),
    re.compile(rf"\bq(?P<quarter>[1-4])(?: (?:of |in )?{_YEAR})?\b", re.IGNORECASE),
    re.compile(rf"\b(?:in|for|of|during|since|from|year) (?:the year )?{_YEAR}\b(?!-)", re.I),
    re.compile(rf"\b(?:in|for|of|during) (?P<month>{MONTH})\b", re.IGNORECASE),
)
_BARE_YEAR = re.compile(rf"(?<![\w.,$€£-]){_YEAR}\b(?![\w.,-]*\d)(?!\s*(?:%|rows|lines))")
_AMOUNT_FOLLOWS = re.compile(
    r"(?:[<>=]|\b(?:than|over|above|under|below|least|most|top|first|last|bottom|best|"
    r"worst|between|and|to))\s*$",
    re.IGNORECASE,
)
_COMPARISONS = (
    (r">=|at least|no less than|minimum of", ">="),
    (r"<=|at most|no more than|up to", "<="),
    (r">|(?:(?:is|are) )?(?:more|greater|higher|larger|bigger) than|over|above|exceed\w*", ">"),
    (r"<|(?:is |are |was |were )?(?:less|fewer|lower|smaller) than|under|below", "<"),
    (r"!=|<>|is not|are not", "!="),
    (r"==?|equals?|is|are", "=="),
)
_AMOUNT = r"[$€£]?\s*(?P<amount>-?\d[\d,]*(?:\.\d+)?)\b(?!\s*%?\s*(?:rows|groups))"
_BARE = re.compile(
    rf"\b(?:over|above|under|below|(?:more|greater|less|fewer|lower) than)\s+{_AMOUNT}",
    re.IGNORECASE,
)
_PLAIN = r"[$€£]?\s*-?\d[\d,]*(?:\.\d+)?"
_BETWEEN = re.compile(
    rf"\s*(?:(?:is|are|was|were) )?(?:between|from)\s+(?P<low>{_PLAIN})\s+(?:and|to)\s+"
    rf"(?P<high>{_PLAIN})(?![\d-])",
    re.IGNORECASE,
)
_NEGATIONS = frozenset({"not", "without", "except", "excluding"})
_MIN_VALUE_LETTERS = 2
_COMMON = {"no", "in", "it", "is", "on", "at", "to", "me", "my", "or", "and", "by"}
_SURE = 95  # the score of a mention that says a whole column name
_EQUALS = frozenset({"is", "are", "was", "equal", "not"})


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on rows: the column it uses, its code, how to say it, and how many values it
    lists (`North and South` are two)."""

    column: str
    code: str
    said: str
    values: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """A filter and the part of the text (letters `start` to `end`) that said it."""

    filter: Filter
    start: int
    end: int


def parse_filters(
    text: str, words: Sequence[Word], mentions: Sequence[Mention], table: Table
) -> list[Found]:
    """The conditions that a question puts on a table's rows."""
    found = _comparisons(text, words, mentions, table)
    rest = text
    for each in found:  # 1900 and 2000 of `units between 1900 and 2000` are no years
        rest = rest[: each.start] + " " * (each.end - each.start) + rest[each.end :]
    found += _times(rest, table)
    return found + [
        value
        for value in _values(words, mentions, table)
        if all(value.end <= other.start or value.start >= other.end for other in found)
    ]


def _comparisons(
    text: str, words: Sequence[Word], mentions: Sequence[Mention], table: Table
) -> list[Found]:
    found = []
    for mention in mentions:
        if table.column(mention.column).kind != "number":
            continue
        if mention.score < _SURE and not table.is_amount(mention.column):
            continue  # in "orders over 500" it is not the order id that is compared
        start, behind = words[mention.first].start, words[mention.last - 1].end
        if match := _BETWEEN.match(text, behind):
            low, high = plain_number(match["low"]), plain_number(match["high"])
            code = f"df[{literal(mention.column)}].between({low}, {high})"
            said = f"{mention.column} from {match['low']} to {match['high']}"
            found.append(Found(Filter(mention.column, code, said), start, match.end()))
            continue
        for pattern, operator in _COMPARISONS:
            match = re.match(
                rf"\s*(?:(?:is|are) )?(?:{pattern})\s*{_AMOUNT}", text[behind:], re.IGNORECASE
            )
            if match:
                amount = plain_number(match["amount"])
                code = f"df[{literal(mention.column)}] {operator} {amount}"
                said = f"{mention.column} {operator.replace('==', '=')} {match['amount']}"
                found.append(Found(Filter(mention.column, code, said), start, behind + match.end()))
                break
    return found or _bare_comparison(text, table)


def _bare_comparison(text: str, table: Table) -> list[Found]:
    """`orders over 500`: a comparison that names no column means the main number."""
    column = table.main_number
    match = _BARE.search(text)
    if column is None or match is None:
        return []
    more = re.match("over|above|more|greater", match.group(), re.IGNORECASE) is not None
    sign = ">" if more else "<"
    code = f"df[{literal(column.name)}] {sign} {plain_number(match['amount'])}"
    said = f"{column.name} {sign} {match['amount']}"
    return [Found(Filter(column.name, code, said), match.start(), match.end())]


def _times(text: str, table: Table) -> list[Found]:
    date = table.date
    if date is None:
        return _year_numbers(text, table)
    spans = [
        parse_days(text, date.name, date.high) or parse_spans(text, date.name),
        parse_weekdays(text, date.name),
    ]
    if any(spans):
        return [
            Found(Filter(date.name, code, said, values), start, end)
            for code, said, values, start, end in filter(None, spans)
        ] + ([] if spans[0] else _calendar(text, date))
    return _calendar(text, date)


def _calendar(text: str, date: Column) -> list[Found]:
    """A month, quarter or year."""
    for pattern in (*_TIMES, _BARE_YEAR):
        match = pattern.search(text)
        if match and pattern is _BARE_YEAR and _AMOUNT_FOLLOWS.search(text[: match.start()]):
            return []
        if match:
            parts = match.groupdict()
            cell = f"df[{literal(date.name)}].dt"
            terms = [f"({cell}.year == {parts['year']})"] if parts.get("year") else []
            if parts.get("month"):
                terms.append(f"({cell}.month == {month_number(parts['month'])})")
            if parts.get("quarter"):
                terms.append(f"({cell}.quarter == {parts['quarter']})")
            since = re.match(r"since|from", match.group(), re.IGNORECASE)
            code = " & ".join(terms)
            if since:
                code = code.replace("==", ">=", 1)
            code = code[1:-1] if len(terms) == 1 else code
            said = re.sub(r"^(in|for|of|during) (the year )?", "", match.group(), flags=re.I)
            return [Found(Filter(date.name, code, said), match.start(), match.end())]
    return []


def _year_numbers(text: str, table: Table) -> list[Found]:
    """`in 2025` where there is no date but a column of years."""
    match = re.search(rf"\b(?:in|for|of|during) {_YEAR}\b", text, re.IGNORECASE)
    column = next((c for c in table.of("number") if "year" in stems(c.name)), None)
    if match is None or column is None:
        return []
    code = f"df[{literal(column.name)}] == {match['year']}"
    return [Found(Filter(column.name, code, match["year"]), match.start(), match.end())]


def _values(words: Sequence[Word], mentions: Sequence[Mention], table: Table) -> list[Found]:
    question = [word.stem for word in words]
    taken = {
        i
        for mention in mentions
        for i in range(mention.first, mention.last)
        if mention.score >= _SURE
    }
    hits: dict[str, list[tuple[int, int, str]]] = {}
    for column in table.of("text", "yes/no"):
        for first, last, value in _hits(question, column):
            if not taken & set(range(first, last)):
                taken |= set(range(first, last))
                first = _with_its_column(question, mentions, column.name, first)
                hits.setdefault(column.name, []).append((first, last, value))
    return [_value_filter(words, name, places) for name, places in hits.items()]


def _with_its_column(
    question: Sequence[str], mentions: Sequence[Mention], column: str, first: int
) -> int:
    """Where the condition begins: at `region` in `region is West`, else at the value."""
    for mention in mentions:
        between = question[mention.last : first]
        if mention.column == column and between and set(between) <= _EQUALS:
            return mention.first
    return first


def _hits(question: Sequence[str], column: Column) -> list[tuple[int, int, str]]:
    by_length = sorted(column.values, key=len, reverse=True)
    return [
        (i, i + len(stems(value)), value)
        for value in by_length
        if len(value) >= _MIN_VALUE_LETTERS and value.casefold() not in _COMMON
        for i in find(stems(value), question)
    ]


def _value_filter(
    words: Sequence[Word], column: str, places: Sequence[tuple[int, int, str]]
) -> Found:
    first = min(place[0] for place in places)
    last = max(place[1] for place in places)
    values = list(dict.fromkeys(place[2] for place in sorted(places)))
    before = {word.stem for word in words[max(0, first - 3) : last]}
    negated = bool(before & _NEGATIONS)
    cell = f"df[{literal(column)}]"
    if len(values) == 1:
        code = f"{cell} {'!=' if negated else '=='} {literal(values[0])}"
    else:
        inside = f"{cell}.isin([{', '.join(map(literal, values))}])"
        code = f"~{inside}" if negated else inside
    said = f"{column} {'not ' if negated else ''}{' or '.join(values)}"
    found = Filter(column, code, said, 1 if negated else len(values))
    return Found(found, words[first].start, words[last - 1].end)
