"""Putting a turn's question to the engine: asked or resumed, shown, stopped, stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum

import structlog

from bot.domain import CodeRun, Progress, RunState
from bot.errors import (
    ContainerGone,
    ContextGone,
    EngineError,
    EngineRefused,
    RateLimited,
    ResponseLost,
    UploadGone,
)
from bot.events import CodeStarted, Finished, Outcome, ResponseStarted, TurnEvent, advance
from bot.interpreter import Interpreter, Question
from bot.ports import Reply
from bot.settings import Settings
from bot.store.threads import Threads
from bot.store.turns import Turn, Turns
from bot.workspace import Workspace

log = structlog.get_logger()

FIRST_WAIT_SECONDS = 1.0

UNREACHABLE = (
    "The engine can't be reached right now. Nothing is lost: your question and files are kept. "
    "Press Retry in a little while."
)
KEY_REFUSED = "The engine does not accept our key. Whoever runs this bot has to look at it."
ASKED_AGAIN = "The engine lost its first answer, so the question was asked again."


class Verdict(StrEnum):
    """What became of one try to ask."""

    ANSWERED = "answered"
    AGAIN = "again"


class Asker:
    """Asks; tells a try that may be repeated from one that has ended."""

    def __init__(
        self,
        settings: Settings,
        interpreter: Interpreter,
        turns: Turns,
        threads: Threads,
        workspace: Workspace,
    ) -> None:
        self._settings = settings
        self._interpreter = interpreter
        self._turns = turns
        self._threads = threads
        self._workspace = workspace
        self._stops: dict[str, asyncio.Event] = {}

    def stop(self, turn_id: str) -> None:
        """End the question if it is being asked by this process."""
        if turn_id in self._stops:
            self._stops[turn_id].set()

    async def ask(self, turn: Turn, question: Question, reply: Reply, attempt: int) -> Verdict:
        """One try. What it gave is stored with the turn; what went wrong is put right as far as
        it can be, so that the next try may succeed."""
        try:
            outcome = await self._follow(turn, question, reply)
        except EngineError as error:
            return await self.failed(turn, error, reply, attempt)
        await self._turns.update(turn.id, outcome=outcome.as_json())
        return Verdict.ANSWERED

    async def failed(self, turn: Turn, error: EngineError, reply: Reply, attempt: int) -> Verdict:
        """Recover for another try, or end the turn with a sentence where none is left."""
        log.warning("engine failed", turn=turn.id, attempt=attempt, error=repr(error))
        last = attempt + 1 >= self._settings.engine_attempts
        if last or isinstance(error, EngineRefused):
            outcome = Outcome(failure=_sentence(error))
            await self._turns.update(turn.id, outcome=outcome.as_json())
            return Verdict.ANSWERED
        await self._recover(turn, error, reply, attempt)
        return Verdict.AGAIN

    async def _follow(self, turn: Turn, question: Question, reply: Reply) -> Outcome:
        events = (
            self._interpreter.resume(turn.response_id)
            if turn.response_id
            else self._interpreter.ask(question)
        )
        seen = _Seen()
        stop = self._stops.setdefault(turn.id, asyncio.Event())
        if turn.stop_requested:
            stop.set()
        following = asyncio.ensure_future(self._consume(turn.id, events, reply, seen))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait(
                (following, stopping),
                timeout=self._settings.turn_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if following.done():
                return following.result()
            if seen.response_id:
                await self._interpreter.cancel(seen.response_id)
            return self._cut_short(seen, stopped=stop.is_set())
        finally:
            for task in (following, stopping):
                task.cancel()
            with suppress(asyncio.CancelledError, EngineError):  # the outcome stands already
                await following
            self._stops.pop(turn.id, None)

    async def _consume(
        self, turn_id: str, events: AsyncIterator[TurnEvent], reply: Reply, seen: _Seen
    ) -> Outcome:
        async for event in events:
            if isinstance(event, ResponseStarted):
                # Known before anything else happens: from here a crash resumes.
                await self._turns.update(turn_id, response_id=event.response_id)
                seen.response_id = event.response_id
            elif isinstance(event, CodeStarted):
                seen.container_id = event.container_id
            seen.progress = advance(seen.progress, event)
            reply.show(seen.progress)
            if isinstance(event, Finished):
                return event.outcome
        raise ResponseLost("The events ended before the response did.")

    def _cut_short(self, seen: _Seen, *, stopped: bool) -> Outcome:
        minutes = self._settings.turn_seconds / 60
        return Outcome(
            container_id=seen.container_id,
            text=seen.progress.text,
            runs=tuple(_ended(run) for run in seen.progress.runs),
            stopped=stopped,
            failure=None if stopped else f"It took longer than {minutes:g} minutes and was ended.",
        )

    async def _recover(self, turn: Turn, error: EngineError, reply: Reply, attempt: int) -> None:
        """Put right what the error names, and wait where it is a matter of time."""
        await self._turns.update(turn.id, response_id=None)
        thread = await self._threads.get(turn.key)
        if isinstance(error, ContainerGone):
            if thread.container_id is None:
                # No container of ours was named, so it is the context that holds a dead one.
                await self._threads.forget_context(turn.key)
            return
        if isinstance(error, ContextGone):
            await self._threads.forget_context(turn.key)
            return
        if isinstance(error, UploadGone):
            await self._workspace.forget_uploads(turn.key)
            return
        if isinstance(error, ResponseLost):
            await self._turns.update(turn.id, notes=[*turn.notes, ASKED_AGAIN])
            return
        wait_seconds = FIRST_WAIT_SECONDS * 2**attempt
        if isinstance(error, RateLimited):
            wait_seconds = max(wait_seconds, error.retry_after_seconds)
        wait_seconds = min(wait_seconds, self._settings.retry_wait_seconds)
        reply.show(Progress(status=f"queued, about {wait_seconds:.0f} s…"))
        await asyncio.sleep(wait_seconds)


class _Seen:
    """How far the response was followed."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.response_id: str | None = None
        self.container_id: str | None = None


def _ended(run: CodeRun) -> CodeRun:
    unfinished = run.state in (RunState.WRITING, RunState.RUNNING)
    return replace(run, state=RunState.FAILED) if unfinished else run


def _sentence(error: EngineError) -> str:
    if isinstance(error, EngineRefused):
        status = getattr(error.__cause__, "status_code", None)
        if status in (401, 403):
            return KEY_REFUSED
        return f"The engine did not take the question: {error}"
    if isinstance(error, RateLimited):
        return "The engine is too busy to answer now. Press Retry in a little while."
    return UNREACHABLE
