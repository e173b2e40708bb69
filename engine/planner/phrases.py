"""How people say what to do with a table: aggregates, kinds of charts, rankings, comparisons."""

from __future__ import annotations

import re

AGGREGATES = {
    "sum": r"totals?|sums?|altogether|overall|how much",
    "mean": r"averages?|means?|avg|typical|"
    r"per (?:row|order|sale|transaction|record|entry|line|purchase|booking|invoice)",
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
RANK = re.compile(
    r"\b\d{1,4} (?:highest|largest|biggest|(?P<few>lowest|smallest))\b|"
    r"\b(?P<worst>bottom|worst|weakest|slowest|quietest|least popular)\b|"
    r"\b(?:top|best(?:sell\w*)?|busiest|strongest|most popular)\b|"
    r"\b(?:which|what|who|when)\b.*?\b(?:most|highest|"
    r"largest|biggest|best|greatest|(?P<least>(?<!at )least|lowest|smallest|fewest|worst))\b",
    re.IGNORECASE | re.DOTALL,
)
# What one row stands for, in people's words: counted, not added up.
COUNTED = re.compile(
    r"\b(how many|number of|count(?: of)?(?: the)?)\s+((?:different\s+)?)"
    r"(sales|orders|transactions|purchases|records|entries|bookings|invoices)\b",
    re.IGNORECASE,
)
COMPARE = re.compile(
    r"\b(?:compar\w+|difference|differ|vs\.?|versus|against|"
    r"(?:more|less|fewer|better|worse)\b.{1,60}?\bthan)\b",
    re.IGNORECASE,
)
CHANGE = re.compile(
    r"\b(?:growth|gr[eo]w\w*|chang\w+|increas\w*|decreas\w*|declin\w*|"
    r"(?:month|week|year|quarter|day)[- ](?:over|on)[- ]\w+|mom|yoy)\b",
    re.IGNORECASE,
)
ORDER = re.compile(
    r"\b(?:highest|largest|biggest|best|most|lowest|smallest|least)\s+(?:first|to\s+\w+)\b", re.I
)
SORTED = re.compile(r"\b(?:sort|order|rank)(?:ed|ing)?\s+by\b", re.IGNORECASE)
RELATION = re.compile(r"\b(?:depend\w*|relat\w+|connect\w*|influence\w*|affect\w*)\b", re.I)
RUNNING = re.compile(r"\b(?:cumulat\w+|running (?:total|sum)|accumulated)\b", re.IGNORECASE)
TOP = re.compile(
    r"\b(?:top|best|bottom|worst|first)\s+(\d{1,4})\b|"
    r"\b(\d{1,4})\s+(?:best|top|worst|highest|lowest|largest|smallest|biggest)\b",
    re.IGNORECASE,
)


def is_ascending(rank: re.Match[str] | None, order: re.Match[str] | None) -> bool:
    """Whether what was found of RANK and ORDER wants the lowest first."""
    if order is not None:
        return re.match("lowest|smallest|least", order.group(), re.IGNORECASE) is not None
    return bool(rank and (rank["worst"] or rank["least"] or rank["few"]))


def aggregates_in(rest: str) -> tuple[str, ...]:
    """The aggregates that a text asks for, in the order of the table above."""
    found = []
    for name, pattern in AGGREGATES.items():
        if re.search(rf"\b(?:{pattern})\b", rest, re.IGNORECASE):
            found.append(name)
    if "nunique" in found and "count" in found:
        found.remove("count")
    return tuple(found)


def export_in(rest: str) -> str:
    """The kind of file that a text asks for; empty where none."""
    if re.search(r"\b(excel|xlsx|spreadsheet)\b", rest, re.IGNORECASE):
        return "xlsx"
    return "csv" if re.search(r"\b(csv|download|file)\b", rest, re.IGNORECASE) else ""
