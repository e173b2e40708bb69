"""Files that a question is about and that are not here: said, instead of an answer from others."""

from __future__ import annotations

import re

from engine.planner.restrictions import COMPUTED_NOTHING
from engine.planner.text import escape, listing, shown_name
from engine.planner.workbench import FILE_NAME, Work, named_files

_QUOTED = re.compile(r"^>.*$|```.*?```", re.MULTILINE | re.DOTALL)
# What stands before the name of a file that is to be made.
_TO_BE_MADE = re.compile(
    r"\b(?:save|export|write|convert|store|download|output|call|name|turn|put)\b[^.\n]*"
    r"\b(?:as|to|into|in|it|called|named)\s+[“\"'`]?$",
    re.IGNORECASE,
)
_MAX_LISTED = 10
_DROP_IT = "I have no network, so I can't fetch it: drop the file into this conversation."


class Absent:
    """Answers where a file was not taken, or where one is named that is not there."""

    def matches(self, work: Work) -> bool:
        """Whether the question is about such a file."""
        return bool(_refused(work) or _missing(work))

    async def answer(self, work: Work) -> None:
        """Say which file it is and why it is not here."""
        refused = _refused(work)
        if refused:
            await work.say(*(_said_refused(name, why) for name, why in refused))
            return
        missing = _missing(work)
        here = [escape(shown_name(file.path)) for file in work.files]
        more = f" and {len(here) - _MAX_LISTED} more" if len(here) > _MAX_LISTED else ""
        files = f"The files here are {', '.join(here[:_MAX_LISTED])}{more}."
        names = listing([escape(name) for name in missing], last="or")
        await work.say(
            f"There is no {names} here, {COMPUTED_NOTHING}.",
            files if len(here) > 1 else f"The only file here is {here[0]}." if here else "",
            "" if here and "://" not in work.question.text else _DROP_IT,
        )


def without_file_names(text: str) -> str:
    """A question without file names, so that `clean.csv` cleans nothing; of one that is to be made
    its kind remains."""

    def kept(match: re.Match[str]) -> str:
        is_new = _TO_BE_MADE.search(text[: match.start()]) is not None
        return match.group().rpartition(".")[2] if is_new else " "

    return FILE_NAME.sub(kept, text)


def new_names(text: str) -> list[str]:
    """The names that a question gives to files that are to be made."""
    return [
        match.group()
        for match in FILE_NAME.finditer(text)
        if _TO_BE_MADE.search(text[: match.start()])
    ]


def _missing(work: Work) -> list[str]:
    text = _QUOTED.sub(" ", work.question.text)
    found = [
        shown_name(match.group())
        for match in FILE_NAME.finditer(text)
        if not named_files(match.group(), work.files)
        and not _TO_BE_MADE.search(text[: match.start()])
    ]
    return list(dict.fromkeys(found))


def _refused(work: Work) -> list[tuple[str, str]]:
    """The files that came with this question and were not taken, where no other is meant."""
    others = work.question.attached or work.named
    named = [
        each for each in work.note.refused if each[0].casefold() in work.question.text.casefold()
    ]
    return named or ([] if others else list(work.note.refused))


def _said_refused(name: str, why: str) -> str:
    if why == "it is empty.":
        return f"{escape(name)} is empty, {COMPUTED_NOTHING}."
    return f"{escape(name)} was not taken, {COMPUTED_NOTHING}: {escape(why)}"
