"""Whether a run's output says that its code ended in an exception.

The API calls such a run completed: what went wrong is in its logs alone.
"""

from __future__ import annotations

import re

_TAIL_CHARS = 20_000  # a traceback is shorter; what a person printed before it does not matter
# IPython writes this header for nothing but an exception that nobody caught.
_IPYTHON = re.compile(r"^[A-Za-z_][\w.]* {2,}Traceback \(most recent call last\)$", re.MULTILINE)
_PYTHON = re.compile(r"^Traceback \(most recent call last\):$", re.MULTILINE)
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:: .*)?$")
_SYNTAX = re.compile(r"^(?:SyntaxError|IndentationError|TabError): ")


def ends_in_traceback(logs: str) -> bool:
    """Whether the last lines are a Python traceback, as Python or IPython writes it."""
    tail = logs[-_TAIL_CHARS:].rstrip()
    last = tail.rpartition("\n")[2]
    if _IPYTHON.search(tail) or _SYNTAX.match(last):
        return True
    return bool(_PYTHON.search(tail) and _EXCEPTION.match(last))
