"""Putting a turn's question to the engine: asked or resumed, shown, stopped, stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace

import structlog

from bot.domain import CodeRun, Progress, RunState
from bot.errors import (
    ContainerGone,
    EngineError,
    OutOfMemory,
    ResponseLost,
    Unexplained,
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
from bot.pacing import Pacer
from bot.recovery import Recovery, Verdict, verdict_of
from bot.settings import Settings
from bot.store.fencing import certainly_ours
from bot.store.threads import Threads

log = structlog.get_logger()

WAITED_TOO_LONG = (
    "So many questions are waiting that yours was not asked within {minutes:g} minutes. Press "
    "Retry to ask it again."
)
TOO_LONG = "It took longer than {minutes:g} minutes and was ended."


@dataclass
class _Seen:
    """How far the response was followed."""

    response_id: str | None = None
    container_id: str | None = None
    progress: Progress = field(default_factory=Progress)
    usage: Usage = field(default_factory=Usage)

    @property
    def runs(self) -> tuple[CodeRun, ...]:
        """The runs of code so far."""
        return self.progress.runs

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
        pacer: Pacer,
        recovery: Recovery,
    ) -> None:
        self._settings = settings
        self._interpreter = interpreter
        self._threads = threads
        self._pacer = pacer
        self._recovery = recovery

    async def ask(self, turn: OpenTurn, question: Question, attempt: int) -> Verdict:
        """One try. What it gave is stored with the turn; what went wrong is put right as far as
        it can be, so that the next try may succeed."""
        held = question.container if isinstance(question.container, str) else None
        named = held is not None
        tier = await self._tier(turn, question)
        seen = _Seen(turn.turn.response_id)
        try:
            outcome = await self._follow(turn, question, seen)
        except EngineError as error:
            told = await self._explained(error, question, seen, tier)
            left = replace(seen.outcome, model=question.model, memory_limit=tier, held=held)
            return await self._recovery.failed(
                turn, told, attempt, named_container=named, left=left
            )
        outcome = replace(
            outcome,
            usage=turn.charged + outcome.usage,
            model=question.model,
            memory_limit=tier,
            held=held,
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

    async def _follow(self, turn: OpenTurn, question: Question, seen: _Seen) -> Outcome:
        response_id = turn.turn.response_id
        if turn.stop.is_set() and response_id is None:
            return Outcome(stopped=True)
        if response_id is None:
            await self._pacer.admit(turn)
            if turn.stop.is_set():
                return Outcome(stopped=True)
            if turn.seconds_left() <= 0:
                return Outcome(failure=self._minutes(WAITED_TOO_LONG))
            certainly_ours()  # else it may be asked, and paid for, at two workers
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
                seen.usage, printed = await self._interpreter.cancel(seen.response_id)
        except (EngineError, TimeoutError) as error:
            log.warning("response not cancelled", response=seen.response_id, error=repr(error))
            return
        runs = tuple(replace(run, logs=run.logs or printed.get(run.id, "")) for run in seen.runs)
        seen.progress = replace(seen.progress, runs=runs)

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

    def _minutes(self, sentence: str) -> str:
        return sentence.format(minutes=self._settings.turn_seconds / 60)

    def _cut_short(self, seen: _Seen, *, stopped: bool) -> Outcome:
        too_long = self._minutes(TOO_LONG)
        return replace(seen.outcome, stopped=stopped, failure=None if stopped else too_long)


def _ended(run: CodeRun) -> CodeRun:
    unfinished = run.state in (RunState.WRITING, RunState.RUNNING)
    return replace(run, state=RunState.STOPPED) if unfinished else run
