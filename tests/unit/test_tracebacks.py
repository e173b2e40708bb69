"""Tracebacks as people get them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.tracebacks import own_frames

RULE = "-" * 75
HEAD = "KeyError                  Traceback (most recent call last)"
OWN = "Cell In[1], line 3\n----> 3 df['b']\n"
MODULE = "File /mnt/data/helpers.py:2, in total(df)\n----> 2 df['b']"
PANDAS = "File /opt/x/.venv/lib/python3.11/site-packages/pandas/core/frame.py:4, in get(self)\n 4 x"
JSON = "File /usr/lib/python3.11/json/__init__.py:346, in loads(s)\n 346 x"
COMPILED = "File pandas/_libs/index.pyx:172, in pandas._libs.index.get_loc()"
ERROR = "KeyError: 'b'"
CHAIN = "\nThe above exception was the direct cause of the following exception:\n"


def test_frames_of_libraries_are_left_out() -> None:
    """The frames of the person's code and modules, and the error, are what remains."""
    assert own_frames([RULE, HEAD, OWN, MODULE, PANDAS, JSON, COMPILED, ERROR]) == [
        *(RULE, HEAD, OWN, MODULE, ERROR)
    ]


def test_a_chain_within_a_library() -> None:
    """An exception that never passed through the person's code is left out whole."""
    entries = [RULE, HEAD, PANDAS, COMPILED, ERROR, CHAIN, HEAD, OWN, PANDAS, ERROR]

    assert own_frames(entries) == [HEAD, OWN, ERROR]


def test_a_chain_of_ones_own() -> None:
    """Both exceptions stay where both were raised in the person's code."""
    entries = [RULE, HEAD, OWN, ERROR, CHAIN, HEAD, OWN, ERROR]

    assert own_frames(entries) == entries


def test_recursion() -> None:
    """A frame that calls itself a thousand times is shown once."""
    assert own_frames([RULE, HEAD, *[OWN] * 1000, ERROR]) == [RULE, HEAD, OWN, ERROR]


@given(st.lists(st.sampled_from([RULE, HEAD, OWN, PANDAS, CHAIN]) | st.text()), st.text())
def test_the_error_is_never_lost(entries: list[str], error: str) -> None:
    """Whatever a kernel sends, its last entry is shown unless that is a library's frame."""
    last = f"ValueError: {error}"

    assert own_frames([*entries, last])[-1] == last
