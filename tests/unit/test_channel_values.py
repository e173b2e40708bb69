"""The settings of a channel: read from what people write."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channel_values import settings_of, shown
from bot.errors import BadArguments
from tests.fakes.threadlab import settings_for

KNOWN = settings_of(
    settings_for(
        Path(), "http://x/v1", openai_models=("gpt-5-mini",), channel_instructions_chars=10
    )
)


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("model", "GPT-5-Mini", "gpt-5-mini"),
        ("effort", "low", "low"),
        ("memory_limit", "4g", "4g"),
        ("mode", "explicit", "explicit"),
        ("instructions", "Be brief.", "Be brief."),
        ("followups", "all", "all"),
        ("budget_day_usd", "$2.50", 2.5),
        ("budget_month_usd", "none", None),
        ("users", "<@U1>, <@!2> <@U3|ann> U-4", ("U1", "2", "U3", "U-4")),
        ("users", "U1 U1", ("U1",)),
        ("users", "none", ()),
    ],
)
def test_read(name: str, written: str, value: object) -> None:
    """Each setting reads its own kind of value."""
    assert KNOWN[name].read(written) == value


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("model", "gpt-4"),
        ("effort", "most"),
        ("memory_limit", "2g"),
        ("mode", "manual"),
        ("instructions", "x" * 11),
        ("followups", "never"),
        ("budget_day_usd", "-1"),
        ("budget_day_usd", "nan"),
        ("budget_day_usd", "inf"),
        ("budget_month_usd", "a lot"),
        ("users", "Ann Smith!"),
        ("users", " ".join(f"U{n}" for n in range(201))),
    ],
)
def test_refused(name: str, written: str) -> None:
    """What does not fit is refused with a sentence."""
    with pytest.raises(BadArguments, match=r"\.$"):
        KNOWN[name].read(written)


@pytest.mark.parametrize("name", sorted(KNOWN))
@given(written=st.text(max_size=30))
def test_anything(name: str, written: str) -> None:
    """Whatever is written, it is a value that can be shown, or refused."""
    try:
        value = KNOWN[name].read(written)
    except BadArguments:
        return

    assert not isinstance(value, float) or (math.isfinite(value) and value >= 0)
    assert "\n" not in shown(value)


@pytest.mark.parametrize(("value", "said"), [(0, "$0.00"), (5, "$5.00"), (2.5, "$2.50")])
def test_money_is_shown_as_money(value: float, said: str) -> None:
    """A budget reads as dollars, also where the database gives a whole number back."""
    assert shown(value) == said


def test_long_texts_are_cut() -> None:
    """In a list a long text shows how it begins; alone, all of it."""
    assert len(shown("x" * 500)) < 100
    assert "x" * 500 in shown("x" * 500, whole=True)
