"""Commas and points in numbers: `1,234.5`, `1.234,5` and `3,5` → numbers with a point alone."""

from __future__ import annotations

import re

_SEPARATED = re.compile(r"(?<![\d.,])\d+(?:[.,]\d+)+(?![.,]?\d)")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2},\d{3}")
_POINT_DECIMAL = re.compile(rf"(?:{_GROUPED.pattern}|\d+)\.\d+")
_COMMA_DECIMAL = re.compile(r"(?:[1-9]\d{0,2}(?:\.\d{3})+|\d+),\d+")
_POINTS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3}){2,}")


def plain_numbers(text: str) -> str:
    """The text with its numbers written with a decimal point and no separators. Never raises.

    `1,234` is read as thousands unless another number of the text has a decimal comma; `3,5,9`
    is a list. A second time changes nothing.
    """
    decimal = _has_decimal_comma(text)
    return _SEPARATED.sub(lambda match: _plain(match.group(), decimal), text)


def reading_note(text: str) -> str:
    """A sentence on the numbers that can be read in two ways; empty where there are none.

    `1,000` is left out: nobody means 1 with three idle zeros.
    """
    numbers = _SEPARATED.findall(text)
    decimal = _has_decimal_comma(text)
    if not decimal and any(_is_english(number) for number in numbers):
        return ""
    unclear = [n for n in numbers if _AMBIGUOUS.fullmatch(n) and not n.endswith(",000")]
    said = [f"read {number} as {_plain(number, decimal)}" for number in dict.fromkeys(unclear)]
    return f"Note: {'; '.join(said)}." if said else ""


def _has_decimal_comma(text: str) -> bool:
    return any(
        _COMMA_DECIMAL.fullmatch(number) and not _AMBIGUOUS.fullmatch(number)
        for number in _SEPARATED.findall(text)
    )


def _is_english(number: str) -> bool:
    grouped = _GROUPED.fullmatch(number) and not _AMBIGUOUS.fullmatch(number)
    return bool(grouped or ("," in number and _POINT_DECIMAL.fullmatch(number)))


def _plain(number: str, decimal: bool) -> str:
    if _AMBIGUOUS.fullmatch(number):
        return number.replace(",", "." if decimal else "")
    if _GROUPED.fullmatch(number) or _POINT_DECIMAL.fullmatch(number):
        return number.replace(",", "")
    if _COMMA_DECIMAL.fullmatch(number):
        return number.replace(".", "").replace(",", ".")
    if _POINTS.fullmatch(number):
        return number.replace(".", "")
    return number if "." in number else number.replace(",", ", ")
