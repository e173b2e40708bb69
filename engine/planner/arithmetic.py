"""Arithmetic: one expression, computed in Python and checked with 50 digits."""

from __future__ import annotations

import re

from engine.planner.expressions import MAX_LETTERS, Call, Expr, Minus, Op, parse, plain_operators
from engine.planner.render import MPMATH, PYTHON, render, shown, uses_functions
from engine.planner.separators import plain_numbers, reading_note
from engine.planner.text import escape, value
from engine.planner.workbench import Work

_FILLER_WORDS = (
    "what what's whats is the result of calculate compute evaluate please can could you tell me "
    "how much find work out give solve show value answer equal equals to and i need know hey hi "
    "hello exactly now to using use python tool with code it in by for"
)
_FILLER = frozenset(_FILLER_WORDS.split())
_DIGITS = re.compile(
    r"[,;]?\s*\b(?:to|with|at|rounded to)\s+(\d{1,3})\s+(?:significant\s+|decimal\s+)?"
    r"(?:digits|figures|decimals?|places)\b(?: of precision)?",
    re.IGNORECASE,
)
_MAX_CHUNKS = 60
_MAX_DIGITS = 500


def expression_in(text: str) -> Expr | None:
    """The calculation that a question asks for: all of it but filler words. Never raises."""
    if len(text) > MAX_LETTERS:
        return None
    chunks = _DIGITS.sub(" ", plain_operators(plain_numbers(text))).split()
    if len(chunks) > _MAX_CHUNKS:
        return None
    first, last = 0, len(chunks)
    while first < last and _is_filler(chunks[first]):
        first += 1
    while first < last and (_is_filler(chunks[last - 1]) or not chunks[last - 1].strip("?=.!:,")):
        last -= 1
    found = parse(re.sub(r"[?=.:,\s]+$", "", " ".join(chunks[first:last])))
    return found if isinstance(found, Op | Call | Minus) else None


def _is_filler(chunk: str) -> bool:
    return chunk.lower().strip("?.,:!'\"") in _FILLER


def digits_in(text: str) -> int:
    """How many digits are asked for; 15 where nothing is said."""
    match = _DIGITS.search(text)
    return min(max(int(match[1]), 1), _MAX_DIGITS) if match else 15


def grouped_digits(text: str) -> str:
    """A number with thousands separators and all its digits; other text as it is."""
    match = re.fullmatch(r"(-?)(\d+)(\.\d+)?", text)
    if match is None:
        return text
    rest = (match[3] or "").rstrip("0").rstrip(".")
    return f"{match[1]}{int(match[2]):,}{rest}"


class Arithmetic:
    """`what is 15% of 230`, `sqrt of 2 to 20 digits`."""

    def matches(self, work: Work) -> bool:
        """Whether the question is one expression."""
        return expression_in(work.text) is not None

    async def answer(self, work: Work) -> None:
        """Compute, check with more digits, and say the value."""
        expression = expression_in(work.text)
        if expression is None:
            return
        digits = digits_in(work.text)
        imports = ["import math", ""] if uses_functions(expression) else []
        lines = [*imports, f"result = {render(expression, PYTHON)}", 'print("Result:", result)', ""]
        lines += [
            "# Cross-check: the same with many more digits.",
            "from mpmath import mp, mpf",
            "",
            f"mp.dps = {max(50, digits + 15)}",
            f"check = {render(expression, MPMATH)}",
            f'print("Check:", mp.nstr(check, {digits}, min_fixed=-10, max_fixed=30))',
        ]
        logs = await work.run("\n".join(lines), "compute it")
        result, check = value(logs, "Result"), value(logs, "Check")
        best = result if re.fullmatch(r"-?\d+", result) else check
        await work.say(
            f"{escape(shown(expression))} = **{grouped_digits(best)}**",
            f"Cross-check: Python's own arithmetic gives {result[:60]}, a second calculation with "
            f"{max(50, digits + 15)} digits gives {check[:60]}.",
            reading_note(work.text),
        )
