"""Putting a turn's question to the engine: asked or resumed, shown, stopped, stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum

import structlog

from bot.domain import CodeRun, Progress, RunState
from bot.errors import (
    ContainerGone,
    ContextGone,
    EngineError,
    EngineRefused,
    OutOfMemory,
    RateLimited,
    ResponseLost,
    Unexplained,
    UploadGone,
)
from bot.events import (
    Charged,
    CodeStarted,
    Finished,
    Outcome,
    ResponseStarted,
    TurnEvent,
    Usage,
    advance,
)
from bot.interpreter import FreshContainer, Interpreter, Question
from bot.memory import out_of_memory, ran_out
from bot.open_turn import OpenTurn
from bot.settings import Settings
from bot.store.threads import Threads
from bot.workspace import Workspace

log = structlog.get_logger()

FIRST_WAIT_SECONDS = 1.0

UNREACHABLE = (
    "The engine can't be reached right now. Nothing is lost: your question and files are kept. "
    "Press Retry in a little while."
)
BUSY = "The engine is too busy to answer now. Press Retry in a little while."
UNEXPLAINED = "The engine failed at this and does not say why. Press Retry to ask again."
KEY_REFUSED = "The engine does not accept our key. Whoever runs this bot has to look at it."
ASKED_AGAIN = "The engine lost its first answer, so the question was asked again."
TOO_LONG = "It took longer than {minutes:g} minutes and was ended."


class Verdict(StrEnum):
    """What became of one try to ask."""

    COMPUTED = "computed"  # code ran: there may be files to keep
    SPOKEN = "spoken"  # an answer in words, or a sentence that says why there is none
    AGAIN = "again"


def verdict_of(outcome: Outcome) -> Verdict:
    """What a stored outcome amounts to."""
    return Verdict.COMPUTED if outcome.container_id else Verdict.SPOKEN


@dataclass
class _Seen:
    """How far the response was followed."""

    response_id: str | None = None
    container_id: str | None = None
    progress: Progress = field(default_factory=Progress)
    usage: Usage = field(default_factory=Usage)

    @property
    def outcome(self) -> Outcome:
        """What there is of a response that did not finish. Nothing follows on it, so its id is
        left out."""
        return Outcome(
            container_id=self.container_id,
            text=self.progress.text,
            runs=tuple(_ended(run) for run in self.progress.runs),
            usage=self.usage,
        )


class Asker:
    """Asks; tells a try that may be repeated from one that has ended."""

    def __init__(
        self,
        settings: Settings,
        interpreter: Interpreter,
        threads: Threads,
        workspace: Workspace,
    ) -> None:
        self._settings = settings
        self._interpreter = interpreter
        self._threads = threads
        self._workspace = workspace

    async def ask(self, turn: OpenTurn, question: Question, attempt: int) -> Verdict:
        """One try. What it gave is stored with the turn; what went wrong is put right as far as
        it can be, so that the next try may succeed."""
        named = isinstance(question.container, str)
        tier = await self._tier(turn, question)
        seen = _Seen(turn.turn.response_id)
        try:
            outcome = await self._follow(turn, question, seen)
        except EngineError as error:
            told = await self._explained(error, question, seen, tier)
            left = replace(seen.outcome, model=question.model, memory_limit=tier)
            return await self.failed(turn, told, attempt, named_container=named, left=left)
        outcome = replace(
            outcome,
            usage=turn.charged + outcome.usage,
            model=question.model,
            memory_limit=tier,
            out_of_memory=ran_out(outcome.runs),
        )
        if outcome.out_of_memory:
            await turn.note([out_of_memory(tier)])
        await turn.set_outcome(outcome)
        return verdict_of(outcome)

    async def _tier(self, turn: OpenTurn, question: Question) -> str | None:
        """The memory tier of the question's container."""
        if isinstance(question.container, FreshContainer):
            return question.container.memory_limit
        return (await self._threads.get(turn.key)).container_memory

    async def _explained(
        self, error: EngineError, question: Question, seen: _Seen, tier: str | None
    ) -> EngineError:
        """What an unexplained failure means: the container tells [facts: openai]."""
        named = question.container if isinstance(question.container, str) else None
        container_id = seen.container_id or named
        if not isinstance(error, Unexplained) or container_id is None:
            return error
        try:
            alive = await self._interpreter.files.is_alive(container_id)
        except EngineError as unknown:
            log.warning("container not seen", container=container_id, error=repr(unknown))
            return error
        return OutOfMemory(out_of_memory(tier)) if alive else ContainerGone(str(error))

    async def failed(
        self,
        turn: OpenTurn,
        error: EngineError,
        attempt: int,
        *,
        named_container: bool = True,
        left: Outcome | None = None,
    ) -> Verdict:
        """Recover for another try, or end the turn with a sentence where none is left.

        Args:
            turn: the turn.
            error: what went wrong.
            attempt: how many tries there were before this one.
            named_container: whether a container was asked for by its id.
            left: what there is of the response that failed.
        """
        log.warning("engine failed", turn=turn.id, attempt=attempt, error=repr(error))
        left = left or Outcome()
        turn.charged += left.usage
        starved = isinstance(error, OutOfMemory)
        last = attempt + 1 >= self._settings.engine_attempts or turn.seconds_left() <= 0
        if last or starved or isinstance(error, EngineRefused):
            failure = _sentence(error)
            left = replace(left, usage=turn.charged, out_of_memory=starved, failure=failure)
            await turn.set_outcome(left)
            # The container lives, with what was made in it so far.
            return verdict_of(left) if starved else Verdict.SPOKEN
        if turn.turn.response_id:
            await turn.set_response(None)
        await self._recover(turn, error, attempt, named_container=named_container)
        return Verdict.AGAIN

    async def _follow(self, turn: OpenTurn, question: Question, seen: _Seen) -> Outcome:
        response_id = turn.turn.response_id
        if turn.stop.is_set() and response_id is None:
            return Outcome(stopped=True)
        events = (
            self._interpreter.resume(response_id)
            if response_id
            else self._interpreter.ask(question)
        )
        following = asyncio.create_task(self._consume(turn, events, seen))
        stopping = asyncio.create_task(turn.stop.wait())
        try:
            await asyncio.wait(
                (following, stopping),
                timeout=max(0, turn.seconds_left()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if following.done():
                return following.result()
            if seen.response_id:
                await self._cancel(seen)
            return self._cut_short(seen, stopped=turn.stop.is_set())
        finally:
            for task in (following, stopping):
                task.cancel()
            with suppress(asyncio.CancelledError, EngineError):  # what it gave is known already
                await following

    async def _cancel(self, seen: _Seen) -> None:
        """End the response at the engine, if it will; what was seen of it is kept anyway."""
        assert seen.response_id is not None
        try:
            async with asyncio.timeout(self._settings.engine_cancel_seconds):
                seen.usage = await self._interpreter.cancel(seen.response_id)
        except (EngineError, TimeoutError) as error:
            log.warning("response not cancelled", response=seen.response_id, error=repr(error))

    async def _consume(
        self, turn: OpenTurn, events: AsyncGenerator[TurnEvent], seen: _Seen
    ) -> Outcome:
        outcome: Outcome | None = None
        async with aclosing(events):
            async for event in events:
                if isinstance(event, ResponseStarted):
                    # Known before anything else happens: from here a crash resumes.
                    if event.response_id != turn.turn.response_id:
                        await turn.set_response(event.response_id)
                    seen.response_id = event.response_id
                elif isinstance(event, CodeStarted):
                    seen.container_id = event.container_id
                elif isinstance(event, Charged):
                    seen.usage = event.usage
                seen.progress = advance(seen.progress, event)
                turn.reply.show(seen.progress)
                if isinstance(event, Finished):
                    outcome = event.outcome
        if outcome is None:
            raise ResponseLost("The events ended before the response did.")
        return outcome

    def _cut_short(self, seen: _Seen, *, stopped: bool) -> Outcome:
        too_long = TOO_LONG.format(minutes=self._settings.turn_seconds / 60)
        return replace(seen.outcome, stopped=stopped, failure=None if stopped else too_long)

    async def _recover(
        self, turn: OpenTurn, error: EngineError, attempt: int, *, named_container: bool
    ) -> None:
        """Put right what the error names, and wait where it is a matter of time."""
        if isinstance(error, ContainerGone):
            if not named_container:
                # The context holds a dead one; a named one is replaced by the next `prepare`.
                await self._threads.forget_context(turn.key)
        elif isinstance(error, ContextGone):
            await self._threads.forget_context(turn.key)
        elif isinstance(error, UploadGone):
            await self._workspace.forget_uploads(turn.key)
            if attempt:
                # Uploaded again, and still one is missing: the context names a deleted one.
                await self._threads.forget_context(turn.key)
        elif isinstance(error, ResponseLost):
            await turn.note([ASKED_AGAIN])
        else:
            await self._wait(turn, error, attempt)

    async def _wait(self, turn: OpenTurn, error: EngineError, attempt: int) -> None:
        """Wait as long as the engine asks, or until the person has had enough."""
        wait_seconds = FIRST_WAIT_SECONDS * 2**attempt
        if isinstance(error, RateLimited):
            wait_seconds = max(wait_seconds, error.retry_after_seconds)
        wait_seconds = min(wait_seconds, self._settings.retry_wait_seconds, turn.seconds_left())
        turn.reply.show(Progress(status=f"queued, about {wait_seconds:.0f} s…"))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                await turn.stop.wait()


def _ended(run: CodeRun) -> CodeRun:
    unfinished = run.state in (RunState.WRITING, RunState.RUNNING)
    return replace(run, state=RunState.STOPPED) if unfinished else run


def _sentence(error: EngineError) -> str:
    if isinstance(error, EngineRefused):
        status = getattr(error.__cause__, "status_code", None)
        if status in (401, 403):
            return KEY_REFUSED
        return f"The engine did not take the question: {error}"
    if isinstance(error, OutOfMemory):
        return str(error)
    if isinstance(error, Unexplained):
        return UNEXPLAINED
    return BUSY if isinstance(error, RateLimited) else UNREACHABLE
