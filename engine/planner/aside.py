"""What a question asks besides what is done: named, so that nobody takes it for done."""

from __future__ import annotations

import re
from collections.abc import Container

from engine.planner.asks import Ask, label
from engine.planner.text import escape, listing

_GROUPS = re.compile(r"\b(?:by|per|each|every)\b", re.IGNORECASE)


def left_aside(ask: Ask, text: str, *, done: Container[str] = ()) -> str:
    """A sentence on the parts of an ask that are not `done`; empty where there are none.

    Arguments:
        done: of `filters`, `keys`, `measures`, `chart`, `top`, `export` what the answer covers.
    """
    found: list[str] = []
    if "filters" not in done:
        found += [each.said for each in (*ask.filters, *ask.having)]
    if "measures" not in done:
        found += [label(a, m) for m in ask.measures for a in ask.aggregates if a != "count"]
    if "keys" not in done and ask.keys and _GROUPS.search(text):
        found.append(f"by {listing([key.name for key in ask.keys])}")
    if "top" not in done and ask.top:
        found.append(f"the top {ask.top}")
    if "chart" not in done and ask.chart:
        found.append(f"the {ask.chart} chart" if ask.chart != "auto" else "the chart")
    if "export" not in done and ask.export == "xlsx":
        found.append("the Excel file")
    return f"What else you asked I left aside: {escape(listing(found))}." if found else ""
