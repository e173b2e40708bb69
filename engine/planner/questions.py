"""A question about a table, read as an Ask: what to compute, of what, by what, drawn how."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from engine.planner.asks import Ask
from engine.planner.filters import Found, parse_filters
from engine.planner.phrases import (
    CHANGE,
    CHARTS,
    COMPARE,
    COUNTED,
    ORDER,
    RANK,
    RELATION,
    RUNNING,
    SORTED,
    TOP,
    aggregates_in,
    export_in,
    is_ascending,
)
from engine.planner.roles import Key, add_period, assign_roles, first_of
from engine.planner.tables import Table
from engine.planner.words import Mention, Word, mentions, words


def score(text: str, table: Table) -> int:
    """How well a table's columns, values and name fit a question."""
    parts = words(text)
    named = mentions([word.stem for word in parts], [c.name.strip() for c in table.columns])
    found = parse_filters(text, parts, named, table)
    sheet = table.source.sheet
    is_named = bool(sheet) and re.search(rf"\b{re.escape(sheet)}\b", text, re.IGNORECASE)
    return sum(m.score for m in named) + 50 * len(found) + (500 if is_named else 0)


def parse_ask(text: str, table: Table) -> Ask:
    """What a question wants of a table. Never raises."""
    text = rows_counted(text, table)
    parts = words(text)
    stems = [word.stem for word in parts]
    named = mentions(stems, [column.name.strip() for column in table.columns])
    found = parse_filters(text, parts, named, table)
    named = [m for m in named if not _inside(parts[m.first], found)]
    rest = _blank(text, parts, found, named)
    roles = assign_roles(text, parts, named, table)
    add_period(rest, table, roles)
    order = ORDER.search(rest)
    rest = ORDER.sub(" ", rest)
    rank = RANK.search(rest)
    ask = Ask(
        measures=tuple(dict.fromkeys(roles.measures)),
        aggregates=aggregates_in(rest),
        keys=tuple(_dates_first(roles.keys, table)),
        filters=tuple(each.filter for each in found),
        chart=first_of(CHARTS, rest) or _related(rest, roles.measures),
        rank=rank is not None,
        by_value=bool(rank or order) or _sorts_by(text, parts, named, roles.measures),
        top=int(match[1] or match[2]) if (match := TOP.search(rest)) else None,
        ascending=is_ascending(rank, order),
        share=re.search(r"\b(share|percent\w*|proportion)|%", rest, re.IGNORECASE) is not None,
        compare=COMPARE.search(text) is not None,
        change=CHANGE.search(rest) is not None,
        running=RUNNING.search(rest) is not None,
        export=export_in(rest),
    )
    return _settle(_with_having(text, ask, table), table)


def _settle(ask: Ask, table: Table) -> Ask:
    """Resolve what depends on several parts at once."""
    ask = _with_keys(ask, table)
    if ask.rank:
        spoken = tuple(a for a in ask.aggregates if a not in {"max", "min"})
        ask = replace(ask, aggregates=spoken)
    texts = [m for m in ask.measures if not table.is_amount(m)]
    numbers = tuple(m for m in ask.measures if m not in texts)
    counting = set(ask.aggregates) & {"count", "nunique"}
    if counting and numbers and "count" in ask.aggregates and not texts:
        # "how many units": a sum of the column called units, not a number of rows
        ask = replace(ask, aggregates=tuple("sum" if a == "count" else a for a in ask.aggregates))
    elif counting and texts and ask.keys and table.column(texts[0]).kind == "number":
        return replace(ask, measures=())  # "how many orders by region" where there is an order id
    elif counting and texts:
        return replace(ask, measures=(texts[0],), aggregates=("nunique",))
    keys = [*ask.keys, *(Key(m) for m in texts if not any(k.column == m for k in ask.keys))]
    return replace(ask, measures=numbers, keys=tuple(keys))


def rows_counted(text: str, table: Table) -> str:
    """In `how many sales` rows are meant, unless a column is called that."""
    match = COUNTED.search(text)
    named = match is not None and any(
        set(word.stem for word in words(match[3])) & {word.stem for word in words(column.name)}
        for column in table.columns
    )
    return text if match is None or named else COUNTED.sub(r"\1 \2rows", text)


def _with_having(text: str, ask: Ask, table: Table) -> Ask:
    """`which regions sold more than 10,000` is a condition on the regions' totals, not on rows."""
    asked = re.search(r"\b(?:which|what)\b", text, re.IGNORECASE)
    texts = [m for m in ask.measures if not table.is_amount(m)]
    if asked is None or not (ask.keys or texts):
        return ask
    having = tuple(each for each in ask.filters if table.is_amount(each.column))
    filters = tuple(each for each in ask.filters if each not in having)
    amounts = dict.fromkeys([*(m for m in ask.measures), *(each.column for each in having)])
    measures = tuple(amounts) if having else ask.measures
    return replace(ask, filters=filters, having=having, measures=measures)


def _with_keys(ask: Ask, table: Table) -> Ask:
    """`compare North and South` groups by region; growth and running totals go by month."""
    keys = list(ask.keys)
    listed = [each for each in ask.filters if each.values > 1]
    is_date = bool(listed) and table.column(listed[0].column).kind == "date"
    other_kind = all((table.column(key.column).kind == "date") != is_date for key in keys)
    if ask.compare and listed and other_kind:
        keys.append(Key(listed[0].column, "month" if is_date else ""))
    elif (ask.change or ask.running) and not keys and table.date is not None:
        keys.append(Key(table.date.name, "month"))
    relates = ask.compare and len(ask.measures) > 1 and not keys  # units vs revenue
    chart = "scatter" if relates and ask.chart == "auto" else ask.chart
    return replace(ask, keys=tuple(keys), chart=chart)


def _dates_first(keys: Sequence[Key], table: Table) -> list[Key]:
    """`by region over date` has a line per region: time is the axis."""
    return sorted(dict.fromkeys(keys), key=lambda key: table.column(key.column).kind != "date")


def _sorts_by(
    text: str, parts: Sequence[Word], named: Sequence[Mention], measures: Sequence[str]
) -> bool:
    """Whether `sorted by …` goes on with a measure."""
    said = SORTED.search(text)
    behind = [m.column for m in named if said and parts[m.first].start >= said.end()]
    return bool(behind) and behind[0] in measures


def _related(rest: str, measures: Sequence[str]) -> str:
    """`how does revenue depend on units` is seen best in a scatter plot."""
    return "scatter" if len(measures) == 2 and RELATION.search(rest) else ""


def _inside(word: Word, found: Sequence[Found]) -> bool:
    return any(each.start <= word.start < each.end for each in found)


def _blank(
    text: str, parts: Sequence[Word], found: Sequence[Found], named: Sequence[Mention]
) -> str:
    """The text without filters and column names, so that a column `count` counts nothing."""
    spans = [(each.start, each.end) for each in found]
    spans += [(parts[m.first].start, parts[m.last - 1].end) for m in named]
    letters = list(text)
    for start, end in spans:
        letters[start:end] = " " * (end - start)
    return "".join(letters)


def is_follow_up(text: str) -> bool:
    """Whether a question leans on the one before it."""
    return (
        re.match(
            r"\s*(and|now|then|again|also|same|the same|what about|how about|instead|only|but|as|"
            r"make (it|that)|show (it|that|this)|plot (it|that|this)|by|per|for|sort|in)\b",
            text,
            re.IGNORECASE,
        )
        is not None
    )
