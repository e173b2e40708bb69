"""Thread ↔ container: take files in, adopt the container, notice its death, rebuild, reset."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from bot.blobs import BlobStore
from bot.domain import Attachment, Author, Blob, ContainerState, ThreadKey, WorkspaceView
from bot.errors import ContainerGone
from bot.interpreter import FreshContainer, Interpreter
from bot.names import media_type_of, safe_name
from bot.settings import Settings
from bot.store.files import Files, Origin, StoredFile, newest
from bot.store.threads import Thread, Threads

log = structlog.get_logger()

FILE_IDS_MAX = 50  # of one auto container [facts: openai]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where a question will be answered.

    `container` is the living one's id, or None for a fresh one made with `file_ids`; `restored`
    says that an earlier container had ended and its files were put back.
    """

    container: str | None
    file_ids: tuple[str, ...] = ()
    restored: bool = False


class Workspace:
    """The files and containers of all threads."""

    def __init__(
        self,
        settings: Settings,
        interpreter: Interpreter,
        blobs: BlobStore,
        threads: Threads,
        files: Files,
    ) -> None:
        self._settings = settings
        self._interpreter = interpreter
        self._blobs = blobs
        self._threads = threads
        self._files = files

    async def view(self, key: ThreadKey) -> WorkspaceView:
        """What is known without asking the engine; never keeps a container alive."""
        thread = await self._threads.get(key)
        file_count = await self._files.count(key)
        if thread.container_id is None or thread.container_used_at is None:
            return WorkspaceView(ContainerState.NONE, file_count=file_count)
        ends = thread.container_used_at + self._settings.container_idle_seconds
        state = ContainerState.RUNNING if ends > time.time() else ContainerState.EXPIRED
        return WorkspaceView(
            state,
            container_id=thread.container_id,
            memory_limit=thread.container_memory,
            expires_at=datetime.fromtimestamp(ends, UTC),
            file_count=file_count,
        )

    async def take_in(
        self, key: ThreadKey, turn_id: str, author: Author, attachment: Attachment, blob: Blob
    ) -> StoredFile:
        """Keep an attachment whose bytes are stored. The same bytes twice are uploaded once."""
        name = safe_name(attachment.name)
        file = StoredFile(
            id=f"file_{turn_id}_{attachment.id}",
            turn_id=turn_id,
            origin=Origin.PERSON,
            name=name,
            media_type=attachment.media_type or media_type_of(name),
            sha256=blob.sha256,
            size_bytes=blob.size_bytes,
        )
        # A copy at the engine is mounted under the name it was uploaded with.
        same = [f for f in await self._files.of_thread(key) if f.is_copy_of(file) and f.upload_id]
        if same:
            file = file.lying_where(same[-1])
        await self._files.add(key, file, author=author)
        return file

    async def prepare(self, key: ThreadKey) -> Prepared:
        """See to it that every file of the thread is where the next question can use it."""
        thread = await self._threads.get(key)
        if thread.container_id and await self._interpreter.files.is_alive(thread.container_id):
            try:
                await self._add_missing(key, thread.container_id)
                await self._threads.touch_container(key, thread.container_id)
                return Prepared(thread.container_id)
            except ContainerGone:
                log.info("container ended meanwhile", thread=str(key))
        return await self._rebuild(key, thread)

    async def _add_missing(self, key: ThreadKey, container_id: str) -> None:
        for file in newest(await self._files.of_thread(key)):
            if file.container_id == container_id:
                continue
            uploaded = await self._uploaded(key, file)
            placed = await self._interpreter.files.add(container_id, uploaded)
            await self._files.update(
                file.id,
                container_id=container_id,
                container_file_id=placed.id,
                container_path=placed.path,
            )

    async def _rebuild(self, key: ThreadKey, thread: Thread) -> Prepared:
        # The dead container stays noted until another takes its place: a crash or a failing upload
        # in between must not make us forget that this is a rebuilding.
        files = newest(await self._files.of_thread(key))
        uploads = [await self._uploaded(key, file) for file in files]
        restored = thread.container_id is not None
        if len(uploads) <= FILE_IDS_MAX:
            return Prepared(None, tuple(dict.fromkeys(uploads)), restored)
        container_id = await self._interpreter.files.create_container(
            f"threadlab {key.thread}"[:60],
            memory_limit=self._settings.memory_limit,
            file_ids=(),
            idle_seconds=self._settings.container_idle_seconds,
        )
        await self._add_missing(key, container_id)
        return Prepared(container_id, restored=restored)

    async def _uploaded(self, key: ThreadKey, file: StoredFile) -> str:
        """The file's id at the engine, uploading it where it isn't there any more."""
        if file.upload_id:
            return file.upload_id
        async with self._blobs.as_file(key, file.sha256) as path:
            upload = await self._interpreter.files.upload(file.plain_name, file.media_type, path)
        await self._files.update(
            file.id, engine_file_id=upload.file_id, engine_expires_at=upload.expires_at
        )
        return upload.file_id

    async def forget_uploads(self, key: ThreadKey) -> None:
        """The engine has lost our uploads: bring them again next time."""
        for file in await self._files.of_thread(key):
            if file.engine_file_id:
                await self._files.update(file.id, engine_file_id=None, engine_expires_at=None)

    async def adopt(
        self, key: ThreadKey, generation: int, container_id: str, prepared: Prepared
    ) -> None:
        """The container in which code ran is the thread's from now on. One that the service made
        for us has the files that we sent along."""
        await self._threads.adopt_container(
            key, generation, container_id, self._settings.memory_limit
        )
        if prepared.container == container_id:
            return
        for file in newest(await self._files.of_thread(key)):
            if file.engine_file_id in prepared.file_ids:
                await self._files.update(
                    file.id,
                    container_id=container_id,
                    container_path=f"/mnt/data/{file.engine_file_id}-{file.plain_name}",
                )

    def container_for(self, prepared: Prepared) -> str | FreshContainer:
        """The container as a question names it."""
        if prepared.container:
            return prepared.container
        return FreshContainer(prepared.file_ids, self._settings.memory_limit)

    async def reset(self, key: ThreadKey) -> bool:
        """End the container and forget the model's context; the files stay. True if one ran."""
        thread = await self._threads.get(key)
        await self._threads.reset(key)
        if thread.container_id is None:
            return False
        await self._interpreter.files.delete_container(thread.container_id)
        return True
