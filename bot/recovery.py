"""What follows a failure of the engine: another try, put right as far as possible, or the end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum

import structlog

from bot.artifacts import without_images
from bot.domain import Progress
from bot.errors import (
    ContainerGone,
    ContextGone,
    EngineError,
    EngineRefused,
    OutOfMemory,
    QueueFull,
    RateLimited,
    ResponseLost,
    Unexplained,
    UploadGone,
)
from bot.events import Outcome
from bot.open_turn import OpenTurn
from bot.pacing import Pacer
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
NOT_THERE = "There is no engine where I was told to ask. Whoever runs this bot has to look at it."
ASKED_AGAIN = "The first answer was lost on its way from the engine, so this was asked again."
CROWDED = (
    "Too many questions are waiting for the engine at the moment. Yours is kept: press Retry in a "
    "few minutes."
)


class Verdict(StrEnum):
    """What became of one try to ask."""

    COMPUTED = "computed"  # code ran: there may be files to keep
    SPOKEN = "spoken"  # an answer in words, or a sentence that says why there is none
    AGAIN = "again"


def verdict_of(outcome: Outcome) -> Verdict:
    """What a stored outcome amounts to."""
    return Verdict.COMPUTED if outcome.container_id else Verdict.SPOKEN


class Recovery:
    """Decides whether a failed try is repeated."""

    def __init__(
        self, settings: Settings, threads: Threads, workspace: Workspace, pacer: Pacer
    ) -> None:
        self._settings = settings
        self._threads = threads
        self._workspace = workspace
        self._pacer = pacer

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
        if last or starved or isinstance(error, (EngineRefused, QueueFull)):
            failure = _sentence(error)
            left = replace(left, usage=turn.charged, out_of_memory=starved, failure=failure)
            # Out of memory, the container lives, with what was made in it so far.
            await turn.set_outcome(left if starved else without_images(left))
            return verdict_of(left) if starved else Verdict.SPOKEN
        if turn.turn.response_id:
            given_up = turn.turn.response_id
            await turn.set_response(None)  # first: only who has the turn may
            await self._workspace.give_up(given_up)
        if left.container_id and not named_container:  # the next try gets another
            await self._workspace.give_up_container(left.container_id)
        await self._recover(turn, error, attempt, named_container=named_container)
        return Verdict.AGAIN

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
        """Wait as long as the engine asks, all workers together, or until the person has had
        enough."""
        wait_seconds = FIRST_WAIT_SECONDS * 2**attempt
        if isinstance(error, RateLimited):
            wait_seconds = max(wait_seconds, error.retry_after_seconds)
            if await self._pacer.pause(min(wait_seconds, self._settings.retry_wait_seconds)):
                return  # the next try waits for its turn in the queue
        wait_seconds = min(wait_seconds, self._settings.retry_wait_seconds, turn.seconds_left())
        turn.reply.show(Progress(status=f"queued, about {wait_seconds:.0f} s…"))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                await turn.stop.wait()


def _sentence(error: EngineError) -> str:
    if isinstance(error, EngineRefused):
        status = getattr(error.__cause__, "status_code", None)
        if status in (401, 403):
            return KEY_REFUSED
        if status == 404 and getattr(error.__cause__, "code", None) is None:  # no such address
            return NOT_THERE
        return f"The engine did not take the question: {error}"
    if isinstance(error, OutOfMemory):
        return str(error)
    if isinstance(error, QueueFull):
        return CROWDED
    if isinstance(error, Unexplained):
        return UNEXPLAINED
    return BUSY if isinstance(error, RateLimited) else UNREACHABLE
