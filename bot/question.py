"""What a turn asks of the engine: words, files, context."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bot.domain import IncomingMessage
from bot.interpreter import Question
from bot.names import VISIBLE_BYTES_MAX, VISIBLE_DOCUMENTS, VISIBLE_IMAGES
from bot.open_turn import OpenTurn
from bot.prompts import INSTRUCTIONS, question_text, workspace_note
from bot.store.files import Files, Origin, StoredFile, newest
from bot.store.threads import Threads
from bot.store.turns import Turns
from bot.workspace import Prepared, Workspace

HISTORY_TURNS_MAX = 6


class QuestionWriter:
    """Writes questions from what the store knows."""

    def __init__(self, turns: Turns, threads: Threads, files: Files, workspace: Workspace) -> None:
        self._turns = turns
        self._threads = threads
        self._files = files
        self._workspace = workspace

    async def write(self, turn: OpenTurn, prepared: Prepared) -> Question:
        """The question that the turn's messages ask, for the prepared container."""
        thread = await self._threads.get(turn.key)
        files = await self._files.of_thread(turn.key)
        new = [f for f in files if f.turn_id == turn.id and f.origin is Origin.PERSON]
        note = workspace_note(
            newest(files),
            container_id=prepared.container,
            new_ids=frozenset(file.id for file in new),
            fresh=prepared.restored,
            history=() if thread.last_response_id else await self._history(turn),
        )
        return Question(
            text=question_text([message.text for message in turn.asked], has_files=bool(new)),
            instructions=INSTRUCTIONS,
            workspace=note,
            container=self._workspace.container_for(prepared),
            images=_visible(new, VISIBLE_IMAGES),
            documents=_visible(new, VISIBLE_DOCUMENTS),
            previous_response_id=thread.last_response_id,
            safety_identifier=_safety_identifier(turn.asked),
            turn_id=turn.id,
        )

    async def _history(self, turn: OpenTurn) -> list[tuple[str, str]]:
        """Earlier questions and answers in words, for when the service has lost them."""
        exchanges = []
        for earlier_id in reversed(await self._turns.recent(turn.key, HISTORY_TURNS_MAX)):
            earlier = await self._turns.get(earlier_id)
            if earlier.generation == turn.turn.generation and earlier.outcome is not None:
                asked = await self._turns.messages(earlier_id)
                question = question_text([message.text for message in asked], has_files=False)
                exchanges.append((question, earlier.outcome.text))
        return exchanges


def _visible(files: Sequence[StoredFile], kinds: frozenset[str]) -> tuple[str, ...]:
    """Ids of uploads that the model itself may look at."""
    return tuple(
        file.engine_file_id
        for file in files
        if file.media_type in kinds
        and file.size_bytes <= VISIBLE_BYTES_MAX
        and file.engine_file_id is not None
    )


def _safety_identifier(asked: Sequence[IncomingMessage]) -> str:
    """A hash of the user, never the name; at most 64 characters [facts: openai]."""
    who = f"{asked[0].key.platform}/{asked[0].key.workspace}/{asked[0].author.id}"
    return hashlib.sha256(who.encode()).hexdigest()
