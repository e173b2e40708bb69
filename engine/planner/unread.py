"""Words of a question that the rules make nothing of: said, so that no answer hides them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.planner import filters, phrases, questions, roles, wishes
from engine.planner.tables import Table
from engine.planner.text import quoted
from engine.planner.words import RESERVED, Word, mentions, stem, words

_FILLER_WORDS = (
    "does depend relate related relation relationship depends we you they he she our my your "
    "their us them can could would should will shall may might want need like love know see "
    "look get got have has had did done been being there here just also only some any both "
    "either etc but than let help tell find out use using used calculate compute work "
    "display list provide return generate produce build report answer question spreadsheet "
    "tool python code dataset record entry row sell sold selling bought buy made making earn "
    "earned bring brought come came going went perform performed performing across through "
    "throughout during within into about around thank thanks hello hey one two three first "
    "four five six seven eight nine ten "
    "last ever currently available existing entire whole full break down breakdown split "
    "group grouped sort sorted order ordered rank ranking ranked descending ascending "
    "compare comparison versus difference add adding amount figure number level size popular "
    "well good great nice simple quick overview summary together combined respectively these "
    "those such very really much long big high low large small label color colour title "
    "legend axis picture image png export save interested happen company store shop market "
    "period bar busiest quietest strongest weakest slowest bestselling bestseller season "
    "seasonal seasonality pattern cumulative running accumulated grow growth growing change "
    "changed increase decrease decline stacked pivot cross tab matrix mom yoy except "
    "excluding exclude without share more less delete insight insights describe description "
    "summarize summarise explain explore inspect profile preview analyze analyse analysis contain "
    "content info information inside structure upload uploaded attached document xlsx parquet "
    "json filter convert download turn random head tail view"
)
_FILLERS = frozenset(map(stem, _FILLER_WORDS.split()))
_KNOWN = "|".join(
    [*phrases.AGGREGATES.values(), *phrases.CHARTS.values(), *roles.PERIODS.values(), wishes.WORDS]
)
KNOWN_WORDS = re.compile(rf"\b(?:{_KNOWN})\b", re.IGNORECASE)
_MIN_LETTERS = 3
# `UK`, `Q5`, `5k`, and one letter, but neither `I` nor the article at the beginning.
_SHORT_NAME = re.compile(
    r"(?!OK|AI)[A-Z][A-Z]\b|[A-Za-z]\d\b|\d[a-z]\b|[B-HJ-Z]\b|(?<=\w )A\b(?! \w)"
)
_MAX_WORDS = 4


def unread(text: str, table: Table) -> list[str]:
    """The words that neither name something in the table nor ask for something known."""
    text = questions.rows_counted(text, table)
    return [text[start:end] for start, end in strange_words(text, table)]


def strange_words(text: str, table: Table) -> list[tuple[int, int]]:
    """Where those words stand."""
    spans = understood(text, table)
    spans += [match.span() for match in KNOWN_WORDS.finditer(text)]
    return strange_beside(text, spans)


def strange_beside(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where a text has words that are neither everyday ones nor within the spans understood."""
    return [(word.start, word.end) for word in words(text) if _is_strange(text, word, spans)]


def note_on(found: Sequence[str]) -> str:
    """A sentence on such words, to stand before the answer; empty where there are none."""
    said = quoted(list(dict.fromkeys(found))[:_MAX_WORDS])
    return f"I made nothing of {said}; this is what I understood:" if said else ""


def understood(text: str, table: Table) -> list[tuple[int, int]]:
    """Where a text names columns and conditions."""
    parts = words(text)
    named = mentions([word.stem for word in parts], [c.name.strip() for c in table.columns])
    spans = [(parts[m.first].start, parts[m.last - 1].end) for m in named]
    found = filters.parse_filters(text, parts, named, table)
    return spans + [(each.start, each.end) for each in found]


def unread_note(text: str, tables: Sequence[Table]) -> str:
    """A sentence on those words, to stand before the answer; empty where there are none."""
    return note_on(strange_to_all(text, tables))


def strange_to_all(text: str, tables: Sequence[Table]) -> list[str]:
    """The words that none of the tables knows, each once."""
    known = [unread(text, table) for table in tables]
    return [word for word in dict.fromkeys(known[0]) if all(word in each for each in known)]


def _is_strange(text: str, word: Word, spans: Sequence[tuple[int, int]]) -> bool:
    if any(start <= word.start < end for start, end in spans) or word.stem.isdigit():
        return False
    if word.end - word.start < _MIN_LETTERS:
        return _SHORT_NAME.match(text, word.start) is not None and not text.isupper()
    return (
        word.stem not in RESERVED
        and word.stem not in _FILLERS
        and not re.match(r"whats|what's|isnt|dont|lets|let's", word.stem)
    )
