"""Conditions that were not understood: no figure may hide them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.planner import roles
from engine.planner.days import DAY
from engine.planner.filters import parse_filters
from engine.planner.tables import Table
from engine.planner.text import escape, quoted
from engine.planner.unread import KNOWN_WORDS, strange_words, understood
from engine.planner.words import mentions, stem, stems, words

# What a word behind these narrows, or divides, what is computed.
_LEADS = re.compile(
    r"\b(?:for|of|from|by|per|where|whose|excluding|except|without|only|at|on|in|with|each|every|"
    r"which|what|not|than|how many|number of|top \d+|bottom \d+|top|bottom)\s+"
    r"(?:(?:the|all|a|an|our|my|and|or|each|different|\d+|type|name|id|category|company|store|shop|"
    r"market|person|mrs?|ms|dr)\.?\s+)*$",
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
# What stands behind these is grouped by, counted or ranked, also where it is an everyday word.
_THE = r"(?:(?:the|each|every|all|of|its|their|our|my|a|an|different|unique|distinct)\s+)*"
_NAMING = tuple(
    re.compile(rf"\b{lead}\s+{_THE}(?P<what>[^\W\d]\w*){follows}", re.IGNORECASE)
    for lead, follows in (
        (r"(?:by|per|(?:for|in|of) each|each|every)", ""),
        (r"(?:how many|number of|count of)", ""),
        (r"(?:top|bottom|best|worst)\s+\d+", ""),
        (
            r"(?:which|what)",
            r"(?=\s+(?:has|have|had|is|was|are|were|did|sold|sells|made|earned)\b)",
        ),
    )
)
_ORDINARY_WORDS = (
    "row record line entry order sale transaction purchase booking invoice value amount result "
    "percent percentage cent share most least best worst highest lowest top bottom descending "
    "ascending desc asc far hand itself default me us it you them all both else "
    "one two three four five six seven eight nine ten "
    "by of in for with from and on per as at to is are was were do did does have there data "
    "time many much using who what which when where that this these those not no or"
)
_ORDINARY = frozenset(map(stem, _ORDINARY_WORDS.split()))
_PERIOD = re.compile(rf"\b(?:{'|'.join(roles.PERIODS.values())}|dates?|over time)\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:in|for|of|during|since|from)\s+((?:19|20)\d\d)\b", re.IGNORECASE)
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
        led = _LEADS.search(before) and not (draws and _STYLE.search(before))
        if led or (text[start].isupper() and _lists(before, table)):
            found.append((start, end))
    found += [span for span in _named(text) if _fits_nothing(text[slice(*span)])]
    if table.date is None:
        found += [match.span() for match in _PERIOD.finditer(text)]
        found += [match.span(1) for match in _YEAR.finditer(text)]
    for pattern, group in ((_LEFT_OUT, "what"), (_LIMIT, 0), (DAY, 0)):
        found += [match.span(group) for match in pattern.finditer(text)]
    open_ = [span for span in found if not any(a <= span[0] and span[1] <= b for a, b in spans)]
    return list(dict.fromkeys(text[start:end] for start, end in sorted(open_)))


def _lists(before: str, table: Table) -> bool:
    """Whether a text ends with a condition and `and`: what follows is one more value of it."""
    listed = re.search(r"(?:,|\b(?:and|or|vs\.?|versus|against|than))\s*$", before, re.IGNORECASE)
    if listed is None:
        return False
    parts = words(before)
    found = parse_filters(before, parts, [], table)
    return any(each.end == len(before[: listed.start()].rstrip()) for each in found)


def _named(text: str) -> list[tuple[int, int]]:
    return [match.span("what") for pattern in _NAMING for match in pattern.finditer(text)]


def _fits_nothing(word: str) -> bool:
    """Whether a word in the place of a column's name is none, nor a period, nor a way to say how
    much. Columns are looked up elsewhere."""
    if _PERIOD.fullmatch(word):
        return False  # without a date it is found all the same
    ordinary = stem(word) in _ORDINARY or word.casefold().endswith("ing")
    return not (ordinary or KNOWN_WORDS.fullmatch(word))


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
