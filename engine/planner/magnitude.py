"""How large a calculation becomes, by logarithms alone, before any of it is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.planner.expressions import FUNCTIONS, Call, Expr, Minus, Name, Num, Op

_LN10 = math.log(10)
_FLOAT_LOG = 300.0  # beyond 10 to this power a float overflows
_CONSTANTS = {"pi": math.log10(math.pi), "e": math.log10(math.e)}


@dataclass(frozen=True, slots=True)
class Size:
    """A rough value: its sign and `log`, the decimal logarithm of its amount.

    `peak` is the largest amount of `log` on the way to it; `whole` says whether it is an integer
    by its form, `real` is false where it leaves the real numbers.
    """

    sign: int
    log: float
    peak: float
    whole: bool = False
    real: bool = True

    @property
    def value(self) -> float:
        """The rough value; infinite where a float can't hold it."""
        return self.sign * _power_of_ten(self.log)


def size_of(expression: Expr, variables: Mapping[str, Size] | None = None) -> Size:
    """How large an expression is. Never raises, and never computes a large number."""
    known = variables or {}
    match expression:
        case Num(text):
            number = Decimal(text)
            log = float(number.log10()) if number else -math.inf
            return Size(1, log, _amount(log), whole=text.isdigit())
        case Name(name):
            return known.get(name, Size(1, _CONSTANTS.get(name, 0.0), 1))
        case Minus(inside):
            size = size_of(inside, known)
            return Size(-size.sign, size.log, size.peak, size.whole, size.real)
        case Call(function, inside):
            return _call(FUNCTIONS[function], size_of(inside, known))
        case Op(sign, left, right):
            return _operation(sign, size_of(left, known), size_of(right, known))


def _amount(log: float) -> float:
    return 0.0 if log == -math.inf else abs(log)


def _power_of_ten(log: float) -> float:
    return math.inf if log > _FLOAT_LOG else 10.0**log


def _from(value: float) -> tuple[int, float]:
    return (-1 if value < 0 else 1), (math.log10(abs(value)) if value else -math.inf)


def _call(function: str, inside: Size) -> Size:
    sign, log, real = 1, 0.0, inside.real
    value = inside.value
    match function:
        case "sqrt":
            log, real = inside.log / 2, real and not value < 0
        case "cbrt":
            sign, log = inside.sign, inside.log / 3
        case "fabs":
            log = inside.log
        case "exp":
            log = value / _LN10
        case "log" | "log10":
            log, real = math.log10(abs(inside.log) + 1), real and not value < 0
        case "factorial":
            log = math.lgamma(min(value, 1e300) + 1) / _LN10 if value > 0 else 0.0
        case "asin" | "acos":
            real = real and inside.log <= 1e-12
        case _:
            sign = -1 if function == "sin" and value < 0 else 1
    whole = function == "factorial" and inside.whole
    return Size(sign, log, max(inside.peak, _amount(log)), whole, real)


def _operation(sign: str, left: Size, right: Size) -> Size:
    whole = left.whole and right.whole and sign != "/"
    real = left.real and right.real
    match sign:
        case "^":
            side, log = _power(left, right)
            whole = whole and right.sign > 0
            real = real and (left.sign > 0 or right.whole or right.value.is_integer())
        case "*":
            side, log = left.sign * right.sign, left.log + right.log
        case "/":
            side, log = left.sign * right.sign, left.log - right.log
            log = 0.0 if right.log == -math.inf else log  # left to Python's own error
        case "%":
            side, log = right.sign, min(left.log, right.log)
        case _:
            other = -right.sign if sign == "-" else right.sign
            side, log = _sum(left.sign, left.log, other, right.log)
    log = -math.inf if math.isnan(log) else log
    return Size(side, log, max(left.peak, right.peak, _amount(log)), whole, real)


def _power(left: Size, right: Size) -> tuple[int, float]:
    odd = right.value % 2 == 1 if math.isfinite(right.value) else False
    if left.log == -math.inf:
        return 1, left.log
    nothing = left.log == 0 or right.value == 0
    return (left.sign if odd else 1), (0.0 if nothing else left.log * right.value)


def _sum(sign: int, log: float, other_sign: int, other_log: float) -> tuple[int, float]:
    top = max(log, other_log)
    if math.isinf(top):
        return sign, top
    scaled = sign * _power_of_ten(log - top) + other_sign * _power_of_ten(other_log - top)
    side, rest = _from(scaled)
    return side, top + rest
