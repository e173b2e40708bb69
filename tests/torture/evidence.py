"""What was said, shown and asked: all that the checker looks at. Times are real, in seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

QUESTION = re.compile(r"\bQ(\d+) version (\d+):([^\n]*)")
NUMBER = re.compile(r"\bQ(\d+)\b")
LINES_OF_LONG = 60
IN_A_ROW_MAX = 2  # faults of one kind of call: the program may give up after more


class Surely(StrEnum):
    """Whether something came in time to count."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


@dataclass
class Said:
    """A message that somebody wrote.

    `known_at` is when it was seen that the program has it; `must`: the platform delivered it for
    sure, so that it has to be answered.
    """

    number: int
    place: str
    author: str
    sent_at: float
    version: int = 1
    known_at: float | None = None
    must: bool = True
    edited: Surely = Surely.NO
    withdrawn: Surely = Surely.NO
    sends_file: bool = False
    makes_file: bool = False
    long: bool = False
    held: bool = False

    @property
    def text(self) -> str:
        """What the message says; the engine's script reads it."""
        wishes = [
            "make a file" if self.makes_file else "",
            "at length" if self.long else "",
            "hold" if self.held else "",
        ]
        wanted = ", ".join(wish for wish in wishes if wish) or "briefly"
        return f"Q{self.number} version {self.version}: {wanted}"

    @property
    def sent_name(self) -> str:
        """The name of the file that came with it."""
        return f"sent-Q{self.number}.txt"

    @property
    def made_name(self) -> str:
        """The name of the file that code makes for it."""
        return f"made-Q{self.number}.txt"


def made_content(number: int) -> bytes:
    """What stands in the file that code makes."""
    return f"made for Q{number}".encode()


@dataclass
class Called:
    """Bare mentions of the bot in one place: a command each. `must` were surely delivered."""

    must: int = 0
    most: int = 0


@dataclass(frozen=True)
class Shown:
    """A message of the bot, as it stands in the end."""

    place: str
    text: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    working: bool = False  # a stream, a status or a Stop button was left


@dataclass(frozen=True)
class Asked:
    """A question that the engine got: numbers of messages, and of those whose files lay there."""

    at: float
    numbers: tuple[int, ...]
    files: tuple[int, ...] = ()
    earlier: tuple[int, ...] = ()  # in the context


@dataclass
class Evidence:
    """Everything, once it is quiet."""

    said: Mapping[int, Said]
    shown: Sequence[Shown] = ()  # in each place in the order in which they stand there
    asked: Sequence[Asked] = ()
    working: Sequence[str] = ()  # places that still show a status
    violations: Sequence[str] = ()  # what the fakes complain of
    per_minute: int = 0  # the engine's limit; 0: none
    knocks: Sequence[float] = ()  # when the engine was asked, also what it did not take
    called: Mapping[str, Called] = field(default_factory=dict)  # by place
