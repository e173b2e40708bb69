"""A container for the next question: the living one, or a fresh one with the thread's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from bot.concurrency import each
from bot.containers import Containers, Wish
from bot.domain import ThreadKey
from bot.errors import ContainerGone
from bot.interpreter import Interpreter
from bot.settings import Settings
from bot.store.files import Files, Place, StoredFile, newest
from bot.store.threads import GIVEN_UP, Thread, Threads
from bot.uploads import Uploads

log = structlog.get_logger()

FILE_IDS_MAX = 50  # of one auto container [facts: openai]
BYTES_PER_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where a question will be answered.

    `container` is the living one's id, or None for a fresh one made with `file_ids`; `restored`
    says that code ran in an earlier one, which has ended; `surprising`, that people had files and
    did not end it themselves; `left_out` counts files that are too many, or too large together,
    for a fresh one.
    """

    container: str | None
    file_ids: tuple[str, ...] = ()
    restored: bool = False
    surprising: bool = False
    left_out: int = 0
    memory_limit: str = "1g"
    mode: str = "auto"

    def holds(self, file: StoredFile) -> bool:
        """Whether the file lies there, or will."""
        if self.container is None:
            return file.engine_file_id in self.file_ids
        return file.container_id == self.container


class Rebuilder:
    """Sees to it that every file of a thread is where the next question can use it."""

    def __init__(
        self,
        settings: Settings,
        *,
        interpreter: Interpreter,
        threads: Threads,
        files: Files,
        uploads: Uploads,
        containers: Containers,
    ) -> None:
        self._settings = settings
        self._engine = interpreter.files
        self._threads = threads
        self._files = files
        self._uploads = uploads
        self._containers = containers

    async def prepare(self, key: ThreadKey) -> Prepared:
        """Choose the container. Raises EngineError."""
        thread = await self._threads.get(key)
        files = newest(await self._files.of_thread(key))
        chosen = fitting(
            files,
            most_bytes=self._settings.workspace_max_mb * BYTES_PER_MB,
            most=self._settings.workspace_files_max,
        )
        if thread.container_id and await self._engine.is_alive(thread.container_id):
            try:
                return await self._living(thread, thread.container_id, chosen)
            except ContainerGone:
                log.info("container ended meanwhile", thread=str(key))
        return await self._fresh(thread, chosen, left_out=len(files) - len(chosen))

    async def _living(
        self, thread: Thread, container_id: str, chosen: Sequence[StoredFile]
    ) -> Prepared:
        await self.take_out_deleted(thread.key, container_id)
        await self._put_in(thread.key, container_id, chosen)
        await self._threads.touch_container(thread.key, container_id)
        restored = thread.ran_container not in (None, container_id)
        return Prepared(
            container_id,
            restored=restored,
            surprising=restored and thread.ran_container != GIVEN_UP and bool(chosen),
            memory_limit=thread.container_memory or "",
            mode=thread.container_mode or "",
        )

    async def _fresh(
        self, thread: Thread, chosen: Sequence[StoredFile], *, left_out: int
    ) -> Prepared:
        wish = await self._containers.wish(thread)
        ids = await self._uploads.ensure(thread.key, chosen)
        file_ids = tuple(dict.fromkeys(ids.values()))
        container_id = None
        if wish.mode == "explicit" or len(file_ids) > FILE_IDS_MAX:
            container_id = await self._make(thread, wish, chosen, ids)
        return Prepared(
            container_id,
            file_ids=() if container_id else file_ids,
            restored=thread.ran_container is not None,
            surprising=thread.ran_container not in (None, GIVEN_UP) and bool(chosen),
            left_out=left_out,
            memory_limit=wish.memory_limit,
            mode=wish.mode,
        )

    async def _make(
        self, thread: Thread, wish: Wish, chosen: Sequence[StoredFile], ids: Mapping[str, str]
    ) -> str:
        """A container of our own with the files: as many as it takes at once, then the others."""
        there = [file for file in chosen if file.id in ids]
        at_once = dict.fromkeys(ids[file.id] for file in there[:FILE_IDS_MAX])
        container_id = await self._containers.create(thread.key, wish, list(at_once))
        mounted = [Place(file.id, file.mounted_as(ids[file.id])) for file in there[:FILE_IDS_MAX]]
        await self._files.place(container_id, mounted)
        await self._put_in(thread.key, container_id, there[FILE_IDS_MAX:])
        await self._threads.adopt_container(
            thread.key, thread.generation, container_id, wish.memory_limit, wish.mode
        )
        return container_id

    async def _put_in(
        self, key: ThreadKey, container_id: str, chosen: Sequence[StoredFile]
    ) -> None:
        """Put files that are not there yet into a living container."""
        missing = [file for file in chosen if file.container_id != container_id]
        ids = await self._uploads.ensure(key, missing)

        async def one(file: StoredFile) -> Place:
            placed = await self._engine.add(container_id, ids[file.id])
            return Place(file.id, placed.path, placed.id)

        there = [file for file in missing if file.id in ids]
        places = await each(there, one, at_once=self._settings.uploads_at_once)
        await self._files.place(container_id, places)

    async def take_out_deleted(self, key: ThreadKey, container_id: str) -> None:
        """Remove what people deleted from a living container."""
        deleted = await self._files.deleted_in(key, container_id)
        if not deleted:
            return
        kept = {
            file.path_in(container_id)
            for file in newest(await self._files.of_thread(key))
            if file.container_id == container_id
        }
        ids = {file.container_file_id for file in deleted}
        paths = {file.path_in(container_id) for file in deleted}
        for file in await self._engine.listing(container_id):
            if file.path not in kept and (file.path in paths or file.id in ids):
                await self._engine.remove(container_id, file.id)
        await self._files.taken_out(key, container_id)


def fitting(files: Sequence[StoredFile], *, most_bytes: int, most: int) -> list[StoredFile]:
    """The newest files that fit together, in the order in which they were given (oldest first).
    One that is too large alone does not keep the others out."""
    chosen: list[StoredFile] = []
    left_bytes = most_bytes
    for file in reversed(files):
        if len(chosen) < most and file.size_bytes <= left_bytes:
            left_bytes -= file.size_bytes
            chosen.append(file)
    return chosen[::-1]
