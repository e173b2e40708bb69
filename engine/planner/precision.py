"""How exactly a result is wanted: significant digits, or places behind the point."""

from __future__ import annotations

import re
from dataclasses import dataclass

_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NEAREST = {"integer": 0, "whole number": 0, "tenth": 1, "hundredth": 2, "cent": 2, "thousandth": 3}
_WANTED = re.compile(
    rf"[,;]?\s*\b(?:and )?(?:round(?:ed)?(?: off)? )?(?:to|with|at)\s+(?:"
    rf"the nearest (?P<nearest>{'|'.join(_NEAREST)})\b|"
    rf"(?P<count>\d{{1,3}}|{'|'.join(_COUNTS)})\s+(?:significant\s+(?:digits|figures)|"
    rf"(?P<decimals>decimals?(?:\s+(?:places?|digits?|points?))?|places)|digits?|figures)\b"
    rf"(?: of precision)?)",
    re.IGNORECASE,
)
_ROUND = re.compile(r"^\W*(?:(?:please|can you|could you) )?round(?: off)?\b", re.IGNORECASE)
_MAX_DIGITS = 500


@dataclass(frozen=True, slots=True)
class Precision:
    """Either `digits` significant ones, or `decimals` behind the point (None where unsaid)."""

    digits: int = 15
    decimals: int | None = None


def precision_in(text: str) -> Precision:
    """What a question says; 15 digits where it says nothing, none behind the point for `round`."""
    match = _WANTED.search(text)
    if match is None:
        return Precision(decimals=0) if _ROUND.search(text) else Precision()
    if match["nearest"]:
        return Precision(decimals=_NEAREST[match["nearest"].lower()])
    said = match["count"].lower()
    count = min(_COUNTS.get(said) or int(said), _MAX_DIGITS)
    return Precision(decimals=count) if match["decimals"] else Precision(max(count, 1))


def without_precision(text: str) -> str:
    """The question without those words."""
    return _WANTED.sub(" ", _ROUND.sub(" ", text))
