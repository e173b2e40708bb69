"""A question about a table as an Ask: what to compute, of what, by what, drawn how."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.planner.filters import Filter, Found, parse_filters
from engine.planner.roles import Key, add_period, assign_roles, first_of
from engine.planner.tables import Table
from engine.planner.words import Mention, Word, mentions, words

AGGREGATES = {
    "sum": r"totals?|sums?|altogether|overall|how much",
    "mean": r"averages?|means?|avg|typical",
    "median": r"medians?",
    "nunique": r"(?:how many|number of|count(?: of)?)(?: the)? different|distinct|unique",
    "count": r"counts?|how many|number of|how often",
    "max": r"max(?:imum)?|highest|largest|biggest|greatest|peak|most expensive",
    "min": r"min(?:imum)?|lowest|smallest|cheapest|least",
    "std": r"standard deviations?|std(?:ev)?",
}
CHARTS = {
    "pie": r"pies?|donuts?|doughnuts?",
    "stacked": r"stacked",
    "histogram": r"histograms?|distributions?",
    "scatter": r"scatter\w*",
    "box": r"box(?: |-)?plots?|box (?:and|&) whiskers?",
    "line": r"lines?|line chart",
    "barh": r"horizontal bars?",
    "bar": r"bars?|columns? charts?",
    "auto": r"charts?|plot\w*|graphs?|visuali[sz]e\w*|draw|diagrams?|figure",
}
_RANK = re.compile(
    r"\b(?P<worst>bottom|worst|weakest|slowest|quietest|least popular)\b|"
    r"\b(?:top|best(?:sell\w*)?|busiest|strongest|most popular)\b|"
    r"\b(?:which|what|who|when)\b.*?\b(?:most|highest|"
    r"largest|biggest|best|greatest|(?P<least>(?<!at )least|lowest|smallest|fewest|worst))\b",
    re.IGNORECASE | re.DOTALL,
)
# What one row stands for, in people's words: counted, not added up.
_COUNTED = re.compile(
    r"\b(how many|number of|count(?: of)?(?: the)?)\s+((?:different\s+)?)"
    r"(sales|orders|transactions|purchases|records|entries|bookings|invoices)\b",
    re.IGNORECASE,
)
_COMPARE = re.compile(
    r"\b(?:compar\w+|difference|differ|vs\.?|versus|against|"
    r"(?:more|less|fewer|better|worse)\b.{1,60}?\bthan)\b",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"\b(?:growth|gr[eo]w\w*|chang\w+|increas\w*|decreas\w*|declin\w*|"
    r"(?:month|week|year|quarter|day)[- ](?:over|on)[- ]\w+|mom|yoy)\b",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:highest|largest|biggest|best|most|lowest|smallest|least)\s+(?:first|to\s+\w+)\b", re.I
)
_RELATION = re.compile(r"\b(?:depend\w*|relat\w+|connect\w*|influence\w*|affect\w*)\b", re.I)
_RUNNING = re.compile(r"\b(?:cumulat\w+|running (?:total|sum)|accumulated)\b", re.IGNORECASE)
_TOP = re.compile(r"\b(?:top|best|bottom|worst|first)\s+(\d{1,4})\b", re.IGNORECASE)
_RATE = re.compile(r"price|rate|percent|pct|score|rating|age|temp|avg|mean|ratio|margin|%", re.I)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of a table; empty parts were not said."""

    measures: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    filters: tuple[Filter, ...] = ()
    having: tuple[Filter, ...] = ()
    chart: str = ""
    rank: bool = False
    top: int | None = None
    ascending: bool = False
    share: bool = False
    compare: bool = False
    change: bool = False
    running: bool = False
    export: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether there is anything to compute."""
        return bool(
            self.measures or self.aggregates or self.keys or self.chart or self.top or self.filters
        )

    @property
    def leans(self) -> bool:
        """Whether parts were said that need the rest of an earlier ask."""
        nothing = not (self.measures or self.keys)
        return nothing and bool(self.chart or self.filters or self.top or self.aggregates)

    def after(self, earlier: Ask) -> Ask:
        """This ask as a follow-up: what it leaves unsaid is taken from the earlier one."""
        return Ask(
            measures=self.measures or earlier.measures,
            aggregates=self.aggregates or earlier.aggregates,
            keys=self.keys or earlier.keys,
            filters=self.filters or earlier.filters,
            having=self.having or earlier.having,
            chart=self.chart if self.chart not in {"", "auto"} else self.chart or earlier.chart,
            rank=self.rank or earlier.rank,
            top=self.top or earlier.top,
            ascending=self.ascending or earlier.ascending,
            share=self.share or earlier.share,
            compare=self.compare or earlier.compare,
            change=self.change or earlier.change,
            running=self.running or earlier.running,
            export=self.export,
        )


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
    order = _ORDER.search(rest)
    rest = _ORDER.sub(" ", rest)
    rank = _RANK.search(rest)
    ask = Ask(
        measures=tuple(dict.fromkeys(roles.measures)),
        aggregates=_aggregates(rest),
        keys=tuple(dict.fromkeys(roles.keys)),
        filters=tuple(each.filter for each in found),
        chart=first_of(CHARTS, rest) or _related(rest, roles.measures),
        rank=rank is not None,
        top=int(match[1]) if (match := _TOP.search(rest)) else None,
        ascending=_is_ascending(rank, order),
        share=re.search(r"\b(share|percent\w*|proportion)|%", rest, re.IGNORECASE) is not None,
        compare=_COMPARE.search(text) is not None,
        change=_CHANGE.search(rest) is not None,
        running=_RUNNING.search(rest) is not None,
        export=_export(rest),
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
    match = _COUNTED.search(text)
    named = match is not None and any(
        set(word.stem for word in words(match[3])) & {word.stem for word in words(column.name)}
        for column in table.columns
    )
    return text if match is None or named else _COUNTED.sub(r"\1 \2rows", text)


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
    if ask.compare and listed and not keys:
        is_date = table.column(listed[0].column).kind == "date"
        keys.append(Key(listed[0].column, "month" if is_date else ""))
    elif (ask.change or ask.running) and not keys and table.date is not None:
        keys.append(Key(table.date.name, "month"))
    relates = ask.compare and len(ask.measures) > 1 and not keys  # units vs revenue
    chart = "scatter" if relates and ask.chart == "auto" else ask.chart
    return replace(ask, keys=tuple(keys), chart=chart)


def _related(rest: str, measures: Sequence[str]) -> str:
    """`how does revenue depend on units` is seen best in a scatter plot."""
    return "scatter" if len(measures) == 2 and _RELATION.search(rest) else ""


def _is_ascending(rank: re.Match[str] | None, order: re.Match[str] | None) -> bool:
    if order is not None:
        return re.match("lowest|smallest|least", order.group(), re.IGNORECASE) is not None
    return bool(rank and (rank["worst"] or rank["least"]))


def _aggregates(rest: str) -> tuple[str, ...]:
    found = []
    for name, pattern in AGGREGATES.items():
        if re.search(rf"\b(?:{pattern})\b", rest, re.IGNORECASE):
            found.append(name)
    if "nunique" in found and "count" in found:
        found.remove("count")
    return tuple(found)


def _export(rest: str) -> str:
    if re.search(r"\b(excel|xlsx|spreadsheet)\b", rest, re.IGNORECASE):
        return "xlsx"
    return "csv" if re.search(r"\b(csv|download|file)\b", rest, re.IGNORECASE) else ""


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


def is_rate(name: str) -> bool:
    """Whether a column's values are better averaged than added: prices, rates, scores, ages."""
    return _RATE.search(name) is not None


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


def label(aggregate: str, measure: str) -> str:
    """How to call an aggregate of a column: `average price`."""
    spoken = {
        "sum": "total",
        "mean": "average",
        "nunique": "different",
        "std": "std. dev. of",
    }
    return f"{spoken.get(aggregate, aggregate)} {measure}".replace("count rows", "count")
