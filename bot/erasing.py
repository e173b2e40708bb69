"""Deleting what lies outside our database. What fails stays noted and is tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot.blobs import BlobStore, folder_of
from bot.concurrency import each
from bot.domain import ThreadKey
from bot.durable import Workflows, WorkflowState
from bot.errors import ThreadlabError
from bot.interpreter import Interpreter
from bot.settings import Settings
from bot.store.erasures import Erasure, Erasures, Kind
from bot.store.files import Files

log = structlog.get_logger()

SECONDS_PER_DAY = 86_400
WORKFLOW_POLLS = 100  # a settled turn has only its last record to write
POLL_SECONDS = 0.02
LAST_RECORD_SECONDS = 60  # after that its worker died before it could


class NotYet(ThreadlabError):
    """It can't be deleted now."""


class Eraser:
    """Works erasures off."""

    def __init__(
        self,
        settings: Settings,
        *,
        interpreter: Interpreter,
        blobs: BlobStore,
        workflows: Workflows,
        files: Files,
        erasures: Erasures,
    ) -> None:
        self._at_once = settings.uploads_at_once
        self._wait_seconds = settings.engine_cancel_seconds
        # The engine deletes by itself what it keeps for so long.
        self._give_up_seconds = (settings.upload_keep_days + 1) * SECONDS_PER_DAY
        self._blobs = blobs
        self._workflows = workflows
        self._files = files
        self._erasures = erasures
        self._ways: dict[Kind, Callable[[Erasure], Awaitable[object]]] = {
            Kind.CONTAINER: lambda erasure: interpreter.files.delete_container(erasure.ref),
            Kind.UPLOAD: lambda erasure: interpreter.files.delete_upload(erasure.ref),
            Kind.RESPONSE: lambda erasure: interpreter.delete_response(erasure.ref),
            Kind.WORKFLOW: self._delete_workflow,
            Kind.BLOBS: self._delete_blobs,
            Kind.BLOB: self._delete_blob,
        }

    async def erase(self, kind: Kind, refs: Sequence[str]) -> None:
        """Delete these things, now or later."""
        await self.work(await self._erasures.note(kind, refs))

    async def later(self, kind: Kind, refs: Sequence[str]) -> None:
        """Delete these things in the next round of housekeeping."""
        await self._erasures.note(kind, refs)

    async def work(self, wanted: Sequence[Erasure]) -> list[Erasure]:
        """Delete what is noted.

        Returns:
            What could not be deleted; it stays noted.
        """
        gone = await each(wanted, self._try, at_once=self._at_once)
        done = [erasure for erasure, is_gone in zip(wanted, gone, strict=True) if is_gone]
        await self._erasures.done([erasure.id for erasure in done])
        if any(erasure.kind is Kind.WORKFLOW for erasure in done):
            await self._workflows.shred()
        return [erasure for erasure, is_gone in zip(wanted, gone, strict=True) if not is_gone]

    async def _try(self, erasure: Erasure) -> bool:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._ways[erasure.kind](erasure)
        except Exception:  # whatever it is, the next round tries again
            given_up = time.time() - erasure.created_at > self._give_up_seconds
            outcome = "given up" if given_up else "not deleted yet"
            log.exception(outcome, kind=erasure.kind, ref=erasure.ref)
            return given_up
        return True

    async def _delete_workflow(self, erasure: Erasure) -> None:
        if time.time() - erasure.created_at < LAST_RECORD_SECONDS:
            await self._end_of_workflow(erasure.ref)
        # Its turn was over when it was noted, so that nobody goes on with it.
        await self._workflows.delete([erasure.ref])

    async def _end_of_workflow(self, turn_id: str) -> None:
        for _ in range(WORKFLOW_POLLS):
            if await self._workflows.state(turn_id) is not WorkflowState.UNDER_WAY:
                return
            await asyncio.sleep(POLL_SECONDS)
        raise NotYet("The workflow has not ended.")

    async def _delete_blobs(self, erasure: Erasure) -> None:
        key = ThreadKey.parse(erasure.ref)
        # The thread may have begun anew, with the same files.
        keep = await self._files.blobs(key)
        await self._blobs.erase(folder_of(key), before=erasure.created_at, keep=keep)

    async def _delete_blob(self, erasure: Erasure) -> None:
        thread, _, sha256 = erasure.ref.rpartition("#")
        key = ThreadKey.parse(thread)
        if sha256 not in await self._files.blobs(key):
            await self._blobs.delete(key, sha256, before=erasure.created_at)
