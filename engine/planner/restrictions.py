"""Conditions that were not understood: no figure may hide them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.planner.days import DAY
from engine.planner.tables import Table
from engine.planner.text import escape, quoted
from engine.planner.unread import strange_words, understood
from engine.planner.words import mentions, stems

# What a word behind these narrows, or divides, what is computed.
_LEADS = re.compile(
    r"\b(?:for|of|from|by|per|where|whose|excluding|except|without|only|at|on|in|with|each|every|"
    r"which|what|not|than|how many|number of|top \d+|bottom \d+|top|bottom)\s+"
    r"(?:(?:the|all|a|an|our|my|and|or|each|different|\d+)\s+)*$",
    re.IGNORECASE,
)
_STYLE = re.compile(r"\b(?:in|with)\s+(?:the |a |an )*$", re.IGNORECASE)
_LEFT_OUT = re.compile(
    r"\b(?:excluding|exclude|except(?: for)?|without|ignoring)\s+(?:the\s+|all\s+)*(?P<what>\w+)",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"\b(?:between|before|after|since|until|over|above|under|below|than|at least|at most)\s+"
    r"[$€£]?\d(?:[\d.,-]*\d)?|[<>=]\s*\d(?:[\d.,]*\d)?",
    re.IGNORECASE,
)
# By this a refusal is known again: no later question builds on one that was refused.
COMPUTED_NOTHING = "so I computed nothing"
_MAX_COLUMNS = 3
_MAX_VALUES = 8


def not_understood(text: str, table: Table, draws: bool = False) -> list[str]:
    """The parts of a question that restrict its answer and fit nothing in the table; where it
    `draws`, colours and styles are none. Never raises."""
    spans = understood(text, table)
    found = []
    for start, end in strange_words(text, table):
        before = text[:start]
        if _LEADS.search(before) and not (draws and _STYLE.search(before)):
            found.append((start, end))
    for pattern, group in ((_LEFT_OUT, "what"), (_LIMIT, 0), (DAY, 0)):
        found += [match.span(group) for match in pattern.finditer(text)]
    open_ = [span for span in found if not any(a <= span[0] and span[1] <= b for a, b in spans)]
    return list(dict.fromkeys(text[start:end] for start, end in sorted(open_)))


def said_refusal(words: Sequence[str], table: Table, tables: Sequence[Table]) -> list[str]:
    """Paragraphs that say which words these are, and what the table knows."""
    name = escape(table.source.name)
    elsewhere = [
        f"“{escape(word)}” is in {escape(other.source.name)}."
        for word in words
        for other in tables
        if other is not table and mentions(stems(word), [c.name for c in other.columns])
    ]
    columns = ", ".join(escape(column.name) for column in table.columns)
    texts = [c for c in table.of("text", "yes/no") if c.values]
    known = [_said_values(c.name, c.values) for c in sorted(texts, key=lambda c: c.distinct)]
    said = f"I did not understand {quoted(words)}, {COMPUTED_NOTHING}"
    return [
        f"{said}: it would not be what you asked.",
        " ".join(elsewhere),
        f"The columns of {name} are {columns}.",
        "\n".join(known[:_MAX_COLUMNS]),
    ]


def _said_values(name: str, values: Sequence[str]) -> str:
    shown = ", ".join(map(escape, values[:_MAX_VALUES]))
    return f"- {escape(name)}: {shown}{' …' if len(values) > _MAX_VALUES else ''}"
