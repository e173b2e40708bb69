"""One native stream: text that only grows, code runs as steps, and what has been sent of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.slack.blocks import Block, body, fenced, step
from adapters.slack.settings import SlackSettings
from bot.domain import CodeRun, RunState

_CHUNK_CHARS = 12_000
_ENDED = (RunState.DONE, RunState.FAILED, RunState.STOPPED)


class StreamState:
    """What a stream shows, so that nothing is sent twice: Slack adds up what it gets."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        self.text = ""
        self._steps: dict[str, Block] = {}
        self._pending: tuple[str, dict[str, Block]] | None = None

    def chunks(self, text: str, runs: Sequence[CodeRun]) -> list[Block]:
        """What is new in a picture; nothing where its text does not go on from what was sent."""
        steps = {run.id: self._step(run) for run in runs[: self._settings.slack_steps]}
        changed = [self._news(new) for new in steps.values() if self._steps.get(new["id"]) != new]
        more = text[len(self.text) :] if self.goes_on(text) else ""
        self._pending = (self.text + more, self._steps | steps)
        return changed + markdown_chunks(more)

    def goes_on(self, text: str) -> bool:
        """Whether a text begins with what was sent."""
        return text.startswith(self.text)

    def sent(self) -> None:
        """The last chunks have arrived."""
        if self._pending is not None:
            self.text, self._steps = self._pending

    def last_chunks(self, text: str, runs: Sequence[CodeRun], *, tables: bool) -> list[Block]:
        """What completes the stream: steps, then the rest of the text, its table as Slack's own."""
        steps = [chunk for chunk in self.chunks(self.text, runs) if chunk["type"] == "task_update"]
        chunks = list(steps)
        for block in body(text[len(self.text) :], tables=tables):
            if block["type"] == "markdown":
                gap = "\n\n" if chunks[len(steps) :] else ""
                chunks += markdown_chunks(gap + block["text"])
            else:
                chunks.append({"type": "blocks", "blocks": [block]})
        return chunks

    def _step(self, run: CodeRun) -> Block:
        """A run as it stands. Its code is shown once it is whole, its output once it has ended."""
        shown = step(run)
        if run.state is not RunState.WRITING:
            shown["details"] = fenced(run.code, self._settings.slack_code_chars, "python")
        if run.state in _ENDED and run.logs.strip():
            shown["output"] = fenced(run.logs, self._settings.slack_log_chars)
        return shown

    def _news(self, new: Block) -> Block:
        """A step without what Slack has of it: details and output add up there."""
        old: dict[str, Any] = self._steps.get(new["id"], {})
        kept = ("details", "output")
        return {name: value for name, value in new.items() if name not in kept or name not in old}


def markdown_chunks(text: str) -> list[Block]:
    """Text as chunks of the length that Slack takes."""
    return [
        {"type": "markdown_text", "text": text[start : start + _CHUNK_CHARS]}
        for start in range(0, len(text), _CHUNK_CHARS)
    ]
