"""Copies of a thread's files at the engine: made when needed, many at the same time."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bot.blobs import BlobStore
from bot.concurrency import each
from bot.domain import ThreadKey
from bot.errors import BlobMissing
from bot.interpreter import Interpreter
from bot.settings import Settings
from bot.store.files import Files, StoredFile
from bot.store.uploads import BegunUploads

log = structlog.get_logger()


class Uploads:
    """Brings files to the engine."""

    def __init__(
        self,
        settings: Settings,
        *,
        interpreter: Interpreter,
        blobs: BlobStore,
        files: Files,
        begun: BegunUploads,
    ) -> None:
        self._at_once = settings.uploads_at_once
        self._interpreter = interpreter
        self._blobs = blobs
        self._files = files
        self._begun = begun

    async def ensure(self, key: ThreadKey, wanted: Sequence[StoredFile]) -> dict[str, str]:
        """The ids at the engine of the files, by their own; what isn't there is uploaded.

        A file whose bytes are lost is left out: it must not hold the thread up.
        """

        async def one(file: StoredFile) -> str | None:
            return file.upload_id or await self._upload(key, file)

        ids = await each(wanted, one, at_once=self._at_once)
        return {file.id: id for file, id in zip(wanted, ids, strict=True) if id is not None}

    async def _upload(self, key: ThreadKey, file: StoredFile) -> str | None:
        begun = await self._begun.begin(file.plain_name, file.size_bytes)
        try:
            async with self._blobs.as_file(key, file.sha256) as path:
                upload = await self._interpreter.files.upload(
                    file.plain_name, file.media_type, path
                )
        except BlobMissing:
            log.error("bytes are lost", thread=str(key), file=file.id)
            await self._begun.end([begun])
            return None
        noted = await self._files.update(
            file.id, engine_file_id=upload.file_id, engine_expires_at=upload.expires_at
        )
        if noted and not upload.repeated:  # else housekeeping looks for what was left there
            await self._begun.end([begun])
        return upload.file_id

    async def lost(self, key: ThreadKey) -> None:
        """The engine has lost our uploads: bring them again next time."""
        for file in await self._files.of_thread(key):
            if file.engine_file_id:
                await self._files.update(file.id, engine_file_id=None, engine_expires_at=None)
