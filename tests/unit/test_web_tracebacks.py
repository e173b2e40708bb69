"""Telling a run that ended in an exception from one that went well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.tracebacks import ends_in_traceback

_IPYTHON = """---------------------------------------------------------------------------
ZeroDivisionError                         Traceback (most recent call last)
Cell In[1], line 1
----> 1 1/0

ZeroDivisionError: division by zero
"""
_PYTHON = """Traceback (most recent call last):
  File "<stdin>", line 1, in <module>
ValueError: bad
"""
_SYNTAX = """  Cell In[1], line 1
    x = = 1
        ^
SyntaxError: invalid syntax
"""


@pytest.mark.parametrize("traceback", [_IPYTHON, _PYTHON, _SYNTAX])
@given(st.text(max_size=200))
def test_an_exception_at_the_end_is_seen_whatever_was_printed_before(
    traceback: str, printed: str
) -> None:
    """All three forms are known, after any output."""
    assert ends_in_traceback(traceback)
    assert ends_in_traceback(f"{printed}\n{traceback}")


def test_a_message_of_several_lines_is_seen() -> None:
    """An exception whose text breaks lines is one."""
    assert ends_in_traceback(_IPYTHON + "and more\nof it, (as pandas writes)\n")


@pytest.mark.parametrize(
    "logs",
    [
        "",
        "42",
        "ValueError: 3 rows",
        "Traceback (most recent call last) is what Python prints first",
        _PYTHON + "It was caught, and the total is 17.",
    ],
)
def test_other_output_is_no_exception(logs: str) -> None:
    """Words about errors, and a traceback that was printed and survived, are output."""
    assert not ends_in_traceback(logs)
