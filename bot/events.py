"""What happens while the engine answers: events, the picture they add up to, the outcome."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bot.domain import CodeRun, Progress, RunState


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """The engine took the question under this id."""

    response_id: str


@dataclass(frozen=True, slots=True)
class CodeStarted:
    """The model begins to write code, for this container."""

    run_id: str
    container_id: str


@dataclass(frozen=True, slots=True)
class CodeGrew:
    """More of the code was written."""

    run_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class CodeRunning:
    """The code is being run."""

    run_id: str


@dataclass(frozen=True, slots=True)
class CodeFinished:
    """The code ran to its end, with its logs and images."""

    run: CodeRun


@dataclass(frozen=True, slots=True)
class TextGrew:
    """More of the answer was written."""

    delta: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A file of the container that the answer names. The span covers its `sandbox:` URL."""

    container_id: str
    file_id: str
    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a response cost, in tokens. `cached_tokens` are those of the input that were cached."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
        )


@dataclass(frozen=True, slots=True)
class Charged:
    """What a response cost that did not finish; its failure follows."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Outcome:
    """The whole of a response, as stored with its turn.

    `container_id` is where code ran; `held` the container that was named, and so kept awake,
    whether code ran or not. `model` is the one that was asked; `memory_limit` the tier of the
    container, and `out_of_memory` whether the code needed more.
    """

    response_id: str | None = None
    container_id: str | None = None
    text: str = ""
    runs: tuple[CodeRun, ...] = ()
    citations: tuple[Citation, ...] = ()
    usage: Usage = field(default_factory=Usage)
    stopped: bool = False
    failure: str | None = None  # a sentence for the person
    refused: bool = False  # the person may not ask now: they are offered to try again, no more
    model: str = ""
    memory_limit: str | None = None
    out_of_memory: bool = False
    held: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The outcome as a database column takes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Outcome:
        """The inverse of `as_json`."""
        return cls(
            **{
                **stored,
                "runs": tuple(_run_from_json(run) for run in stored["runs"]),
                "citations": tuple(Citation(**citation) for citation in stored["citations"]),
                "usage": Usage(**stored["usage"]),
            }
        )


def _run_from_json(stored: dict[str, Any]) -> CodeRun:
    return CodeRun(
        **{**stored, "state": RunState(stored["state"]), "images": tuple(stored["images"])}
    )


@dataclass(frozen=True, slots=True)
class Finished:
    """The response is complete."""

    outcome: Outcome


TurnEvent = (
    ResponseStarted
    | CodeStarted
    | CodeGrew
    | CodeRunning
    | CodeFinished
    | TextGrew
    | Charged
    | Finished
)


def advance(progress: Progress, event: TurnEvent) -> Progress:
    """The picture after one more event."""
    match event:
        case ResponseStarted():
            return replace(progress, status="thinking…")
        case CodeStarted(run_id, _):
            run = CodeRun(run_id, "", RunState.WRITING)
            return replace(progress, status="writing Python…", runs=(*progress.runs, run))
        case CodeGrew(run_id, delta):
            return _with_run(progress, run_id, lambda run: replace(run, code=run.code + delta))
        case CodeRunning(run_id):
            running = _with_run(progress, run_id, lambda run: replace(run, state=RunState.RUNNING))
            return replace(running, status="running Python…")
        case CodeFinished(finished):
            done = _with_run(progress, finished.id, lambda _: finished)
            return replace(done, status="reading the results…")
        case TextGrew(delta):
            return replace(progress, status="writing…", text=progress.text + delta)
        case Charged():
            return progress
        case Finished():
            return replace(progress, status="fetching the files…")


def _with_run(progress: Progress, run_id: str, change: Any) -> Progress:
    runs = tuple(change(run) if run.id == run_id else run for run in progress.runs)
    return replace(progress, runs=runs)
