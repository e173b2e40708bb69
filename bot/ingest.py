"""Attachments, streamed from the chat into the workspace."""

from __future__ import annotations

import asyncio

import structlog

from bot.blobs import BlobStore
from bot.domain import Attachment, Blob, IncomingMessage
from bot.errors import AttachmentInterrupted, AttachmentUnavailable, TooLarge
from bot.names import safe_name
from bot.open_turn import OpenTurn, OpenTurns
from bot.settings import Settings
from bot.workspace import Workspace

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.5


class Ingester:
    """Takes the files of a turn's messages in."""

    def __init__(
        self, settings: Settings, open_turns: OpenTurns, blobs: BlobStore, workspace: Workspace
    ) -> None:
        self._settings = settings
        self._open_turns = open_turns
        self._blobs = blobs
        self._workspace = workspace

    async def ingest(self, turn: OpenTurn) -> list[str]:
        """Stream each attachment into the blob store; the engine gets it from there.

        Returns:
            Sentences about files that were not taken.
        """
        sent = [(message, file) for message in turn.asked for file in message.attachments]
        taken = sent[: self._settings.attachments_max]
        problems = [
            problem
            for message, file in taken
            for problem in await self._take_in(turn, message, file)
        ]
        return problems + [
            _refused(file, "too many files at once.") for _, file in sent[len(taken) :]
        ]

    async def _take_in(
        self, turn: OpenTurn, message: IncomingMessage, attachment: Attachment
    ) -> list[str]:
        try:
            blob = await self._fetched(turn, attachment)
        except (AttachmentUnavailable, TooLarge) as error:
            log.info("attachment refused", turn=turn.id, file=attachment.id, error=str(error))
            return [_refused(attachment, str(error))]
        if blob.size_bytes == 0:
            return [_refused(attachment, "it is empty.")]
        await self._workspace.take_in(turn.key, turn.id, message.author, attachment, blob)
        return []

    async def _fetched(self, turn: OpenTurn, attachment: Attachment) -> Blob:
        """The attachment's bytes, in the blob store. Raises AttachmentUnavailable, TooLarge."""
        limit_bytes = self._settings.attachment_max_mb * 1_000_000
        for attempt in range(1, self._settings.attachment_attempts + 1):
            chunks = self._open_turns.platform(turn.key).read(turn.key, attachment)
            try:
                return await self._blobs.put(turn.key, chunks, limit_bytes=limit_bytes)
            except AttachmentInterrupted as error:
                log.info("attachment interrupted", file=attachment.id, error=str(error))
                if attempt == self._settings.attachment_attempts:
                    raise
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
        raise AssertionError("there is at least one attempt")


def _refused(attachment: Attachment, why: str) -> str:
    """Why a file was not taken, with its name said once."""
    name = attachment.name
    why = why.replace(f"“{name}”", "it")
    why = f"it{why.removeprefix(name)}" if name and why.startswith(name) else why
    return f"“{safe_name(name)}” was not taken: {why[:1].lower()}{why[1:]}"
