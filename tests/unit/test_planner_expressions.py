"""Arithmetic, steps and equations in people's words."""

from __future__ import annotations

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.planner.arithmetic import expression_in, grouped_digits
from engine.planner.equations import parse_equations
from engine.planner.expressions import parse, plain_number
from engine.planner.precision import Precision, precision_in
from engine.planner.render import MPMATH, PYTHON, SYMPY, render
from engine.planner.steps import parse_steps


def evaluate(source: str, **names: float) -> float:
    """The value of generated source."""
    return float(eval(source, {"math": math, **names}))


class TestArithmetic:
    @pytest.mark.parametrize(
        ("question", "value"),
        [
            ("what is 65465-6544 * 65464-6+1.02255", -428330955.97745),
            ("What's 2 + 3 * 4?", 14),
            ("calculate (1 + 2) * 3", 9),
            ("15% of 230", 34.5),
            ("what is 15 percent of 230?", 34.5),
            ("200 + 10%", 220),
            ("200 - 10%", 180),
            ("10 % 3", 1),
            ("sqrt of 2 to 20 digits", math.sqrt(2)),
            ("the square root of 16 plus 3", 7),
            ("cube root of 27", 3),
            ("5!", 120),
            ("factorial of 6", 720),
            ("2^3^2", 512),
            ("-2^2", -4),
            ("3 x 4", 12),
            ("2(3+4)", 14),
            ("7 times 6 divided by 2", 21),
            ("3 squared plus 4 squared", 25),
            ("sin 30 degrees", 0.5),
            ("2 to the power of 10", 1024),
            ("1,234.5 * 2", 2469),
            ("10 - (3 - 2)", 9),
            ("100 / (2 * 5)", 10),
            ("ln(e)", 1),
            ("log of 1000", 3),
            ("007 + 1", 8),
            ("use the python tool to compute 12 ÷ 5", 2.4),
        ],
    )
    def test_words_and_signs_mean_what_people_mean(self, question: str, value: float) -> None:
        """A calculation in words or signs has the value that people expect."""
        expression = expression_in(question)

        assert expression is not None
        assert evaluate(render(expression, PYTHON)) == pytest.approx(value)

    @pytest.mark.parametrize(
        "text",
        ["", "hello", "42", "total revenue by region", "(1 + 2", "2 +", "sales 2024-2025"],
    )
    def test_other_text_is_no_calculation(self, text: str) -> None:
        """Text with anything beside a calculation and filler words is left to other skills."""
        assert expression_in(text) is None

    @given(st.text(max_size=80))
    def test_never_raises_on_any_text(self, text: str) -> None:
        """Whatever is typed, parsing ends with an expression or None, and source that compiles."""
        expression = expression_in(text)

        if expression is not None:
            for style in (PYTHON, MPMATH, SYMPY):
                ast.parse(render(expression, style), mode="eval")

    @given(st.text(alphabet="0123456789.+-*/^()!% sqrtxpie,", max_size=60))
    def test_never_raises_on_near_calculations(self, text: str) -> None:
        """Near misses of calculations give source that compiles, too."""
        expression = parse(text, frozenset("x"))

        if expression is not None:
            ast.parse(render(expression, PYTHON, frozenset("x")), mode="eval")

    @given(
        st.recursive(
            st.integers(0, 99).map(str),
            lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
                lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
            ),
            max_leaves=12,
        )
    )
    def test_agrees_with_python(self, text: str) -> None:
        """A bracketed calculation has the value that Python gives it."""
        expression = parse(text)

        assert expression is not None
        assert evaluate(render(expression, PYTHON)) == eval(text)

    def test_deep_nesting_is_refused(self) -> None:
        """A thousand brackets are no calculation rather than a crash."""
        assert parse("(" * 900 + "1" + ")" * 900) is None

    def test_digits(self) -> None:
        """The number of digits is read from the question, within a bound."""
        assert precision_in("sqrt of 2 to 20 digits") == Precision(20)
        assert precision_in("pi with 999 decimal places") == Precision(decimals=500)
        assert precision_in("10 / 3 rounded to 2 decimals") == Precision(decimals=2)
        assert precision_in("round 2.5 to the nearest integer") == Precision(decimals=0)
        assert precision_in("1 + 1") == Precision(15)

    def test_grouped_digits(self) -> None:
        """Thousands are separated, decimals kept and idle zeros dropped."""
        assert grouped_digits("-428330955.97745") == "-428,330,955.97745"
        assert grouped_digits("34.50") == "34.5"
        assert grouped_digits("1.0e+30") == "1.0e+30"

    @given(st.from_regex(r"-?[0-9]{1,6}(,[0-9]{3})?(\.[0-9]{1,3})?", fullmatch=True))
    def test_plain_number_is_python(self, text: str) -> None:
        """A number as people write it becomes a number as Python writes it."""
        assert ast.literal_eval(plain_number(text)) == float(text.replace(",", ""))


class TestSteps:
    @pytest.mark.parametrize(
        ("question", "value"),
        [
            (
                "Compute 4 * 3.82. Then take the square root of that result. Then again.",
                math.sqrt(math.sqrt(4 * 3.82)),
            ),
            ("Compute 2 + 3, then double it, then add 5", 15),
            ("Calculate 10 / 4. Multiply that by 3. Subtract 1.5.", 6),
            ("what is 9 + 7? Then take the square root", 4),
            ("Compute 3 + 4. Square it. Then divide by 7.", 7),
            ("Compute 8 * 8. Halve it twice.", None),
        ],
    )
    def test_each_sentence_is_a_step(self, question: str, value: float | None) -> None:
        """Every sentence works on the result of the one before; else the text is no steps."""
        steps = parse_steps(question)

        if value is None:
            assert steps == []
            return
        running = 0.0
        for step in steps:
            running = evaluate(render(step, PYTHON, frozenset("r")), r=running)
        assert running == pytest.approx(value)

    @given(st.text(max_size=100))
    def test_never_raises(self, text: str) -> None:
        """Any text is either steps or none."""
        assert isinstance(parse_steps(text), list)


class TestEquations:
    @pytest.mark.parametrize(
        ("question", "unknowns"),
        [
            ("3x + 11 = 14. Show x.", "x"),
            ("solve x^2 - 5x + 6 = 0", "x"),
            ("x + y = 10, x - y = 2", "xy"),
            ("Solve 2a + 3b = 12 and a - b = 1 for a and b", "ab"),
            ("what is x if 2x = 8?", "x"),
            ("If y = 2x + 1 and x + y = 10", "xy"),
        ],
    )
    def test_finds_the_equations(self, question: str, unknowns: str) -> None:
        """Equations are found among words, with their unknowns."""
        found = parse_equations(question)

        assert frozenset().union(*(each.unknowns for each in found)) == frozenset(unknowns)

    @pytest.mark.parametrize("text", ["total = revenue by region", "", "a = ", "1 + 1 = 2", "x"])
    def test_other_text_is_no_equation(self, text: str) -> None:
        """Text without an unknown on either side of `=` is no equation."""
        assert all(len(each.unknowns) <= 5 for each in parse_equations(text))
        assert text != "1 + 1 = 2" or parse_equations(text) == []

    @given(st.text(alphabet="0123456789xy=+-*/^(). and", max_size=60))
    def test_never_raises(self, text: str) -> None:
        """Any text is equations that compile, or none."""
        for each in parse_equations(text):
            ast.parse(render(each.left, SYMPY), mode="eval")
            ast.parse(render(each.right, SYMPY), mode="eval")
