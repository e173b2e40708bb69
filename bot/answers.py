"""A turn's outcome and files become the answer that is published."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain import Action, Answer
from bot.events import Outcome
from bot.links import link
from bot.memory import LABEL, next_tier
from bot.store.files import StoredFile
from bot.store.turns import Turn

STOPPED = "Stopped: this is what there was until then."


def answer_of(turn: Turn, outcome: Outcome, kept: Sequence[StoredFile]) -> Answer:
    """What is published: with the sentence that says why where the turn failed."""
    text = link(outcome.text, outcome.citations, kept)
    if outcome.failure:
        text = f"{text}\n\n{outcome.failure}".strip()
    notes = [*turn.notes, STOPPED] if outcome.stopped else turn.notes
    return Answer(
        turn_id=turn.id,
        text=text,
        runs=outcome.runs,
        artifacts=tuple(file.as_artifact() for file in kept),
        notes=tuple(notes),
        actions=_actions(turn, outcome),
        failed=outcome.failure is not None,
    )


def _actions(turn: Turn, outcome: Outcome) -> tuple[Action, ...]:
    """What a person may want to do next; nothing where nothing was asked."""
    if turn.outcome is None and outcome.failure is None:
        return ()
    code = (Action("code", "Code", turn.id),) if outcome.runs else ()
    notebook = (Action("notebook", "Notebook"),) if outcome.runs else ()
    larger = next_tier(outcome.memory_limit) if outcome.out_of_memory else None
    label = LABEL.format(tier=larger)
    bigger = (Action("again", label, f"{turn.id} {larger}"),) if larger else ()
    again = (*bigger, Action("again", "Retry", turn.id), Action("reset", "Reset"))
    return (*code, Action("files", "Files"), *notebook, *again)
