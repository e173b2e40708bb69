"""Arithmetic: one expression, computed in Python and checked with 50 digits."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.planner.expressions import (
    FUNCTIONS,
    MAX_LETTERS,
    Call,
    Expr,
    Minus,
    Num,
    Op,
    parse,
    plain_operators,
)
from engine.planner.magnitude import Size, size_of
from engine.planner.precision import precision_in, without_precision
from engine.planner.render import MPMATH, PYTHON, render, shown, uses_functions
from engine.planner.separators import plain_numbers, reading_note
from engine.planner.text import escape, value
from engine.planner.unread import note_on, strange_beside
from engine.planner.workbench import Work

_FILLER_WORDS = (
    "what what's whats is the result of calculate compute evaluate please can could you tell me "
    "how much find work out give solve show value answer equal equals to and i need know hey hi "
    "hello exactly now to using use python tool with code it in by for"
)
_FILLER = frozenset(_FILLER_WORDS.split())
_MATHS_WORDS = (
    "solve equation equations solution solutions unknown unknowns variable variables roots root "
    "simulate simulation rolls roll throw throws toss tosses flip flips coin coins dice die times "
    "prime primes factor factors factorise factorize number numbers digits compound interest rate "
    "bank invest invested money principal annually yearly monthly quarterly daily "
    "euro euros dollar dollars draw pounds sequence series decimal decimals exact exactly precise "
    "check verify between "
    "system linear quadratic cubic polynomial function math maths algebra real complex integer "
    "integers whole positive negative odd even sum product mean average median list values "
    "simplify respect now work works solving finding using"
)
_MATHS = frozenset([*_MATHS_WORDS.split(), *FUNCTIONS, *_FILLER])
_MAX_CHUNKS = 60
_MAX_WHOLE_LOG = 300_000.0  # Python computes whole numbers of so many digits in an instant
_MAX_PRINTED_LOG = 4_000.0  # and prints fewer
_MAX_FLOAT_LOG = 300.0
_MAX_LOG = 1e12  # beyond, the leading digits would need too many digits of the logarithm


def expression_in(text: str) -> Expr | None:
    """The calculation that a question asks for: all of it but filler words. Never raises."""
    if len(text) > MAX_LETTERS:
        return None
    chunks = without_precision(plain_operators(plain_numbers(text))).split()
    if len(chunks) > _MAX_CHUNKS:
        return None
    first, last = 0, len(chunks)
    while first < last and _is_filler(chunks[first]):
        first += 1
    while first < last and (_is_filler(chunks[last - 1]) or not chunks[last - 1].strip("?=.!:,")):
        last -= 1
    found = parse(re.sub(r"[?=.:,\s]+$", "", " ".join(chunks[first:last])))
    rounds = precision_in(text).decimals is not None and isinstance(found, Num)
    return found if rounds or isinstance(found, Op | Call | Minus) else None


def _is_filler(chunk: str) -> bool:
    return chunk.lower().strip("?.,:!'\"") in _FILLER


def unread_beside(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """A remark on words of a calculation that nothing was made of, beside what was understood."""
    found = [text[a:b] for a, b in strange_beside(text, spans)]
    return note_on([word for word in found if word.isalpha() and word.lower() not in _MATHS])


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
        size, precision = size_of(expression), precision_in(plain_numbers(work.text))
        if size.peak > _MAX_LOG:
            await _say_too_large(work, expression)
            return
        exact = _fits_python(size)
        digits = max(precision.digits, precision.decimals or 0)
        depth = max(50, digits + 15, *([int(size.peak) + 20] if exact else []))
        code = _code(expression, depth, 15 if size.log > 30 else digits, precision.decimals, exact)
        logs = await work.run(code, "compute it")
        result, check = value(logs, "Result"), value(logs, "Check")
        whole = re.fullmatch(r"-?\d+", result) is not None and precision.decimals is None
        best = value(logs, "Rounded") or grouped_digits(result if whole else check)
        own = "Python's own arithmetic" if exact else f"a calculation with {depth * 2} digits"
        await work.say(
            f"{escape(shown(expression))} = **{best}**{_size_note(logs)}",
            f"Cross-check: {own} gives {result[:60]}, a second calculation with {depth} digits "
            f"gives {check[:60]}.",
            reading_note(work.text),
        )


def _fits_python(size: Size) -> bool:
    whole = size.whole and size.peak < _MAX_WHOLE_LOG and size.log < _MAX_PRINTED_LOG
    return size.real and (whole or size.peak < _MAX_FLOAT_LOG)


def _size_note(logs: str) -> str:
    digits = value(logs, "Digits")
    return (
        f", a number of about {int(digits):,} digits; these are the leading ones" if digits else ""
    )


def _code(expression: Expr, depth: int, digits: int, decimals: int | None, exact: bool) -> str:
    """Python that prints Result, Check and, where they are wanted, Rounded and Digits."""
    imports = ["import math", ""] if exact and uses_functions(expression) else []
    lines = ["from mpmath import mp, mpf", ""]
    if exact:
        lines = [*imports, f"result = {render(expression, PYTHON)}", 'print("Result:", result)', ""]
        lines += [
            "# Cross-check: the same with many more digits.",
            "from mpmath import mp, mpf",
            "",
        ]
    source = render(expression, MPMATH)
    lines += [_SHOWN.format(digits=digits), f"mp.dps = {depth}", f"check = {source}"]
    lines.append('print("Check:", shown(check))')
    if not exact:
        lines += ["", "# Cross-check: the same with twice the digits.", f"mp.dps = {depth * 2}"]
        lines += [f"result = {source}", 'print("Result:", shown(result))']
        lines += ["if not mp.im(result) and abs(result) > mpf(10) ** 30:"]
        lines.append('    print("Digits:", int(mp.floor(mp.log10(abs(result)))) + 1)')
    if decimals is not None:
        lines += ["", _ROUNDED.format(decimals=decimals)]
    return "\n".join(lines)


async def _say_too_large(work: Work, expression: Expr) -> None:
    """Say how many digits the number has, where even that can be computed."""
    said = f"{escape(shown(expression))} is far too large to compute"
    match expression:
        case Op("^", base, exponent) if size_of(exponent).peak <= _MAX_LOG:
            source = f"({render(exponent, MPMATH)}) * mp.log10({render(base, MPMATH)})"
            code = f"from mpmath import mp, mpf\n\nmp.dps = 50\ndigits = {source}\n"
            code += 'print("Digits:", mp.nstr(digits, 6, min_fixed=-10, max_fixed=30))'
            logs = await work.run(code, "count the digits")
            await work.say(
                f"{said}: it has about **{grouped_digits(value(logs, 'Digits'))}** digits."
            )
        case _:
            await work.say(f"{said}: more than 10^12 digits come up on the way.")


_SHOWN = """
def shown(number):
    number = mp.chop(number)
    real, imaginary = (mp.nstr(part, {digits}, min_fixed=-10, max_fixed=30).removesuffix(".0")
                       for part in (mp.re(number), mp.im(number)))
    if not mp.im(number):
        return mp.nstr(mp.re(number), {digits}, min_fixed=-10, max_fixed=30)
    imaginary = {{"1": "", "-1": "-"}}.get(imaginary, imaginary) + "i"
    return f"{{real}} + {{imaginary}}".replace("+ -", "- ") if mp.re(number) else imaginary

""".lstrip()

_ROUNDED = """
from decimal import ROUND_HALF_UP, Context, Decimal

if not mp.im(check) and abs(check) < mpf(10) ** 30:
    places = Decimal(1).scaleb(-{decimals})
    digits = Decimal(mp.nstr(check, {decimals} + 45))
    rounded = digits.quantize(places, ROUND_HALF_UP, Context(prec={decimals} + 50))
    print("Rounded:", f"{{rounded:,}}")
""".strip()
