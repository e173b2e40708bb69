"""Expression trees as Python source, in floating point, in mpmath, or for sympy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.planner.expressions import FUNCTIONS, Call, Expr, Minus, Name, Num, Op

_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 4}
_MINUS = 3


@dataclass(frozen=True, slots=True)
class Style:
    """How numbers, functions and constants are written."""

    number: Callable[[str], str]
    function: Callable[[str], str]
    constant: Callable[[str], str]


def _math_function(name: str) -> str:
    return f"math.{FUNCTIONS[name]}"


def _mp_function(name: str) -> str:
    return f"mp.{FUNCTIONS[name]}"


def _sympy_function(name: str) -> str:
    return "sympy." + {"fabs": "Abs", "log": "log"}.get(FUNCTIONS[name], FUNCTIONS[name])


PYTHON = Style(lambda text: text, _math_function, lambda name: f"math.{name}")
MPMATH = Style(lambda text: f'mpf("{text}")', _mp_function, lambda name: f"mp.{name}")
SYMPY = Style(
    lambda text: text if text.isdigit() else f'sympy.Rational("{text}")',
    _sympy_function,
    lambda name: {"pi": "sympy.pi", "e": "sympy.E"}.get(name, name),
)


def render(expression: Expr, style: Style, variables: frozenset[str] = frozenset()) -> str:
    """The expression as source; only the brackets that it needs."""
    return _render(expression, style, variables)[0]


def _render(expression: Expr, style: Style, variables: frozenset[str]) -> tuple[str, int]:
    match expression:
        case Num(text):
            return style.number(text), 9
        case Name(name):
            return (name if name in variables else style.constant(name)), 9
        case Call("log" | "log10", inside) if style is SYMPY:  # it has no log10 of its own
            return f"sympy.log({_render(inside, style, variables)[0]}, 10)", 9
        case Call(function, inside):
            return f"{style.function(function)}({_render(inside, style, variables)[0]})", 9
        case Minus(inside):
            source, strength = _render(inside, style, variables)
            return (f"-{source}" if strength > _MINUS else f"-({source})"), _MINUS
        case Op(sign, left, right):
            return _operation(sign, left, right, style, variables)


def _operation(
    sign: str, left: Expr, right: Expr, style: Style, variables: frozenset[str]
) -> tuple[str, int]:
    strength = _STRENGTH[sign]
    first, first_strength = _render(left, style, variables)
    second, second_strength = _render(right, style, variables)
    if style is SYMPY and sign in "/^" and isinstance(left, Num) and left.text.isdigit():
        first = f"sympy.Integer({first})"  # 1/2 would be a float before sympy sees it
    if first_strength < strength or (sign == "^" and first_strength <= strength):
        first = f"({first})"
    if second_strength < strength or (sign != "^" and second_strength == strength):
        second = f"({second})"
    return (f"{first}**{second}" if sign == "^" else f"{first} {sign} {second}"), strength


def shown(expression: Expr, variables: frozenset[str] = frozenset()) -> str:
    """The expression for people: `4 × 3.82`, `sqrt(2)^3`."""
    source = render(expression, PYTHON, variables).replace("math.", "")
    return source.replace("**", "^").replace(" * ", " × ")


def uses_functions(expression: Expr) -> bool:
    """Whether the source needs `import math`."""
    match expression:
        case Call():
            return True
        case Name(name):
            return name in {"pi", "e"}
        case Op(_, left, right):
            return uses_functions(left) or uses_functions(right)
        case Minus(inside):
            return uses_functions(inside)
    return False
