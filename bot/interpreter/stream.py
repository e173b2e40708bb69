"""The engine's stream events, translated into ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from typing import TYPE_CHECKING, NoReturn

from bot.domain import CodeRun, RunState
from bot.errors import ResponseLost, Unexplained
from bot.events import (
    Charged,
    Citation,
    CodeFinished,
    CodeGrew,
    CodeRunning,
    CodeStarted,
    Finished,
    Outcome,
    ResponseStarted,
    TextGrew,
    TurnEvent,
    Usage,
)
from bot.interpreter.faults import understand

if TYPE_CHECKING:
    from openai.types.responses import (
        Response,
        ResponseCodeInterpreterToolCall,
        ResponseOutputItem,
        ResponseStreamEvent,
    )

PARAGRAPH = "\n\n"


class Translation:
    """Translates one response's events; remembers how far it came, so that it can be resumed."""

    def __init__(self) -> None:
        self.response_id: str | None = None
        self.last_sequence_number: int | None = None
        self.finished = False
        self._texts = 0

    async def translate(
        self, events: AsyncIterable[ResponseStreamEvent]
    ) -> AsyncGenerator[TurnEvent]:
        """Our events for theirs; `Finished` is the last. The stream is read to its end.

        Raises:
            EngineError: the response failed; which kind says what to do.
        """
        async for event in events:
            self.last_sequence_number = event.sequence_number
            if event.type == "response.failed":
                yield Charged(usage_of(event.response))
                raise_failure(event.response)
            for ours in self._one(event):
                yield ours

    def _one(self, event: ResponseStreamEvent) -> list[TurnEvent]:
        match event.type:
            case "response.created" | "response.queued" | "response.in_progress":
                return self._started(event.response.id)
            case "response.output_item.added":
                return self._item_added(event.item)
            case "response.code_interpreter_call_code.delta":
                return [CodeGrew(event.item_id, event.delta)]
            case "response.code_interpreter_call.interpreting":
                return [CodeRunning(event.item_id)]
            case "response.output_item.done":
                if event.item.type == "code_interpreter_call":
                    return [CodeFinished(_code_run(event.item))]
            case "response.output_text.delta":
                return [TextGrew(event.delta)]
            case "response.completed" | "response.incomplete":
                self.finished = True
                return [Finished(outcome_of(event.response))]
            case "error":
                raise understand(event.message, code=event.code)
        return []

    def _started(self, response_id: str) -> list[TurnEvent]:
        if self.response_id == response_id:
            return []
        self.response_id = response_id
        return [ResponseStarted(response_id)]

    def _item_added(self, item: ResponseOutputItem) -> list[TurnEvent]:
        if item.type == "code_interpreter_call":
            return [CodeStarted(item.id, item.container_id)]
        if item.type == "message":
            self._texts += 1
            return [TextGrew(PARAGRAPH)] if self._texts > 1 else []
        return []


def usage_of(response: Response) -> Usage:
    """What the response cost so far, as far as the engine says."""
    spent = response.usage
    if spent is None:
        return Usage()
    # Not every server that speaks the API counts what was cached.
    cached = getattr(spent.input_tokens_details, "cached_tokens", None) or 0
    return Usage(spent.input_tokens, spent.output_tokens, cached)


def raise_failure(response: Response) -> NoReturn:
    """Raise what a failed or cancelled response means."""
    error = response.error
    if error is None:
        raise ResponseLost(f"The response ended as {response.status}.")
    failure = understand(error.message, code=error.code)
    # The response is dead, whatever the reason; where the engine is to blame, ask anew.
    to_blame = error.code == "server_error" and not isinstance(failure, Unexplained)
    raise ResponseLost(error.message) if to_blame else failure


def outcome_of(response: Response) -> Outcome:
    """All of a finished response that we keep."""
    runs: list[CodeRun] = []
    citations: list[Citation] = []
    container_id: str | None = None
    text = ""
    for item in response.output:
        if item.type == "code_interpreter_call":
            runs.append(_code_run(item))
            container_id = item.container_id
        elif item.type == "message":
            for part in item.content:
                if part.type != "output_text":
                    text += part.refusal
                    continue
                text += PARAGRAPH if text else ""
                citations += [
                    Citation(
                        found.container_id,
                        found.file_id,
                        found.filename,
                        found.start_index + len(text),
                        found.end_index + len(text),
                    )
                    for found in part.annotations
                    if found.type == "container_file_citation"
                ]
                text += part.text
    return Outcome(
        response_id=response.id,
        container_id=container_id,
        text=text,
        runs=tuple(runs),
        citations=tuple(citations),
        usage=usage_of(response),
        failure=_cut_short(response),
    )


def _cut_short(response: Response) -> str | None:
    if response.status != "incomplete":
        return None
    details = response.incomplete_details
    reason = (details.reason if details else None) or "no reason given"
    return f"The engine cut the answer short ({reason.replace('_', ' ')})."


def _code_run(item: ResponseCodeInterpreterToolCall) -> CodeRun:
    outputs = item.outputs or []
    logs = "\n".join(output.logs for output in outputs if output.type == "logs")
    images = tuple(output.url for output in outputs if output.type == "image")
    state = RunState.DONE if item.status == "completed" else RunState.FAILED
    return CodeRun(item.id, item.code or "", state, logs, images)
