"""Orphan uploads: copies at the engine whose id a crash, or a lost answer, kept from us."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog

from bot.erasing import Eraser
from bot.interpreter import Interpreter
from bot.interpreter.files import UploadedFile
from bot.settings import Settings
from bot.store.erasures import Kind
from bot.store.uploads import BegunUpload, BegunUploads, fingerprint

SECONDS_PER_HOUR = 3_600
CLOCKS_APART_SECONDS = 300  # between the engine's clock and ours

log = structlog.get_logger()


class OrphanUploads:
    """Deletes them, once no upload of their time can still be under way.

    Only what has the name, the size and the time of an upload of ours, and is no file of ours,
    is deleted: others may use the same key.
    """

    def __init__(
        self, settings: Settings, interpreter: Interpreter, begun: BegunUploads, eraser: Eraser
    ) -> None:
        self._wait_seconds = settings.uploads_orphan_hours * SECONDS_PER_HOUR
        self._latest_seconds = self._wait_seconds + CLOCKS_APART_SECONDS
        self._interpreter = interpreter
        self._begun = begun
        self._eraser = eraser

    async def delete(self, most: int) -> int:
        """Look for those of at most so many uploads, and delete them; how many were found."""
        begun = await self._begun.begun_before(time.time() - self._wait_seconds, most)
        if not begun:
            return 0
        since = begun[0].begun_at - CLOCKS_APART_SECONDS
        there = await self._interpreter.files.uploaded_since(since)
        orphans = await self._begun.unknown(
            [file.id for file in there if self._may_be_of(begun, file)]
        )
        log.info("uploads without an end", begun=len(begun), orphans=len(orphans))
        await self._eraser.erase(Kind.UPLOAD, orphans)
        await self._begun.end([upload.id for upload in begun])
        return len(orphans)

    def _may_be_of(self, begun: Sequence[BegunUpload], file: UploadedFile) -> bool:
        kind = fingerprint(file.name, file.size_bytes)
        return any(
            upload.fingerprint == kind
            and -CLOCKS_APART_SECONDS <= file.created_at - upload.begun_at <= self._latest_seconds
            for upload in begun
        )
