"""Numbers as people write them, rounding, and how large a result becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.planner.arithmetic import expression_in
from engine.planner.render import PYTHON, render
from engine.planner.separators import plain_numbers, reading_note


class TestSeparators:
    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("5 * 3,5", "5 * 3.5"),
            ("1000 * 1,05", "1000 * 1.05"),
            ("1,5 and 2,5", "1.5 and 2.5"),
            ("1,234", "1234"),
            ("1,234,567.89", "1234567.89"),
            ("1.234,50", "1234.50"),
            ("1.234.567", "1234567"),
            ("1.234", "1.234"),
            ("0,125", "0.125"),
            ("1234,567", "1234.567"),
            ("1,055 * 2,5", "1.055 * 2.5"),
            ("3, 5, 9", "3, 5, 9"),
            ("3,5,9", "3, 5, 9"),
            ("2024.01.15", "2024.01.15"),
        ],
    )
    def test_commas_and_points_are_read_as_people_mean(self, text: str, plain: str) -> None:
        """A comma before anything but three digits is a decimal comma, in a row it is a list."""
        assert plain_numbers(text) == plain

    @pytest.mark.parametrize(
        ("text", "note"),
        [
            ("1,234 * 2", "Note: read 1,234 as 1234."),
            ("1,055 * 2,5", "Note: read 1,055 as 1.055."),
            ("1,234 + 1,234,567", ""),
            ("1,000 * 2", ""),
            ("5 * 3,5", ""),
        ],
    )
    def test_a_doubtful_reading_is_said(self, text: str, note: str) -> None:
        """Only a number that can be read in two ways is explained."""
        assert reading_note(text) == note

    @given(st.text(alphabet="0123456789., +a", max_size=40))
    def test_twice_is_once(self, text: str) -> None:
        """Plain numbers stay as they are."""
        once = plain_numbers(text)

        assert plain_numbers(once) == once

    @given(st.floats(0, 1e9, allow_nan=False))
    def test_both_styles_are_the_same_number(self, number: float) -> None:
        """A number in the English and in the continental style is read alike."""
        english = f"{number:,.2f}"
        continental = english.translate(str.maketrans(",.", ".,"))

        assert float(plain_numbers(continental)) == float(plain_numbers(english))

    @pytest.mark.parametrize(
        ("question", "value"),
        [("5 * 3,5", 17.5), ("2,5 + 1", 3.5), ("1000 * 1,05", 1050), ("1.234,50 * 2", 2469)],
    )
    def test_calculations_with_decimal_commas(self, question: str, value: float) -> None:
        """A calculation with decimal commas has the value that its writer means."""
        expression = expression_in(question)

        assert expression is not None
        assert eval(render(expression, PYTHON)) == pytest.approx(value)
