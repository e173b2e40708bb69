"""What newcomers type into a calculator: the code runs, and the answer says the right value."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.planner.offline import OfflinePlanner
from engine.planner.protocol import Exchange, Question
from tests.fakes.lab import FolderLab


async def ask(folder: Path, text: str, *earlier: str) -> str:
    """The answer to a question in a conversation of earlier ones."""
    lab = FolderLab(folder)
    history = tuple(Exchange(each, "", ()) for each in earlier)
    await OfflinePlanner().answer(Question(text, history=history), lab)
    return lab.answer


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("5 * 3,5", "**17.5**"),
        ("2,5 + 1", "**3.5**"),
        ("1000 * 1,05", "**1,050**"),
        ("mean of 1,5 and 2,5", "**2**"),
        ("mean of 3, 5, 10", "**6**"),
        ("mean of 3,5,10", "**6**"),
        ("mean of 1,000 and 2,000", "**1,500**"),
        ("gcd of 12,18", "**6**"),
        ("1,234 * 2", "read 1,234 as 1234"),
        ("1.234,50 * 2", "**2,469**"),
        ("2,5x = 5", "**x = 2**"),
        ("x + y = 10,2x - y = 2", "**x = 4**, **y = 6**"),
        ("Compute 1,5 + 1. Then double it.", "**5**"),
    ],
)
async def test_decimal_commas(tmp_path: Path, question: str, said: str) -> None:
    """Decimal commas, thousands and lists are told apart."""
    assert said in await ask(tmp_path, question)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("10 / 3 rounded to 2 decimals", "**3.33**"),
        ("100 / 7 with 1 decimal", "**14.3**"),
        ("round 2.71828 to 3 decimals", "**2.718**"),
        ("round 2.5", "**3**"),
        ("1 / 8 to two decimal places", "**0.13**"),
        ("pi * 1 to 4 significant digits", "**3.142**"),
    ],
)
async def test_rounding(tmp_path: Path, question: str, said: str) -> None:
    """Decimals are counted behind the point, and half is rounded up."""
    assert said in await ask(tmp_path, question)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("9^9^9", "a number of about 369,693,100 digits"),
        ("9^9^9", "4.28124773175747e+369693099"),
        ("2^100000", "a number of about 30,103 digits"),
        ("2^100000 % 7", "**2**"),
        ("9^9^9^9", "is far too large to compute"),
        ("2^200", "**1,606,938,044,258,990,275,541,962,092,341,162,602,522,202,993,782,792,835,301,"
                  "376**"),
        ("10.5^400", "digits"),
        ("sqrt(-4)", "**2i**"),
        ("1 + sqrt(-9)", "**1 + 3i**"),
        ("sqrt(-4) * sqrt(-4)", "**-4"),
    ],
)  # fmt: skip
async def test_large_and_complex(tmp_path: Path, question: str, said: str) -> None:
    """Huge results are described by their digits; roots of negative numbers are complex."""
    assert said in await ask(tmp_path, question)


async def test_a_sign_continues_only_with_a_space(tmp_path: Path) -> None:
    """`-2^2` is a calculation of its own, `- 5` goes on with the result before."""
    assert "**-4**" in await ask(tmp_path, "-2^2", "6 * 7")
    assert "**37**" in await ask(tmp_path, "- 5", "6 * 7")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("what is 20% off 80?", "**64**"),
        ("19% VAT on 250", "Net 250.00, tax 47.50 (19%), gross **297.50**"),
        ("How many days between 2024-02-01 and 2024-03-01?", "**29**"),
        ("integrate x^2 from 0 to 3", "**9**"),
        ("derivative of x^3", "**3\\*x^2**"),
    ],
)
async def test_everyday(tmp_path: Path, question: str, said: str) -> None:
    """What people ask a calculator every day."""
    assert said in await ask(tmp_path, question)
