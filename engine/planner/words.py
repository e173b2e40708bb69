"""Words of a question, and the columns they mean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORD = re.compile(r"[^\W_]+(?:['’]s)?")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MIN_FUZZY_LETTERS = 5
_MIN_FUZZY_RATIO = 0.82
_MIN_PREFIX_LETTERS = 3

# Words that belong to the question rather than to a column, unless a column is called just that.
_RESERVED_WORDS = (
    "total sum average mean avg median count number max maximum min minimum highest lowest top "
    "best bottom worst most least many much how what which who show give me the a an of by per "
    "each and or for in on at to from with over versus vs against chart plot graph bar line pie "
    "histogram scatter diagram distribution trend forecast month monthly week weekly year yearly "
    "annual quarter quarterly day daily weekday date time file sheet table column row value data "
    "is are was were it its this that same again now as csv excel clean make create please all "
    "every where when than more less above below between not name id type unique distinct "
    "different correlation outlier share percent percentage result then"
)
RESERVED = frozenset(_RESERVED_WORDS.split())

# Groups of words that people use for one another when naming a column.
_SYNONYMS = (
    {"revenue", "sale", "turnover", "income", "earning", "amount"},
    {"unit", "quantity", "qty", "piece", "volume"},
    {"customer", "client", "buyer", "account"},
    {"product", "item", "article", "sku"},
    {"department", "dept", "team"},
    {"region", "area", "territory", "zone"},
    {"employee", "staff", "person", "people", "worker"},
    {"cost", "expense", "spending", "spend"},
    {"salary", "pay", "wage"},
    {"country", "nation"},
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: its stem and where it stands."""

    stem: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mention:
    """Words `first` up to (not including) `last` of a question that mean `column`."""

    column: str
    first: int
    last: int
    score: int


def stem(word: str) -> str:
    """Lower case without accents, possessive and plural: `Regions` and `region` are the same."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = re.sub(r"['’]s$", "", plain)
    if len(plain) <= 3:
        return plain
    if plain.endswith("ies"):
        return plain[:-3] + "y"
    if re.search(r"(ss|x|ch|sh)es$", plain):
        return plain[:-2]
    return plain[:-1] if plain.endswith("s") and plain[-2] not in "sui" else plain


def words(text: str) -> list[Word]:
    """The words of a text in order; `UnitPrice` and `unit_price` are two words each."""
    found = []
    for match in _WORD.finditer(text):
        start = match.start()
        for part in _CAMEL.split(match.group()):
            found.append(Word(stem(part), start, start + len(part)))
            start += len(part)
    return found


def stems(text: str) -> list[str]:
    """The stems of a text's words."""
    return [word.stem for word in words(text)]


def find(needle: Sequence[str], hay: Sequence[str]) -> list[int]:
    """Where the words `needle` stand in a row within `hay`."""
    size = len(needle)
    return [i for i in range(len(hay) - size + 1) if size and list(hay[i : i + size]) == [*needle]]


def mentions(question: Sequence[str], columns: Sequence[str]) -> list[Mention]:
    """Which columns a question's stems name, in the order of the question, never overlapping.

    An exact name wins over a part of it, that over a likeness, that over a synonym.
    """
    names = {column: stems(column) for column in columns}
    candidates = [
        candidate
        for column in columns
        for candidate in (*_exact(question, column, names[column]), *_weak(question, column, names))
    ]
    candidates.sort(key=lambda m: (-m.score, m.first - m.last, m.first, len(m.column)))
    chosen: list[Mention] = []
    for candidate in candidates:
        if all(candidate.last <= m.first or candidate.first >= m.last for m in chosen):
            chosen.append(candidate)
    return _without_idle_reserved(sorted(chosen, key=lambda m: m.first), question)


def _exact(question: Sequence[str], column: str, name: Sequence[str]) -> list[Mention]:
    found = [Mention(column, i, i + len(name), 100 + len(name)) for i in find(name, question)]
    joined = "".join(name)
    for size in (1, 2, 3):
        for i in range(len(question) - size + 1):
            if size != len(name) and joined and "".join(question[i : i + size]) == joined:
                found.append(Mention(column, i, i + size, 95))
    return found


def _weak(question: Sequence[str], column: str, names: dict[str, list[str]]) -> list[Mention]:
    found = []
    for i, word in enumerate(question):
        if word in RESERVED or word.isdigit() or len(word) < _MIN_PREFIX_LETTERS:
            continue
        score = max((_likeness(word, part) for part in names[column]), default=0)
        if score:
            found.append(Mention(column, i, i + 1, score))
    return found


def _likeness(word: str, part: str) -> int:
    """How sure a question's word means a part of a column's name: 60 the same … 0 not at all."""
    if word == part:
        return 60
    is_long = min(len(word), len(part)) >= _MIN_FUZZY_LETTERS
    if is_long and SequenceMatcher(None, word, part).ratio() >= _MIN_FUZZY_RATIO:
        return 45
    is_part = part.startswith(word) or (len(part) > _MIN_PREFIX_LETTERS and word.startswith(part))
    if is_part and len(part) >= _MIN_PREFIX_LETTERS and part not in RESERVED:
        return 40
    if any(word in group and part in group for group in _SYNONYMS):
        return 30
    return 0


def _without_idle_reserved(found: list[Mention], question: Sequence[str]) -> list[Mention]:
    """In `total revenue` a column called Total is not meant: the word leads to the next column."""
    kept = []
    for i, this in enumerate(found):
        following = found[i + 1] if i + 1 < len(found) else None
        leads = (
            this.last - this.first == 1
            and question[this.first] in RESERVED
            and following is not None
            and all(word in {"of", "the"} for word in question[this.last : following.first])
        )
        if not leads:
            kept.append(this)
    return kept
