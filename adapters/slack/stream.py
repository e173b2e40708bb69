"""One native stream: text that only grows, code runs as steps, and what has been sent of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.slack.blocks import MORE_CODE, Block, body, fenced, step
from adapters.slack.outgoing_text import neutral
from adapters.slack.settings import SlackSettings
from adapters.slack.steps import title_of
from bot.domain import CodeRun, RunState

_CHUNK_CHARS = 12_000
_TITLE_CHARS = 100
_FENCE_BYTES = 20
_DETAILS = ("details", "output")
_ENDED = (RunState.DONE, RunState.FAILED, RunState.STOPPED)


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a stream shows: its text, its steps by id, and the title above the steps."""

    text: str = ""
    steps: Mapping[str, Block] = field(default_factory=dict)
    title: str = ""

    @property
    def size_bytes(self) -> int:
        """Its length as Slack counts: what is under steps counts twice [facts: slack]."""
        titles = [self.title, *(str(step["title"]) for step in self.steps.values())]
        return _bytes(self.text, *titles) + 2 * self.details_bytes

    @property
    def details_bytes(self) -> int:
        """The code and output under its steps."""
        return _bytes(*(s[name] for s in self.steps.values() for name in _DETAILS if name in s))


class StreamState:
    """What a stream shows, so that nothing is sent twice: Slack adds up what it gets."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        self._sent = Streamed()
        self._next = Streamed()

    def goes_on(self, text: str) -> bool:
        """Whether a text begins with what was sent."""
        return text.startswith(self._sent.text)

    def chunks(self, text: str, runs: Sequence[CodeRun], status: str = "") -> list[Block]:
        """What is new in a picture, as far as there is room for it."""
        self._next = self._with_runs(runs, status)
        news = self._news()
        if self.goes_on(text):
            more = self._fitting(text[len(self._sent.text) :])
            self._next = Streamed(self._sent.text + more, self._next.steps, self._next.title)
            news += markdown_chunks(more)
        return news

    def sent(self) -> None:
        """The last chunks have arrived."""
        self._sent = self._next

    def last_chunks(
        self, text: str, runs: Sequence[CodeRun], *, tables: bool
    ) -> list[Block] | None:
        """What completes the stream: steps, then the rest of the text, its table as Slack's own.

        None where there is no room for it, or the text is another one.
        """
        self._next = self._with_runs(runs, title_of(runs))
        whole = Streamed(text, self._next.steps, self._next.title)
        if not self.goes_on(text) or whole.size_bytes > self._settings.slack_stream_bytes:
            return None
        chunks, first = self._news(), True
        for block in body(text[len(self._sent.text) :], tables=tables):
            if block["type"] == "markdown":
                chunks += markdown_chunks(block["text"] if first else f"\n\n{block['text']}")
            else:
                chunks.append({"type": "blocks", "blocks": [block]})
            first = False
        return chunks

    def _with_runs(self, runs: Sequence[CodeRun], title: str) -> Streamed:
        """What was sent, with the steps as they are now."""
        steps = dict(self._sent.steps)
        for run in runs[: self._settings.slack_steps]:
            room_bytes = self._settings.slack_steps_bytes // 2
            others = {id: step for id, step in steps.items() if id != run.id}
            left = room_bytes - Streamed(steps=others).details_bytes
            steps[run.id] = self._step(run, steps.get(run.id, {}), left)
        shown = f"{title[:1].upper()}{title[1:_TITLE_CHARS]}" if steps else ""
        return Streamed(self._sent.text, steps, shown or self._sent.title)

    def _step(self, run: CodeRun, sent: Block, left_bytes: int) -> Block:
        """A run as it stands. Its code is shown once it is whole, its output once it has ended."""
        shown = step(run) | {name: sent[name] for name in _DETAILS if name in sent}
        settings = self._settings
        if run.state is not RunState.WRITING and "details" not in shown:
            code_chars = min(settings.slack_code_chars, left_bytes // 2)  # others come yet
            shown |= _excerpt("details", run.code, code_chars, left_bytes, "python", MORE_CODE)
        if run.state in _ENDED and run.logs.strip() and "output" not in shown:
            left_bytes -= _bytes(shown.get("details", ""))
            log_chars = min(settings.slack_log_chars, left_bytes // 2)
            shown |= _excerpt("output", run.logs, log_chars, left_bytes)
        return shown

    def _news(self) -> list[Block]:
        """The steps that differ, without the code and output that Slack has already."""
        news: list[Block] = []
        if self._next.title != self._sent.title:
            news.append({"type": "plan_update", "title": self._next.title})
        for id, new in self._next.steps.items():
            old = self._sent.steps.get(id, {})
            if new != old:
                had = [name for name in _DETAILS if name in old]
                news.append({name: value for name, value in new.items() if name not in had})
        return news

    def _fitting(self, more: str) -> str:
        room = self._settings.slack_stream_bytes - self._next.size_bytes
        return more.encode()[: max(0, room)].decode(errors="ignore")


def markdown_chunks(text: str) -> list[Block]:
    """Text as chunks of the length that Slack takes."""
    return [
        {"type": "markdown_text", "text": text[start : start + _CHUNK_CHARS]}
        for start in range(0, len(text), _CHUNK_CHARS)
    ]


def _excerpt(
    name: str,
    content: str,
    limit_chars: int,
    left_bytes: int,
    language: str = "",
    more: str = "…",
) -> Block:
    """A part of a step, as long as there is room for; nothing where that is too little."""
    room_chars = max(1, min(limit_chars, left_bytes - _FENCE_BYTES))
    shown = neutral(fenced(content, room_chars, language, more))
    return {name: shown} if _bytes(shown) <= left_bytes else {}


def _bytes(*texts: str) -> int:
    return sum(len(text.encode()) for text in texts)
