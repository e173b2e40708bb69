"""A turn's outcome and files become the answer that is published."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain import Action, Answer
from bot.events import Outcome
from bot.links import link
from bot.markup import fenced
from bot.memory import LABEL, next_tier
from bot.store.files import StoredFile
from bot.store.turns import Turn

STOPPED = "Stopped: this is what there was until then."
STOPPED_EARLY = "Stopped before there was anything to show."
PRINTED_CHARACTERS_MAX = 1_000  # the end of what code printed, in an answer that was stopped


def answer_of(turn: Turn, outcome: Outcome, kept: Sequence[StoredFile]) -> Answer:
    """What is published: with the sentence that says why where the turn failed."""
    text = link(outcome.text, outcome.citations, kept)
    if outcome.stopped and not text.strip():
        text = _printed(outcome)
    if outcome.failure:
        text = f"{text}\n\n{outcome.failure}".strip()
    notes = [*turn.notes]
    if outcome.stopped:
        notes.append(STOPPED if text or kept else STOPPED_EARLY)
    return Answer(
        turn_id=turn.id,
        text=text,
        runs=outcome.runs,
        artifacts=tuple(file.as_artifact() for file in kept),
        notes=tuple(notes),
        actions=_actions(turn, outcome),
        failed=outcome.failure is not None,
    )


def _printed(outcome: Outcome) -> str:
    """The end of what code had printed, for an answer that has no words."""
    logs = next((run.logs.strip() for run in outcome.runs[::-1] if run.logs.strip()), "")
    if len(logs) > PRINTED_CHARACTERS_MAX:
        cut = logs[-PRINTED_CHARACTERS_MAX:]
        logs = f"…\n{cut.partition(chr(10))[2] or cut}"
    return fenced(logs, "text") if logs else ""


def _actions(turn: Turn, outcome: Outcome) -> tuple[Action, ...]:
    """What a person may want to do next; nothing where nothing was asked."""
    if turn.outcome is None and outcome.failure is None:
        return ()
    if outcome.refused:
        return (Action("again", "Retry", turn.id),)
    code = (Action("code", "Code", turn.id),) if outcome.runs else ()
    notebook = (Action("notebook", "Notebook"),) if outcome.runs else ()
    larger = next_tier(outcome.memory_limit) if outcome.out_of_memory else None
    label = LABEL.format(tier=larger)
    bigger = (Action("again", label, f"{turn.id} {larger}"),) if larger else ()
    again = (*bigger, Action("again", "Retry", turn.id), Action("reset", "Reset"))
    return (*code, Action("files", "Files"), *notebook, *again)
