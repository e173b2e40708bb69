"""A fenced Python block in a question runs as it is."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from engine.planner.protocol import RunResult
from engine.planner.text import link, literal, shown_name
from engine.planner.workbench import Work

_BLOCK = re.compile(
    r"```[ \t]*(?:python3?|py|ipython)[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE
)
_HEAD_LETTERS = 3_000
_TAIL_LETTERS = 1_000  # an error stands at the end
_MAX_LINKS = 12


class Fenced:
    """Runs the question's own code; variables stay for the next question."""

    def matches(self, work: Work) -> bool:
        """Whether the question holds a block marked as Python."""
        return _BLOCK.search(work.text) is not None

    async def answer(self, work: Work) -> None:
        """Run every block in turn, up to the first error; show the logs and link new files."""
        await _lay_out(work)
        before = {file.path: file.size_bytes for file in await work.lab.files()}
        for match in _BLOCK.finditer(work.text):
            result = await work.lab.run(match[1])
            await work.say(_quoted(result.logs))
            if result.error is not None:
                await _say_error(work, result)
                break
            if not result.logs.strip():
                await work.say("The code ran and printed nothing.")
        made = [
            file.path
            for file in await work.lab.files()
            if file.source == "assistant" and before.get(file.path) != file.size_bytes
        ]
        more = f" and {len(made) - _MAX_LINKS} more" if len(made) > _MAX_LINKS else ""
        links = " · ".join(map(link, made[-_MAX_LINKS:]))
        await work.say(f"Files: {links}{more}" if made else "")


async def _lay_out(work: Work) -> None:
    """Copy uploads to the plain names that the code calls them by.

    An upload, and after a restart of the container each earlier file as well, lies under its id.
    """
    code = "\n".join(match[1] for match in _BLOCK.finditer(work.text))
    files = await work.lab.files()
    there = {file.path for file in files}
    sources: dict[str, str] = {}
    for file in files:  # the oldest first: the newest of one name wins
        name = shown_name(file.path)
        target = str(PurePosixPath(file.path).with_name(name))
        is_wanted = target not in there or file.path in work.question.attached
        if target != file.path and is_wanted and _names(code, name):
            sources[target] = file.path
    if sources:
        copies = [f"shutil.copyfile({literal(a)}, {literal(b)})" for b, a in sources.items()]
        why = "# Uploads lie under their ids: copy those named below to where the code looks."
        await work.run("\n".join([why, "import shutil", "", *copies]), "lay out the files")


def _names(code: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", code) is not None


async def _say_error(work: Work, result: RunResult) -> None:
    """The limit that ended the code, if it was one, and the error that the code saw."""
    if result.error == result.limit:
        await work.say(result.limit)
        return
    said = result.limit or "The code stopped with an error:"
    await work.say(said, _quoted(result.traceback or result.error or ""))


def _quoted(logs: str) -> str:
    """Logs as a code block that their content can't close, the middle cut out where long."""
    text = logs.rstrip()
    if not text:
        return ""
    if len(text) > _HEAD_LETTERS + _TAIL_LETTERS:
        cut = f"… ({len(text):,} characters in all) …"
        text = f"{text[:_HEAD_LETTERS]}\n{cut}\n{text[-_TAIL_LETTERS:]}"
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
