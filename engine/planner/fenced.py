"""A fenced Python block in a question runs as it is."""

from __future__ import annotations

import re

from engine.planner.text import link
from engine.planner.workbench import Work

_BLOCK = re.compile(
    r"```[ \t]*(?:python3?|py|ipython)[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE
)
_MAX_LOG_LETTERS = 4_000


class Fenced:
    """Runs the question's own code; variables stay for the next question."""

    def matches(self, work: Work) -> bool:
        """Whether the question holds a block marked as Python."""
        return _BLOCK.search(work.text) is not None

    async def answer(self, work: Work) -> None:
        """Run every block in turn, up to the first error; show the logs and link new files."""
        before = {file.path: file.size_bytes for file in await work.lab.files()}
        for match in _BLOCK.finditer(work.text):
            result = await work.lab.run(match[1])
            await work.say(_quoted(result.logs))
            if result.error is not None:
                shown = result.traceback or result.error
                await work.say("The code stopped with an error:", _quoted(shown))
                break
            if not result.logs.strip():
                await work.say("The code ran and printed nothing.")
        made = [
            file.path
            for file in await work.lab.files()
            if file.source == "assistant" and before.get(file.path) != file.size_bytes
        ]
        await work.say("Files: " + " · ".join(map(link, made)) if made else "")


def _quoted(logs: str) -> str:
    """Logs as a code block that their content can't close, cut at a readable length."""
    text = logs.rstrip()
    if not text:
        return ""
    if len(text) > _MAX_LOG_LETTERS:
        text = f"{text[:_MAX_LOG_LETTERS]}\n… ({len(text):,} characters in all)"
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
