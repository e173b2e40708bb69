"""How the planner reads marked-up formulas, spans of time and words it knows nothing of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.planner.equations import parse_equations
from engine.planner.markup import without_markup
from engine.planner.numbers import NumberTasks
from engine.planner.protocol import Question
from engine.planner.sources import Source
from engine.planner.tables import Column, Table
from engine.planner.times import parse_spans
from engine.planner.unread import unread
from engine.planner.workbench import Work
from tests.fakes.lab import FolderLab

SALES = Table(
    Source("/mnt/data/sales.csv", ""),
    120,
    0,
    (
        Column("date", "date", distinct=119),
        Column("region", "text", distinct=4, values=("North", "South")),
        Column("revenue", "number", distinct=76),
    ),
)


class TestMarkup:
    @pytest.mark.parametrize(
        "text",
        [
            "I need to solve the equation `3x + 11 = 14`. Can you help me?",
            "Could you solve `3x + 11 = 14`, please?",
            "please solve $3x + 11 = 14$",
            r"Solve \(3x + 11 = 14\)",
            r"$$\left(3 \cdot x\right) + 11 = 14$$",
        ],
    )
    def test_equations_in_marks_are_found(self, text: str) -> None:
        """However an equation is marked up, it is the same one."""
        (equation,) = parse_equations(without_markup(text))

        assert equation.unknowns == {"x"}

    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            (r"\frac{\sqrt{16}}{2}", "((sqrt(16))/(2))"),
            ("from $5 to $10", "from $5 to $10"),
            ("x^{2}", "x^(2)"),
        ],
    )
    def test_formulas_become_plain(self, text: str, plain: str) -> None:
        """LaTeX turns into signs; prices stay prices."""
        assert without_markup(text).strip() == plain

    @given(st.text(alphabet="`$\\{}frac()=x^2 \n", max_size=200))
    def test_any_text_is_fine(self, text: str) -> None:
        """Broken markup raises nothing."""
        without_markup(text)


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("revenue last month", "the last month in the data"),
            ("sales in the last 3 months", "the last 3 months in the data"),
            ("from March to June", "March to June"),
            ("between nov and feb", "November to February"),
            ("compare 2025-01 with 2025-02", "2025-01 or 2025-02"),
            ("compare january and may", "January or May"),
        ],
    )
    def test_spans(self, text: str, said: str) -> None:
        """A span is read as people mean it."""
        found = parse_spans(text, "date")

        assert found is not None
        assert found[1] == said

    @pytest.mark.parametrize("text", ["may I see march", "revenue by month", "on 2025-01-03"])
    def test_what_is_no_span(self, text: str) -> None:
        """The verb `may`, periods to group by and whole dates are no spans."""
        assert parse_spans(text, "date") is None


class TestUnread:
    @pytest.mark.parametrize(
        ("text", "strange"),
        [
            ("what is the profit margin by region?", ["profit", "margin"]),
            ("Could you please show me the total revenue per region?", []),
            ("how does revenue in the North change over time", []),
            ("revenue by region for churned customers", ["churned", "customers"]),
        ],
    )
    def test_only_what_means_nothing(self, text: str, strange: list[str]) -> None:
        """Words of politeness, of the table and of the rules are known; others are named."""
        assert unread(text, SALES) == strange


class TestNumbers:
    @pytest.mark.parametrize(
        ("question", "said"),
        [
            ("the 50th Fibonacci number", "F(50) = **12,586,269,025**"),
            ("first 10 fibonacci numbers", "0, 1, 1, 2, 3, 5, 8, 13, 21, 34"),
            ("is 97 prime?", "**97** is prime"),
            ("is 91 prime?", "7 × 13"),
            ("convert 5 miles to km", "5 miles = **8.04672 km**"),
            ("how many grams are 2 pounds?", "**907.18474 g**"),
            ("convert 100 F to C", "**37.777778 °C**"),
            ("5 kg to miles", "can't be converted"),
            ("mean of 3, 5, 9", "**5.6666666667**"),
            (
                "standard deviation of 2, 4, 4, 4, 5, 5, 7, 9",
                "divided by n - 1) is **2.1380899353**",
            ),
        ],
    )
    async def test_tasks(self, tmp_path: Path, question: str, said: str) -> None:
        """Everyday questions about numbers are computed and checked."""
        lab = FolderLab(tmp_path)
        work = Work(question, Question(question), lab, ())

        assert NumberTasks().matches(work)
        await NumberTasks().answer(work)

        assert said in lab.answer
