"""A thread's workspace: its files and its container, looked at, changed and reset."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import structlog

from bot.containers import Containers
from bot.domain import (
    Attachment,
    Author,
    Blob,
    ContainerState,
    ThreadKey,
    WorkspaceFile,
    WorkspaceView,
)
from bot.erasing import Eraser
from bot.errors import EngineError
from bot.interpreter import FreshContainer
from bot.names import media_type_of, safe_name
from bot.rebuilding import Prepared, Rebuilder
from bot.settings import Settings
from bot.store.erasures import Kind
from bot.store.files import Files, Origin, Place, StoredFile, versions_by_name
from bot.store.threads import Thread, Threads
from bot.uploads import Uploads

log = structlog.get_logger()


class Workspace:
    """The files and containers of all threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        threads: Threads,
        files: Files,
        uploads: Uploads,
        containers: Containers,
        rebuilder: Rebuilder,
        eraser: Eraser,
    ) -> None:
        self._settings = settings
        self._threads = threads
        self._files = files
        self._uploads = uploads
        self._containers = containers
        self._rebuilder = rebuilder
        self._eraser = eraser

    async def view(self, key: ThreadKey) -> WorkspaceView:
        """What is known without asking the engine; never keeps a container alive."""
        thread = await self._threads.get(key)
        file_count = await self._files.count(key)
        ends = self._ends_at(thread)
        if ends is None:
            return WorkspaceView(ContainerState.NONE, file_count=file_count)
        state = ContainerState.RUNNING if ends > time.time() else ContainerState.EXPIRED
        return WorkspaceView(
            state,
            container_id=thread.container_id,
            memory_limit=thread.container_memory,
            expires_at=datetime.fromtimestamp(ends, UTC),
            file_count=file_count,
        )

    async def files(self, key: ThreadKey) -> Sequence[WorkspaceFile]:
        """The files, the newest first."""
        by_name = versions_by_name(await self._files.of_thread(key))
        return [_shown(versions) for versions in reversed(by_name.values())]

    def _ends_at(self, thread: Thread) -> float | None:
        if thread.container_id is None or thread.container_used_at is None:
            return None
        return thread.container_used_at + self._settings.container_idle_seconds

    async def take_in(
        self, key: ThreadKey, turn_id: str, author: Author, attachment: Attachment, blob: Blob
    ) -> StoredFile:
        """Keep an attachment whose bytes are stored. The same bytes twice are uploaded once."""
        name = safe_name(attachment.name)
        file = StoredFile(
            id=_file_id(turn_id, attachment),
            turn_id=turn_id,
            origin=Origin.PERSON,
            name=name,
            media_type=attachment.media_type or media_type_of(name),
            sha256=blob.sha256,
            size_bytes=blob.size_bytes,
        )
        # A copy at the engine is mounted under the name it was uploaded with.
        same = await self._files.copy_of(key, file)
        if same is not None:
            file = file.lying_where(same)
        await self._files.add(key, file, author=author)
        return file

    async def wanted(
        self, turn_id: str, attachments: Iterable[Attachment]
    ) -> tuple[Attachment, ...]:
        """The attachments of a turn but for those that people deleted since."""
        deleted = await self._files.deleted_of(turn_id)
        return tuple(a for a in attachments if _file_id(turn_id, a) not in deleted)

    async def prepare(self, key: ThreadKey) -> Prepared:
        """See to it that every file of the thread is where the next question can use it."""
        return await self._rebuilder.prepare(key)

    def container_for(self, prepared: Prepared) -> str | FreshContainer:
        """The container as a question names it."""
        if prepared.container:
            return prepared.container
        return FreshContainer(prepared.file_ids, prepared.memory_limit)

    async def adopt(
        self, key: ThreadKey, generation: int, container_id: str, prepared: Prepared
    ) -> None:
        """The container in which code ran is the thread's from now on. One that the service made
        for us has the files that we sent along, also those deleted meanwhile."""
        await self._threads.adopt_container(
            key, generation, container_id, prepared.memory_limit, prepared.mode
        )
        await self._threads.code_ran(key, generation, container_id)
        if prepared.container == container_id:
            return
        mounted = [
            Place(file.id, file.mounted_as(file.engine_file_id))
            for file in await self._files.sent_along(key, prepared.file_ids)
        ]
        await self._files.place(container_id, mounted)

    async def forget_uploads(self, key: ThreadKey) -> None:
        """The engine has lost our uploads: bring them again next time."""
        await self._uploads.lost(key)

    async def give_up(self, response_id: str) -> None:
        """A response is of no use any more: it is deleted at the engine by and by."""
        await self._eraser.later(Kind.RESPONSE, [response_id])

    async def give_up_container(self, container_id: str) -> None:
        """A container that is no thread's is ended, now or as soon as the engine can be reached."""
        await self._eraser.erase(Kind.CONTAINER, [container_id])

    async def delete(self, key: ThreadKey, versions: Sequence[StoredFile]) -> None:
        """Delete versions of files for good: here, at the engine, and in a living container."""
        await self._files.delete(key, versions)
        kept = await self._files.of_thread(key)
        uploads = {file.engine_file_id for file in versions} - {f.engine_file_id for f in kept}
        blobs = {file.sha256 for file in versions} - {file.sha256 for file in kept}
        await self._eraser.erase(Kind.UPLOAD, sorted(id for id in uploads if id))
        await self._eraser.erase(Kind.BLOB, [f"{key}#{sha256}" for sha256 in sorted(blobs)])
        view = await self.view(key)
        if view.state is not ContainerState.RUNNING or view.container_id is None:
            return
        try:
            async with asyncio.timeout(self._settings.engine_cancel_seconds):
                await self._rebuilder.take_out_deleted(key, view.container_id)
        except (EngineError, TimeoutError) as error:
            # It is done before the next question.
            log.info("deleted files still in the container", thread=str(key), error=repr(error))

    async def end_container(self, key: ThreadKey) -> bool:
        """End the container alone, as a person wishes: the next question gets a fresh one with all
        files. True if there was one."""
        await self._threads.give_up_variables(key)
        return await self._containers.end(await self._threads.get(key))

    async def reset(self, key: ThreadKey) -> bool:
        """End the container and forget the model's context; the files stay. True if one ran."""
        thread = await self._threads.get(key)
        await self._threads.reset(key)
        return await self._containers.end(thread)


def _file_id(turn_id: str, attachment: Attachment) -> str:
    return f"file_{turn_id}_{attachment.id}"


def _shown(versions: Sequence[StoredFile]) -> WorkspaceFile:
    file = versions[-1]
    return WorkspaceFile(
        file.name,
        file.media_type,
        file.size_bytes,
        made_by_code=file.origin is Origin.CODE,
        author_name=file.author_name,
        versions=len(versions),
    )
