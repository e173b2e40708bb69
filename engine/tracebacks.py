"""What a person needs of a traceback: the frames of their own code, and the error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

# Libraries, compiled code and texts that were executed; files of the person's stay.
_FOREIGN = re.compile(r"File (?:\S*(?:/site-packages/|/dist-packages/|/lib\d*/python\d)|[^/~])")
_CHAINED = re.compile(r"\s*(?:The above exception was|During handling of)")


def own_frames(entries: Sequence[str]) -> list[str]:
    """A traceback's entries (headings, frames, errors) without those of libraries, which name
    paths of the server; a frame that repeats itself comes once, and an exception that was raised
    and answered within a library not at all."""
    parts: list[list[str]] = [[]]
    for entry in entries:
        if _CHAINED.match(entry):
            parts.append([])
        parts[-1].append(entry)
    kept = [part for part in parts[:-1] if any(map(_is_own_frame, part))]
    shown = [entry for part in [*kept, parts[-1]] for entry in _without_foreign(part)]
    return shown[1:] if shown and _CHAINED.match(shown[0]) else shown


def _is_own_frame(entry: str) -> bool:
    return entry.startswith(("File ", "Cell In[")) and not _FOREIGN.match(entry)


def _without_foreign(part: Iterable[str]) -> list[str]:
    return [entry for entry, _ in groupby(part) if not _FOREIGN.match(entry)]
