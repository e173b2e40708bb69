"""What newcomers type into a calculator: the code runs for real, the answer says the right value."""

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
