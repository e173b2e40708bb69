"""How a turn looks in one message: while it runs, and what frames its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from discord.utils import escape_markdown

from adapters.discord.deeds import deed
from adapters.discord.markdown import as_discord
from adapters.discord.splitting import split
from bot.domain import CodeRun, Progress, RunState

CONTENT_CHARS_MAX = 2000  # [facts: discord]
QUESTION_CHARS_MIN = 60  # less of a question than this is not shown
RUNS_SHOWN_MAX = 5
RUN_CHARS_MAX = 60
_MARKS = {
    RunState.WRITING: "✎",
    RunState.RUNNING: "▸",
    RunState.DONE: "✓",
    RunState.FAILED: "✗",
    RunState.STOPPED: "■",
}


def running(progress: Progress) -> str:
    """A turn on its way: its runs, the end of its text so far, its status."""
    status = f"-# ⏳ {_inline(progress.status or 'working…')}"
    runs = run_list(progress.runs)
    frame = "\n".join(part for part in (runs, status) if part)
    text = as_discord(progress.text)
    room = CONTENT_CHARS_MAX - len(frame) - 4
    if len(text) > room:
        text = "\n".join(["…", *split(text, room - 2)[-1:]])
    return "\n".join(part for part in (runs, text, status) if part)[:CONTENT_CHARS_MAX]


def run_list(runs: Sequence[CodeRun]) -> str:
    """The newest runs of code, a line each."""
    lines = [f"-# {_named(run, RUN_CHARS_MAX)}" for run in runs[-RUNS_SHOWN_MAX:]]
    if len(runs) > RUNS_SHOWN_MAX:
        lines.insert(0, f"-# {len(runs) - RUNS_SHOWN_MAX} earlier runs")
    return "\n".join(lines)


def run_summary(runs: Sequence[CodeRun]) -> str:
    """How often code ran for a finished answer, and how often in vain: what it did is behind its
    button."""
    if not runs:
        return ""
    count = "once" if len(runs) == 1 else f"{len(runs)} times"
    states = Counter(run.state for run in runs)
    vain = [f"{states[s]} {s.value}" for s in (RunState.FAILED, RunState.STOPPED) if states[s]]
    return f"-# {' · '.join([f'Python ran {count}', *vain])}"


def _named(run: CodeRun, limit_chars: int) -> str:
    return f"{_MARKS[run.state]} {escape_markdown(deed(run.code, limit_chars))}"


def notes(sentences: Sequence[str]) -> str:
    """Small print under an answer."""
    return "\n".join(f"-# {_inline(sentence)}" for sentence in sentences)


def below(question: str, text: str) -> str:
    """An answer below its question, of which there is as much as fits."""
    room = CONTENT_CHARS_MAX - len(text) - 1
    if len(question) > room:
        question = f"{question[: room - 1].rstrip()}…" if room >= QUESTION_CHARS_MIN else ""
    return f"{question}\n{text}" if question else text


def _inline(text: str) -> str:
    return " ".join(text.split())
