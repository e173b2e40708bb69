"""Containers: which kind a thread gets, made and ended by us, kept awake where it is asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bot.books import Books
from bot.concurrency import each
from bot.domain import ThreadKey
from bot.erasing import Eraser
from bot.errors import EngineError
from bot.interpreter import Interpreter
from bot.ports import ChannelList
from bot.settings import Settings
from bot.store.erasures import Kind
from bot.store.threads import Thread, Threads

log = structlog.get_logger()

NAME_CHARACTERS_MAX = 60
RENEWALS_PER_LIFE = 3  # two may fail before a container ends for being idle


@dataclass(frozen=True, slots=True)
class Wish:
    """What a thread's next container is to be."""

    memory_limit: str
    mode: str  # auto | explicit


class Containers:
    """The containers of all threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        interpreter: Interpreter,
        threads: Threads,
        channels: ChannelList,
        eraser: Eraser,
        books: Books,
    ) -> None:
        self._settings = settings
        self._engine = interpreter.files
        self._threads = threads
        self._channels = channels
        self._eraser = eraser
        self._books = books

    async def wish(self, thread: Thread) -> Wish:
        """What people chose for the thread; else what holds in its channel."""
        channel = await self._channels.settings(thread.key)
        return Wish(thread.memory_limit or channel.memory_limit, thread.mode or channel.mode)

    async def create(self, key: ThreadKey, wish: Wish, file_ids: Sequence[str]) -> str:
        """A container with these uploads, without network; the engine ends it when it is idle."""
        return await self._engine.create_container(
            f"threadlab {key.thread}"[:NAME_CHARACTERS_MAX],
            memory_limit=wish.memory_limit,
            file_ids=tuple(file_ids),
            idle_seconds=self._settings.container_idle_seconds,
        )

    async def end(self, thread: Thread) -> bool:
        """End the thread's container, now or as soon as the engine can be reached; the files and
        the conversation stay. False where there was none."""
        if thread.container_id is None:
            return False
        await self._threads.end_container(thread.key, thread.container_id)
        if thread.container_mode == "explicit":
            await self._books.renewed(thread.container_id, thread.container_memory)
        await self._eraser.erase(Kind.CONTAINER, [thread.container_id])
        return True

    async def run(self) -> None:
        """Keep explicit containers awake until cancelled."""
        while True:
            await asyncio.sleep(self._settings.container_idle_seconds / RENEWALS_PER_LIFE)
            try:
                await self.renew()
            except Exception:  # a busy database: the next round finds the same
                log.exception("containers not renewed")

    async def renew(self) -> None:
        """Touch the explicit containers of threads that are in use; end those whose time is over.

        Past a number of them the engine ends the rest when they are idle.
        """
        limit = self._settings.explicit_renewed_max
        threads = await self._threads.with_own_container(limit)
        await each(threads, self._renew, at_once=self._settings.uploads_at_once)

    async def _renew(self, thread: Thread) -> None:
        assert thread.container_id is not None
        kept_seconds = self._settings.explicit_keep_minutes * 60
        if thread.running_turn is None and thread.last_active_at + kept_seconds < time.time():
            log.info("container ended, its time is over", thread=str(thread.key))
            await self.end(thread)
            return
        try:
            async with asyncio.timeout(self._settings.engine_cancel_seconds):
                alive = await self._engine.is_alive(thread.container_id)
        except (EngineError, TimeoutError) as error:
            log.warning("container not renewed", thread=str(thread.key), error=repr(error))
            return
        if alive:
            await self._threads.touch_container(thread.key, thread.container_id)
            await self._books.renewed(thread.container_id, thread.container_memory)
