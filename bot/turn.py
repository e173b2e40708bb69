"""The turn: one answer to one message, as a durable workflow. Its steps in reading order.

Each step is checkpointed when it returns and safe to run twice when a crash comes before that.
What passes between steps is small JSON; the rest lies in the database.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import structlog

from bot.artifacts import ArtifactKeeper, link, without_images
from bot.asking import Asker, Verdict
from bot.blobs import BlobStore
from bot.dispatcher import Dispatcher
from bot.domain import Action, Answer, Attachment, IncomingMessage, Progress, ThreadKey
from bot.durable import step
from bot.errors import AttachmentUnavailable, EngineError, PlatformError, TooLarge
from bot.events import Outcome
from bot.names import safe_name
from bot.ports import ChatPlatform, Reply
from bot.publishing import Publisher
from bot.question import QuestionWriter
from bot.settings import Settings
from bot.store.files import Files, Origin, StoredFile
from bot.store.turns import Turn, Turns, TurnState
from bot.workspace import Prepared, Workspace

log = structlog.get_logger()

UNEXPECTED = (
    "Something went wrong on our side. Your question and files are kept; press Retry to ask again."
)
FRESH_CONTAINER = (
    "The earlier container had ended, so this was answered in a fresh container: your files were "
    "restored, variables are gone."
)
STOPPED = "Stopped: this is what there was until then."


class TurnSteps:
    """Runs turns. `run` is the workflow's body."""

    def __init__(
        self,
        settings: Settings,
        *,
        turns: Turns,
        files: Files,
        blobs: BlobStore,
        workspace: Workspace,
        questions: QuestionWriter,
        asker: Asker,
        artifacts: ArtifactKeeper,
        publisher: Publisher,
        platforms: Mapping[str, ChatPlatform],
        dispatcher: Dispatcher,
    ) -> None:
        self._settings = settings
        self._turns = turns
        self._files = files
        self._blobs = blobs
        self._workspace = workspace
        self._questions = questions
        self._asker = asker
        self._artifacts = artifacts
        self._publisher = publisher
        self._platforms = platforms
        self._dispatcher = dispatcher
        self._replies: dict[str, Reply] = {}

    async def run(self, turn_id: str) -> None:
        """Answer, whatever happens: a failure becomes a sentence in the thread."""
        self._dispatcher.began(turn_id)
        state = TurnState.FAILED
        try:
            try:
                await self._answer(turn_id)
            except Exception:  # anything at all: the person must hear of it
                log.exception("turn failed", turn=turn_id)
                await step("fail", self.fail, turn_id)
            state = TurnState(await step("publish", self.publish, turn_id))
        except Exception:  # the chat refuses to take even the failure
            log.exception("answer not delivered", turn=turn_id)
        finally:
            await self._close_reply(turn_id)
        next_turn = await step("settle", self.settle, turn_id, state.value)
        self._dispatcher.finished(turn_id)
        if next_turn:
            self._dispatcher.wake(next_turn)

    async def _answer(self, turn_id: str) -> None:
        await step("collect", self.collect, turn_id)
        await step("ingest", self.ingest, turn_id)
        for attempt in range(self._settings.engine_attempts):
            prepared = await step("prepare", self.prepare, turn_id, attempt)
            verdict = await step("ask", self.ask, turn_id, prepared, attempt)
            if verdict == Verdict.ANSWERED:
                break
        await step("keep", self.keep, turn_id, prepared)

    async def collect(self, turn_id: str) -> None:
        """Take the waiting messages and open the reply."""
        await self._turns.collect(turn_id)
        turn = await self._turns.get(turn_id)
        names = [
            safe_name(attachment.name)
            for message in await self._turns.messages(turn_id)
            for attachment in message.attachments
        ]
        reply = await self._reply(turn)
        reply.show(Progress(status=f"reading {', '.join(names[:3])}…" if names else "thinking…"))

    async def ingest(self, turn_id: str) -> None:
        """Stream each attachment into the blob store; the engine gets it from there."""
        turn = await self._turns.get(turn_id)
        problems: list[str] = []
        taken = 0
        for message in await self._turns.messages(turn_id):
            for attachment in message.attachments:
                if taken >= self._settings.attachments_max:
                    problems.append(_refused(attachment, "too many files at once."))
                    continue
                taken += 1
                problems += await self._take_in(turn, message, attachment)
        await self._note(turn_id, problems)

    async def _take_in(
        self, turn: Turn, message: IncomingMessage, attachment: Attachment
    ) -> list[str]:
        chunks = self._platform(turn.key).read(turn.key, attachment)
        limit_bytes = self._settings.attachment_max_mb * 1_000_000
        try:
            blob = await self._blobs.put(turn.key, chunks, limit_bytes=limit_bytes)
        except (AttachmentUnavailable, TooLarge) as error:
            log.info("attachment refused", turn=turn.id, file=attachment.id, error=str(error))
            return [_refused(attachment, str(error))]
        if blob.size_bytes == 0:
            return [_refused(attachment, "it is empty.")]
        await self._workspace.take_in(turn.key, turn.id, message.author.id, attachment, blob)
        return []

    async def prepare(self, turn_id: str, attempt: int) -> dict[str, Any] | None:
        """Choose the container, and see that the thread's files are, or will be, in it.

        None where the engine failed: it is tried again, or the turn has ended with a sentence.
        """
        turn = await self._turns.get(turn_id)
        try:
            prepared = await self._workspace.prepare(turn.key)
        except EngineError as error:
            await self._asker.failed(turn, error, await self._reply(turn), attempt)
            return None
        if prepared.restored:
            await self._note(turn_id, [FRESH_CONTAINER])
        return asdict(prepared)

    async def ask(self, turn_id: str, prepared: dict[str, Any] | None, attempt: int) -> str:
        """One try at one streamed response."""
        turn = await self._turns.get(turn_id)
        if turn.outcome is not None:
            return Verdict.ANSWERED
        if prepared is None:
            return Verdict.AGAIN
        question = await self._questions.write(turn, _prepared(prepared))
        return await self._asker.ask(turn, question, await self._reply(turn), attempt)

    async def keep(self, turn_id: str, prepared: dict[str, Any] | None) -> None:
        """Fetch and keep what the code made, before the container can die."""
        turn = await self._turns.get(turn_id)
        outcome = turn.outcome
        assert outcome is not None
        if outcome.container_id and prepared:
            await self._workspace.adopt(turn.key, _prepared(prepared), outcome.container_id)
        await self._note(turn_id, await self._artifacts.keep(turn.key, turn_id, outcome))
        await self._turns.update(turn_id, outcome=without_images(outcome).as_json())

    async def fail(self, turn_id: str) -> None:
        """Make the answer a sentence that helps; what the engine gave already stays."""
        turn = await self._turns.get(turn_id)
        outcome = replace(turn.outcome or Outcome(), failure=UNEXPECTED)
        await self._turns.update(turn_id, outcome=without_images(outcome).as_json())

    async def publish(self, turn_id: str) -> str:
        """Post files, text and buttons, each once. Returns how the turn ended."""
        turn = await self._turns.get(turn_id)
        outcome = turn.outcome or Outcome(failure=UNEXPECTED)
        kept = await self._files.of_turn(turn_id, Origin.CODE)
        await self._publisher.publish(await self._reply(turn), _answer(turn, outcome, kept))
        if outcome.stopped:
            return TurnState.STOPPED
        return TurnState.FAILED if outcome.failure else TurnState.DONE

    async def settle(self, turn_id: str, state: str) -> str | None:
        """Close the books and claim the thread's next turn."""
        turn = await self._turns.get(turn_id)
        outcome = turn.outcome or Outcome()
        values: dict[str, Any] = {}
        if outcome.container_id:
            values["container_id"] = outcome.container_id
            values["container_memory"] = self._settings.memory_limit
            values["container_used_at"] = time.time()
        if outcome.response_id:
            values["last_response_id"] = outcome.response_id
        next_turn = await self._turns.settle(turn_id, TurnState(state), thread=values)
        log.info(
            "settled",
            thread=str(turn.key),
            turn=turn_id,
            state=state,
            response=outcome.response_id,
            container=outcome.container_id,
            **asdict(outcome.usage),
        )
        return next_turn

    def _platform(self, key: ThreadKey) -> ChatPlatform:
        try:
            return self._platforms[key.platform]
        except KeyError:
            raise PlatformError(f"The platform {key.platform} is not running.") from None

    async def _reply(self, turn: Turn) -> Reply:
        """The turn's surface: opened once, and found again after a restart."""
        if turn.id not in self._replies:
            asked = await self._turns.messages(turn.id)
            reply = await self._platform(turn.key).open_reply(
                turn.key, turn_id=turn.id, message_id=asked[-1].id, ref=turn.reply_ref
            )
            self._replies[turn.id] = reply
            if turn.reply_ref is None:
                await self._turns.update(turn.id, reply_ref=reply.ref)
        return self._replies[turn.id]

    async def _close_reply(self, turn_id: str) -> None:
        reply = self._replies.pop(turn_id, None)
        if reply is not None:
            await reply.close()

    async def _note(self, turn_id: str, sentences: list[str]) -> None:
        turn = await self._turns.get(turn_id)
        notes = list(dict.fromkeys([*turn.notes, *sentences]))
        if notes != list(turn.notes):
            await self._turns.update(turn_id, notes=notes)


def _prepared(stored: dict[str, Any]) -> Prepared:
    return Prepared(**{**stored, "file_ids": tuple(stored["file_ids"])})


def _refused(attachment: Attachment, why: str) -> str:
    return f"“{safe_name(attachment.name)}” was not taken: {why[:1].lower()}{why[1:]}"


def _answer(turn: Turn, outcome: Outcome, kept: list[StoredFile]) -> Answer:
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
        actions=(Action.RETRY, Action.RESET),
        failed=outcome.failure is not None,
    )
