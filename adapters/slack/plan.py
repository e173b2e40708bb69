"""An answer as the messages that Slack takes: text in parts, then its files. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from adapters.slack.outgoing_text import neutral, with_file_names
from adapters.slack.split import split
from bot.domain import Answer, Artifact, CodeRun, Post

_PRINTED = re.compile(r"(?P<fence>`{3,})text\n(?P<output>.*)\n(?P=fence)", re.DOTALL)
NO_WORDS = "Done."
_NOTES_CHARS = 1_500  # so much fits under the longest text
EMPTY_FILE = "`{name}` is empty; Slack takes no empty files."


def plan(answer: Answer, limit_chars: int) -> Sequence[Post]:
    """The posts of an answer: its text in parts, buttons under the last, then all files in one."""
    files = [artifact for artifact in answer.artifacts if artifact.blob.size_bytes]
    empty = [EMPTY_FILE.format(name=a.name) for a in answer.artifacts if not a.blob.size_bytes]
    text = neutral(with_file_names(answer.text, answer.artifacts)).strip()
    notes = [*answer.notes, *empty]
    if not text:
        text = _names(files) or (neutral(notes.pop(0)) if notes else NO_WORDS)
    parts = split(text, limit_chars)
    if len(parts[-1]) + sum(len(note) for note in notes) > limit_chars + _NOTES_CHARS:
        parts += split("\n\n".join(neutral(note) for note in notes), limit_chars)
        notes = []
    posts = [Post(f"{answer.turn_id}:{number}", part) for number, part in enumerate(parts)]
    posts[0] = replace(posts[0], runs=tuple(_unsaid(run, answer.text) for run in answer.runs))
    posts[-1] = replace(posts[-1], notes=tuple(notes), actions=answer.actions, failed=answer.failed)
    if files:
        posts.append(Post(f"{answer.turn_id}:{len(posts)}", "", artifacts=tuple(files)))
    return posts


def _unsaid(run: CodeRun, text: str) -> CodeRun:
    """A run without its output, where that is all that the text says: an answer was stopped."""
    said = _PRINTED.fullmatch(text.strip())
    return replace(run, logs="") if said and said["output"] == run.logs.strip() else run


def _names(files: Sequence[Artifact]) -> str:
    return ", ".join(f"`{file.name}`" for file in files)
