"""A question with its files, and the lab to work on it: what every skill gets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.planner.note import NO_NOTE, ChatNote
from engine.planner.protocol import Lab, LabFile, Question
from engine.planner.text import shown_name, suffix

TABLES = (".csv", ".tsv", ".xlsx", ".xlsm", ".xls", ".json", ".jsonl", ".ndjson", ".parquet")
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")


FILE_NAME = re.compile(
    r"[\w./-]*\w\.(?:"
    + "|".join(kind[1:] for kind in (*TABLES, *IMAGES))
    + r"|txt|md|zip|pdf|docx)\b",
    re.IGNORECASE,
)


class CodeFailed(Exception):
    """Code ended with an error. `doing` says what was tried, `limit` which limit ended it."""

    def __init__(self, doing: str, error: str, limit: str) -> None:
        super().__init__(error)
        self.doing = doing
        self.error = error
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked, of which files, and the lab to do it in.

    `text` is the question without file listings; `files` are the ones it is about (the first
    matters most), `named` those whose names it says; `earlier` are the conversation's questions
    before it, oldest first; `note` is what the chat says of its files;
    `alone` whether this is all of the question, not one of its parts.
    """

    text: str
    question: Question
    lab: Lab
    files: tuple[LabFile, ...]
    earlier: tuple[str, ...] = ()
    named: tuple[LabFile, ...] = ()
    note: ChatNote = NO_NOTE
    alone: bool = True
    _before: list[str] = field(default_factory=list)

    def remark(self, paragraph: str) -> None:
        """Keep a paragraph for the beginning of what is said next: code may run until then, and
        it would stand alone above that."""
        if paragraph:
            self._before.append(paragraph)

    async def run(self, code: str, doing: str) -> str:
        """Run code and return its logs. Raises CodeFailed with what was being done."""
        result = await self.lab.run(code.strip() + "\n")
        if result.error is not None:
            raise CodeFailed(doing, result.error, result.limit)
        return result.logs

    async def say(self, *paragraphs: str) -> None:
        """Add paragraphs to the answer, leaving out empty ones."""
        if not any(paragraphs):
            return
        said = [*self._before, *paragraphs]
        self._before.clear()
        for paragraph in filter(None, said):
            await self.lab.say(paragraph.strip())

    @property
    def focus(self) -> tuple[LabFile, ...]:
        """The files that are named or attached; without such, all."""
        attached = tuple(file for file in self.files if file.path in self.question.attached)
        return self.named or attached or self.files

    def of(self, kinds: tuple[str, ...]) -> list[LabFile]:
        """The files with one of these extensions."""
        return [file for file in self.files if suffix(file.path) in kinds]


class Skill(Protocol):
    """One thing the planner can do."""

    def matches(self, work: Work) -> bool:
        """Whether this skill answers the question. Runs nothing."""

    async def answer(self, work: Work) -> None:
        """Run code and say the answer. Raises CodeFailed."""


def choose(question: Question, files: Sequence[LabFile]) -> tuple[LabFile, ...]:
    """The files a question is about, the most likely first.

    Named ones, else the attached ones, else all: people's files before those made by code, the
    newest first.
    """
    newest = list(reversed(files))
    attached = [file for file in newest if file.path in question.attached]
    others = sorted(newest, key=lambda file: file.source != "user")
    return tuple(dict.fromkeys([*named_files(question.text, files), *attached, *others]))


def named_files(text: str, files: Sequence[LabFile]) -> tuple[LabFile, ...]:
    """The files whose names a text says, newest first; `clean.csv` may mean `x_clean.csv`."""
    newest = list(reversed(files))
    found: list[LabFile] = []
    for match in FILE_NAME.finditer(text):
        said = shown_name(match.group()).casefold()
        exact = [file for file in newest if shown_name(file.path).casefold() == said]
        ending = [file for file in newest if file.path.casefold().endswith(said)]
        found += exact or ending[:1]
    return tuple(dict.fromkeys(found))
