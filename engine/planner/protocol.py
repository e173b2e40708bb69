"""The small protocol between the server and whatever decides what code to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LabFile:
    """A file in the container's `/mnt/data`. `source` is `user` or `assistant`."""

    id: str
    path: str
    size_bytes: int
    source: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one run of code gave.

    `error` is the exception's name and message, or what stopped the code (time, memory, disk);
    `traceback` is readable, without terminal colours; `limit` says in a sentence which limit ended
    the run, what helps, and whether variables are kept: empty where it was none.
    """

    logs: str
    images: tuple[bytes, ...] = ()
    error: str | None = None
    traceback: str = ""
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier question of the same conversation, with its answer and the code that ran."""

    question: str
    answer: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked now.

    `attached` are paths in `/mnt/data` of the files that came with this question, oldest first;
    `context` is what the user's other messages since the last answer say;
    `must_use_tool` is `tool_choice="required"`.
    """

    text: str
    instructions: str = ""
    attached: tuple[str, ...] = ()
    history: Sequence[Exchange] = ()
    must_use_tool: bool = False
    context: str = ""


class Lab(Protocol):
    """What a planner can do."""

    async def files(self) -> Sequence[LabFile]:
        """All files in `/mnt/data` now, oldest first."""

    async def run(self, code: str) -> RunResult:
        """Run code in the container's kernel; state stays between runs and turns."""

    async def say(self, text: str) -> None:
        """Append Markdown to the answer; `[x](sandbox:/mnt/data/x)` links become citations."""


class Planner(Protocol):
    """Decides what code answers a question."""

    async def answer(self, question: Question, lab: Lab) -> None:
        """Answer through the lab. Raise nothing for bad questions: say what is wrong instead."""
