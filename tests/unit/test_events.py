"""Events add up to a picture; the engine's error texts are understood."""

from __future__ import annotations

import json

import pytest

from bot.domain import CodeRun, Progress, RunState
from bot.errors import ContainerGone, ContextGone, EngineRefused, EngineUnreachable, RateLimited
from bot.events import (
    CodeFinished,
    CodeGrew,
    CodeRunning,
    CodeStarted,
    Outcome,
    ResponseStarted,
    TextGrew,
    TurnEvent,
    advance,
)
from bot.interpreter.faults import understand


def add_up(events: list[TurnEvent]) -> Progress:
    progress = Progress()
    for event in events:
        progress = advance(progress, event)
    return progress


class TestAdvance:
    def test_a_run_of_code(self) -> None:
        """Code grows, runs, and ends with its logs."""
        events: list[TurnEvent] = [
            ResponseStarted("resp_1"),
            CodeStarted("ci_1", "cntr_1"),
            CodeGrew("ci_1", "1+"),
            CodeGrew("ci_1", "1"),
            CodeRunning("ci_1"),
        ]
        running = add_up(events)
        done = advance(running, CodeFinished(CodeRun("ci_1", "1+1", RunState.DONE, "2")))

        assert running.status == "running Python…"
        assert running.runs == (CodeRun("ci_1", "1+1", RunState.RUNNING),)
        assert done.runs == (CodeRun("ci_1", "1+1", RunState.DONE, "2"),)

    def test_text(self) -> None:
        """Text grows by its deltas."""
        assert add_up([TextGrew("Hel"), TextGrew("lo")]).text == "Hello"


class TestOutcome:
    def test_round_trip(self) -> None:
        """What is stored reads back as it was."""
        outcome = Outcome(
            response_id="r", text="t", runs=(CodeRun("a", "b", RunState.DONE, "c", ("d",)),)
        )

        assert Outcome.from_json(json.loads(json.dumps(outcome.as_json()))) == outcome


class TestUnderstand:
    @pytest.mark.parametrize(
        ("message", "code", "status", "kind"),
        [
            ("Container is expired.", None, 400, ContainerGone),
            ("Container with id 'cntr_1' not found.", None, None, ContainerGone),
            ("Previous response with id 'resp_1' not found.", None, 404, ContextGone),
            ("x", "previous_response_not_found", 400, ContextGone),
            ("Expected container_id: cntr_2", None, 400, ContextGone),
            ("Slow down", "rate_limit_exceeded", None, RateLimited),
            ("Boom", None, 503, EngineUnreachable),
            ("Unknown parameter: 'x'.", None, 400, EngineRefused),
        ],
    )
    def test_texts(
        self, message: str, code: str | None, status: int | None, kind: type[Exception]
    ) -> None:
        """The service's texts mean the same with a status and inside a stream."""
        assert type(understand(message, code=code, status=status)) is kind
