"""What a turn asks of the engine: words, files, context."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

from bot.blobs import BlobStore
from bot.channels import Channels
from bot.domain import IncomingMessage, ThreadKey
from bot.interpreter import Question
from bot.open_turn import OpenTurn
from bot.prompts import instructions, question_text, workspace_note
from bot.rebuilding import Prepared
from bot.store.files import Files, Origin, StoredFile, newest
from bot.store.threads import Threads
from bot.store.turns import Turns
from bot.visible import REQUEST_BYTES_MAX, Kind, kind_of
from bot.workspace import Workspace

HISTORY_TURNS_MAX = 6


class QuestionWriter:
    """Writes questions from what the store knows."""

    def __init__(
        self,
        turns: Turns,
        threads: Threads,
        files: Files,
        blobs: BlobStore,
        workspace: Workspace,
        channels: Channels,
    ) -> None:
        self._turns = turns
        self._threads = threads
        self._files = files
        self._blobs = blobs
        self._workspace = workspace
        self._channels = channels

    async def write(self, turn: OpenTurn, prepared: Prepared) -> Question:
        """The question that the turn's messages ask, for the prepared container."""
        thread = await self._threads.get(turn.key)
        chosen = await self._channels.of_thread(thread)
        files = await self._files.of_thread(turn.key)
        new = [f for f in files if f.turn_id == turn.id and f.origin is Origin.PERSON]
        note = workspace_note(
            [file for file in newest(files) if prepared.holds(file)],
            container_id=prepared.container,
            new_ids=frozenset(file.id for file in new),
            fresh=prepared.restored,
            left_out=prepared.left_out,
            history=() if thread.last_response_id else await self._history(turn),
            told=turn.turn.notes,
        )
        visible = await self._visible(turn.key, new)
        return Question(
            text=question_text([message.text for message in turn.asked], has_files=bool(new)),
            instructions=instructions(chosen.instructions),
            model=chosen.model,
            effort=chosen.effort,
            workspace=note,
            container=self._workspace.container_for(prepared),
            images=tuple(visible[Kind.IMAGE]),
            documents=tuple(visible[Kind.DOCUMENT]),
            previous_response_id=thread.last_response_id,
            safety_identifier=_safety_identifier(turn.asked),
            turn_id=turn.id,
        )

    async def _visible(self, key: ThreadKey, files: Sequence[StoredFile]) -> dict[Kind, list[str]]:
        """Ids of the uploads that the model itself may look at, as many as one request carries."""
        visible: dict[Kind, list[str]] = {kind: [] for kind in Kind}
        left_bytes = REQUEST_BYTES_MAX
        for file in files:
            if file.engine_file_id is None or file.size_bytes > left_bytes:
                continue
            async with self._blobs.as_file(key, file.sha256) as path:
                kind = await asyncio.to_thread(kind_of, path)
            if kind is not None:
                visible[kind].append(file.engine_file_id)
                left_bytes -= file.size_bytes
        return visible

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


def _safety_identifier(asked: Sequence[IncomingMessage]) -> str:
    """A hash of the user, never the name; at most 64 characters [facts: openai]."""
    who = f"{asked[0].key.platform}/{asked[0].key.workspace}/{asked[0].author.id}"
    return hashlib.sha256(who.encode()).hexdigest()
