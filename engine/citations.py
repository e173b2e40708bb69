"""`sandbox:` links in an answer's text → citations of container files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

# One level of parentheses inside the link's own: `[x](sandbox:/mnt/data/plot (1).png)`.
_LINK = re.compile(r"\]\(<?(sandbox:(/mnt/data/(?:[^()<>\n]|\([^()<>\n]*\))+))>?\)")


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a file in `/mnt/data`; `start:end` covers `sandbox:/mnt/data/…` [seen]."""

    path: str
    start: int
    end: int

    @property
    def paths(self) -> tuple[str, ...]:
        """The path as written, and as it reads when it was percent-encoded."""
        return (self.path, unquote(self.path))


def links(text: str) -> Iterator[Link]:
    """All links `[…](sandbox:/mnt/data/…)`, in order."""
    for match in _LINK.finditer(text):
        yield Link(match[2], match.start(1), match.end(1))
