"""Arithmetic in people's words → an expression tree → Python. Never raises on any text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.planner.separators import plain_numbers

MAX_LETTERS = 2_000
_MAX_DEPTH = 60
_MAX_DIGITS = 400

FUNCTIONS = {
    "sqrt": "sqrt", "cbrt": "cbrt", "sin": "sin", "cos": "cos", "tan": "tan", "asin": "asin",
    "acos": "acos", "atan": "atan", "log": "log10", "ln": "log", "log10": "log10", "exp": "exp",
    "abs": "fabs", "factorial": "factorial",
}  # fmt: skip
CONSTANTS = {"pi": "pi", "π": "pi", "e": "e"}

# Words for operators, longest first where one begins another.
_WORDS = (
    (r"\b(?:the )?square root of|√", " sqrt "),
    (r"\b(?:the )?(?:cube|cubic|third) root of|∛", " cbrt "),
    (r"\b(?:the )?natural log(?:arithm)? of", " ln "),
    (r"\b(?:the )?log(?:arithm)? of", " log "),
    (r"\b(?:the )?factorial of", " factorial "),
    (r"\b(?:the )?(sqrt|sin|cos|tan)(?:e|ine|gent)? of", r" \1 "),
    (r"\bto the power of|\braised to|\*\*", "^"),
    (r"\b(?:the )?square of (-?[\d.]+)", r"(\1)^2"),
    (r"\bsquared|²", "^2"),
    (r"\bcubed|³", "^3"),
    (r"\bmultiplied by|\btimes|×|·|⋅", "*"),
    (r"\bdivided by|÷", "/"),
    (r"\bmodulo|\bmod\b", " % "),
    (r"\bplus\b", "+"),
    (r"\bminus\b|−|–", "-"),
    (r"(?:\bpercent|\bper cent|%) of\b", "/100*"),
    (r"\bpercent\b|\bper cent\b", "%"),
    (r"(?<=\d)\s*x\s*(?=\d)", "*"),
)
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?|\.\d+)|(?P<name>[A-Za-zπ]+\d*)|(?P<op>[-+*/^()!%]))"
)


@dataclass(frozen=True, slots=True)
class Num:
    """A number as it was written."""

    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A constant or a variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function or postfix applied to one expression."""

    function: str
    inside: Expr


@dataclass(frozen=True, slots=True)
class Minus:
    """A negated expression."""

    inside: Expr


@dataclass(frozen=True, slots=True)
class Op:
    """Two expressions joined by one of `+ - * / % ^`."""

    sign: str
    left: Expr
    right: Expr


Expr = Num | Name | Call | Minus | Op


class _NotAnExpressionError(Exception):
    """The text is not an expression."""


def plain_operators(text: str) -> str:
    """The text with words for operators written as signs."""
    for pattern, sign in _WORDS:
        text = re.sub(pattern, sign, text, flags=re.IGNORECASE)
    return text


def parse(text: str, variables: frozenset[str] = frozenset()) -> Expr | None:
    """The expression that the whole text is, or None where it is none.

    `variables` are names allowed beside the constants; `3x` means 3 times x.
    """
    if len(text) > MAX_LETTERS:
        return None
    try:
        return _Parser(_tokens(plain_operators(plain_numbers(text)), variables), variables).whole()
    except _NotAnExpressionError:
        return None


def _tokens(text: str, variables: frozenset[str]) -> list[str]:
    tokens: list[str] = []
    position, text = 0, text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _NotAnExpressionError
        token = match.group().strip()
        if match["name"] and token.lower() not in FUNCTIONS | CONSTANTS and set(token) <= variables:
            tokens += list(token)  # xy means x times y
        else:
            tokens.append(token)
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent: sums of products of signed powers of postfixed atoms."""

    def __init__(self, tokens: list[str], variables: frozenset[str]) -> None:
        self._tokens = tokens
        self._variables = variables
        self._at = 0
        self._depth = 0

    def whole(self) -> Expr:
        found = self._sum()
        if self._at != len(self._tokens):
            raise _NotAnExpressionError
        return found

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *signs: str) -> str:
        token = self._peek()
        if token and token in signs:
            self._at += 1
            return token
        return ""

    def _sum(self) -> Expr:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _NotAnExpressionError
        left = self._product()
        while sign := self._take("+", "-"):
            right = self._product()
            if self._tokens[self._at - 1] == "%" and isinstance(right, Op) and right.sign == "/":
                right = Op("*", left, right)  # 200 + 10% is 220
            left = Op(sign, left, right)
        self._depth -= 1
        return left

    def _product(self) -> Expr:
        left = self._signed()
        while True:
            if sign := self._take("*", "/"):
                left = Op(sign, left, self._signed())
            elif self._peek() == "%" and self._starts_atom(self._at + 1):
                self._at += 1
                left = Op("%", left, self._signed())
            elif self._starts_atom(self._at) and not self._peek()[0].isdigit():
                left = Op("*", left, self._power())
            else:
                return left

    def _starts_atom(self, at: int) -> bool:
        token = self._tokens[at] if at < len(self._tokens) else ""
        return token.startswith(("(", ".")) or token[:1].isalnum()

    def _signed(self) -> Expr:
        negative = False
        while sign := self._take("-", "+"):
            negative ^= sign == "-"
        power = self._power()
        return Minus(power) if negative else power

    def _power(self) -> Expr:
        base = self._postfixed()
        if not self._take("^"):
            return base
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _NotAnExpressionError
        exponent = self._signed()
        self._depth -= 1
        return Op("^", base, exponent)

    def _postfixed(self) -> Expr:
        inner = self._atom()
        while True:
            if self._take("!"):
                inner = Call("factorial", inner)
            elif self._peek() == "%" and not self._starts_atom(self._at + 1):
                self._at += 1
                inner = Op("/", inner, Num("100"))
            elif self._peek().lower() in {"degrees", "degree", "deg"}:
                self._at += 1
                inner = Op("/", Op("*", inner, Name("pi")), Num("180"))
            else:
                return inner

    def _atom(self) -> Expr:
        token = self._peek()
        self._at += 1
        if token.startswith("("):
            inner = self._sum()
            if not self._take(")"):
                raise _NotAnExpressionError
            return inner
        if token and (token[0].isdigit() or token[0] == "."):
            if len(token) > _MAX_DIGITS:
                raise _NotAnExpressionError
            return Num(plain_number(token))
        if token in self._variables:
            return Name(token)
        if token.lower() in FUNCTIONS:
            return Call(token.lower(), self._argument())
        if token.lower() in CONSTANTS:
            return Name(CONSTANTS[token.lower()])
        raise _NotAnExpressionError

    def _argument(self) -> Expr:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _NotAnExpressionError
        found = self._power() if self._peek() != "-" else self._signed()
        self._depth -= 1
        return found


def plain_number(token: str) -> str:
    """A number as Python writes it: no separators, no leading zeros, no bare point."""
    sign, digits = ("-", token[1:]) if token.startswith("-") else ("", token)
    return sign + re.sub(r"^0+(?=\d)", "", f"0{digits.replace(',', '')}")
