"""The turn: one answer to one message, as a durable workflow. Its steps in reading order.

Each step is checkpointed when it returns and safe to run twice when a crash comes before that.
What passes between steps is small JSON; the rest lies in the database.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from bot.answers import answer_of
from bot.artifacts import ArtifactKeeper, without_images
from bot.asking import Asker
from bot.books import Books
from bot.dispatcher import Dispatcher
from bot.domain import Author, Progress, ThreadKey
from bot.durable import step
from bot.errors import EngineError, PlatformError, Undeliverable
from bot.events import Outcome
from bot.followups import Intent
from bot.health import Metrics
from bot.ingest import Ingester
from bot.names import safe_name
from bot.open_turn import OpenTurn, OpenTurns
from bot.publishing import publish
from bot.question import QuestionWriter
from bot.rebuilding import Prepared
from bot.recovery import Recovery, Verdict, verdict_of
from bot.settings import Settings
from bot.store.files import Files, Origin
from bot.store.outbox import Outbox
from bot.store.turns import Turns, TurnState
from bot.workspace import Workspace

log = structlog.get_logger()

T = TypeVar("T")

NAMES_SHOWN_MAX = 3
REFUSALS_MAX = 10  # of a chat, or faults of our own; with their pauses about four minutes

UNEXPECTED = (
    "Something went wrong on our side. Your question and files are kept; press Retry to ask again."
)
FRESH_CONTAINER = (
    "The earlier container had ended, so this was answered in a fresh container: your files were "
    "restored, variables are gone."
)
LEFT_OUT = (
    "The workspace holds more than fits into a container: {count} of its files were left "
    "out. `files delete` makes room."
)


class Gate(Protocol):
    """Who may ask."""

    async def refusal(self, key: ThreadKey, author: Author, *, asks: bool) -> str | None:
        """Why somebody may not ask here now, or only bring files; None where they may."""


class TurnSteps:
    """Runs turns. `run` is the workflow's body."""

    def __init__(
        self,
        settings: Settings,
        *,
        turns: Turns,
        open_turns: OpenTurns,
        files: Files,
        ingester: Ingester,
        gate: Gate,
        workspace: Workspace,
        questions: QuestionWriter,
        asker: Asker,
        recovery: Recovery,
        artifacts: ArtifactKeeper,
        outbox: Outbox,
        books: Books,
        dispatcher: Dispatcher,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._turns = turns
        self._open_turns = open_turns
        self._files = files
        self._ingester = ingester
        self._gate = gate
        self._workspace = workspace
        self._questions = questions
        self._asker = asker
        self._recovery = recovery
        self._artifacts = artifacts
        self._outbox = outbox
        self._books = books
        self._dispatcher = dispatcher
        self._metrics = metrics

    async def run(self, turn_id: str) -> None:
        """Answer, whatever happens: a failure becomes a sentence in the thread."""
        self._dispatcher.began(turn_id)
        began, failed = time.monotonic(), False
        next_turn = None
        try:
            try:
                await self._answer(turn_id)
            except Undeliverable:
                failed = True  # `publish` meets it again, and says so
            except Exception:  # anything at all: the person must hear of it
                log.exception("turn failed", turn=turn_id)
                failed = True
            state = await self._publish(turn_id, failed)
            attempts = self._settings.settle_attempts
            # A turn that is never settled would hold its thread up.
            next_turn = await step("settle", self.settle, turn_id, state, attempts=attempts)
            self._metrics.turns.labels(state).inc()
            self._metrics.seconds.observe(time.monotonic() - began)
        finally:
            self._dispatcher.finished(turn_id, next_turn)

    async def _publish(self, turn_id: str, failed: bool) -> str:
        try:
            return await self._with_the_chat("publish", self.publish, turn_id, failed)
        except Undeliverable as error:
            log.warning("answer not delivered", turn=turn_id, why=str(error))
            return TurnState.FAILED.value
        except Exception:  # the chat takes nothing at all; the thread must go on
            log.exception("answer not delivered", turn=turn_id)
            return TurnState.FAILED.value
        finally:
            await self._open_turns.close(turn_id)

    async def _answer(self, turn_id: str) -> None:
        # A disk or a database may refuse for a moment, a chat for long: each step is safe to run
        # twice.
        tried = partial(step, attempts=self._settings.step_attempts)
        collected = await self._with_the_chat("collect", self.collect, turn_id)
        if collected["files"]:
            await tried("ingest", self.ingest, turn_id)
        if collected["intent"] == Intent.FILES:
            await tried("take", self.take, turn_id)
        if collected["intent"] != Intent.ASK:
            return
        for attempt in range(self._settings.engine_attempts):
            prepared = await tried("prepare", self.prepare, turn_id, attempt)
            verdict = await tried("ask", self.ask, turn_id, prepared, attempt)
            if verdict != Verdict.AGAIN:
                break
        if verdict == Verdict.COMPUTED:
            await tried("keep", self.keep, turn_id, prepared)

    async def _with_the_chat(
        self, name: str, work: Callable[..., Awaitable[T]], turn_id: str, *arguments: Any
    ) -> T:
        """Run a step that needs the chat, which may be away for hours: between two tries another
        turn has the room. What will hardly pass by itself is tried for minutes only."""
        refusals = 0
        with ExitStack() as pause:

            async def tried() -> T:
                nonlocal refusals
                pause.close()
                try:
                    return await work(turn_id, *arguments)
                except Exception as error:
                    refusals += not (isinstance(error, PlatformError) and error.passes)
                    if refusals >= REFUSALS_MAX:
                        log.exception("given up", step=name, turn=turn_id)
                        raise Undeliverable(f"Tried {refusals} times: {error}") from error
                    pause.enter_context(self._dispatcher.resting(turn_id))
                    raise

            return await step(name, tried, attempts=self._settings.post_attempts)

    async def collect(self, turn_id: str) -> dict[str, Any]:
        """Take the waiting messages; where something is asked, open the reply.

        Returns:
            What to do (an `Intent`, or None for nothing) and whether files came along.
        """
        await self._turns.collect(turn_id)
        turn = await self._open_turns.get(turn_id)
        if not turn.asked or await self._refused(turn):
            return {"intent": None, "files": False}
        names = [safe_name(file.name) for message in turn.asked for file in message.attachments]
        reading = f"reading {', '.join(names[:NAMES_SHOWN_MAX])}…"
        turn.reply.show(Progress(status=reading if names else "thinking…"))
        return {"intent": turn.intent, "files": bool(names)}

    async def _refused(self, turn: OpenTurn) -> bool:
        """Whether the person may not ask; they are told where they spoke to the bot."""
        asks = turn.intent is Intent.ASK
        refusal = await self._gate.refusal(turn.key, turn.asked[0].author, asks=asks)
        spoken_to = any(not message.addressed.overheard for message in turn.asked)
        if refusal is not None and (spoken_to or asks):
            await turn.set_outcome(Outcome(failure=refusal, refused=True))
        return refusal is not None

    async def ingest(self, turn_id: str) -> None:
        """Stream the attachments into the workspace."""
        turn = await self._open_turns.get(turn_id)
        await turn.note(await self._ingester.ingest(turn))

    async def take(self, turn_id: str) -> None:
        """Files came without a question: a light sign; `publish` says which were not taken."""
        turn = await self._open_turns.get(turn_id)
        if turn.turn.notes:
            return
        for message in turn.asked:
            if message.attachments:
                await self._open_turns.platform(turn.key).taken(message)

    async def prepare(self, turn_id: str, attempt: int) -> dict[str, Any] | None:
        """Choose the container, and see that the thread's files are, or will be, in it.

        None where the engine failed: it is tried again, or the turn has ended with a sentence.
        """
        turn = await self._open_turns.get(turn_id)
        try:
            prepared = await self._workspace.prepare(turn.key)
        except EngineError as error:
            await self._recovery.failed(turn, error, attempt)
            return None
        if prepared.left_out:
            await turn.note([LEFT_OUT.format(count=prepared.left_out)])
        return asdict(prepared)

    async def ask(self, turn_id: str, prepared: dict[str, Any] | None, attempt: int) -> str:
        """One try at one streamed response."""
        turn = await self._open_turns.get(turn_id)
        if turn.turn.outcome is not None:
            return verdict_of(turn.turn.outcome)
        if prepared is None:
            return Verdict.AGAIN
        question = await self._questions.write(turn, _prepared(prepared))
        return await self._asker.ask(turn, question, attempt)

    async def keep(self, turn_id: str, prepared: dict[str, Any] | None) -> None:
        """Fetch and keep what the code made, before the container can die."""
        turn = await self._open_turns.get(turn_id)
        outcome = turn.turn.outcome
        assert outcome is not None
        assert outcome.container_id is not None
        await self._workspace.adopt(
            turn.key, turn.turn.generation, outcome.container_id, _prepared(prepared)
        )
        fresh = [FRESH_CONTAINER] if _prepared(prepared).surprising else []
        await turn.note(fresh + await self._artifacts.keep(turn.key, turn_id, outcome))
        if any(run.images for run in outcome.runs):
            await turn.set_outcome(without_images(outcome))

    async def publish(self, turn_id: str, failed: bool) -> str:
        """Post files, text and buttons, each once. Returns how the turn ended.

        Where the turn failed, what the engine gave already stays above the sentence that says so.
        """
        turn = await self._open_turns.get(turn_id)
        asks = turn.intent is Intent.ASK
        if not (asks or failed or turn.turn.notes or turn.turn.outcome):
            return TurnState.DONE
        await self._open_turns.show(turn)
        await self._book(turn)
        outcome = turn.turn.outcome or Outcome(failure=UNEXPECTED if asks else None)
        if failed:
            outcome = replace(outcome, failure=outcome.failure or UNEXPECTED)
        kept = await self._files.of_turn(turn_id, Origin.CODE)
        await publish(self._outbox, turn.reply, answer_of(turn.turn, outcome, kept))
        await self._open_turns.close(turn_id)  # within the step: no status outlives a crash here
        if outcome.stopped:
            return TurnState.STOPPED
        return TurnState.FAILED if outcome.failure else TurnState.DONE

    async def _book(self, turn: OpenTurn) -> None:
        """Book what was used, so that the answer itself warns when money runs short."""
        author = turn.asked[0].author
        entry = await self._books.book(turn.turn, author)
        if entry is not None:
            await turn.note(await self._books.budgets.warnings(turn.key, author, entry))

    async def settle(self, turn_id: str, state: str) -> str | None:
        """Close the books and claim the thread's next turn."""
        await self._books.ensure(turn_id)  # where the chat took no post
        next_turn, outcome = await self._turns.settle(turn_id, TurnState(state))
        log.info(
            "settled",
            turn=turn_id,
            state=state,
            response=outcome.response_id,
            container=outcome.container_id,
            **asdict(outcome.usage),
        )
        return next_turn


def _prepared(stored: dict[str, Any] | None) -> Prepared:
    if stored is None:
        return Prepared(None)
    return Prepared(**{**stored, "file_ids": tuple(stored["file_ids"])})
