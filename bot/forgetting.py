"""Forgetting a thread for good: in an order in which a crash anywhere is made up for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from bot.domain import ThreadKey
from bot.erasing import Eraser
from bot.errors import StillBusy
from bot.open_turn import OpenTurns
from bot.settings import Settings
from bot.store.erasures import Erased, Erasures, Kind
from bot.store.threads import Threads
from bot.store.turns import Turns

log = structlog.get_logger()

POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Report:
    """What was erased. `later` counts what could not be reached yet; it is tried again."""

    erased: Erased
    later: int

    def count(self, kind: Kind) -> int:
        """How many things of a kind the thread had elsewhere."""
        return sum(erasure.kind is kind for erasure in self.erased.left)


class Forgetter:
    """Erases threads: first the wish is stored, then the running turn ended, then the adapter's
    rows and ours deleted, then what lies elsewhere, from a stored list."""

    def __init__(
        self,
        settings: Settings,
        *,
        turns: Turns,
        threads: Threads,
        open_turns: OpenTurns,
        erasures: Erasures,
        eraser: Eraser,
    ) -> None:
        self._wait_seconds = settings.forget_wait_seconds
        self._turns = turns
        self._threads = threads
        self._open_turns = open_turns
        self._erasures = erasures
        self._eraser = eraser
        self._under_way: dict[ThreadKey, asyncio.Event] = {}

    async def wait_for(self, key: ThreadKey) -> None:
        """Wait while the thread is being forgotten: what comes then begins a new one."""
        while (forgotten := self._under_way.get(key)) is not None:
            await forgotten.wait()

    async def forget(self, key: ThreadKey) -> Report:
        """Erase a thread.

        Raises:
            StillBusy: its running answer does not end; nothing was erased, or all will be later.
            PlatformError: its chat can't be reached; nothing was erased.
        """
        await self.wait_for(key)
        self._under_way[key] = asyncio.Event()
        try:
            erased = await self._erase(key)
        finally:
            self._under_way.pop(key).set()
        log.info("forgotten", thread=str(key))
        return Report(erased, len(await self._eraser.work(erased.left)))

    async def _erase(self, key: ThreadKey) -> Erased:
        noted = await self._erasures.begin(key)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._end_turn(key)
            await self._open_turns.platform(key).forget(key)
        except TimeoutError as late:
            await self._erasures.done([noted])
            raise StillBusy(
                "the running answer does not end. Nothing was erased; please try again in a minute."
            ) from late
        except Exception:
            # The person hears of it and goes on: it must not strike later.
            await self._erasures.done([noted])
            raise
        return await self._erase_rows(key)

    async def _erase_rows(self, key: ThreadKey) -> Erased:
        """Another worker may have begun an answer meanwhile: it is ended too."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                while True:
                    try:
                        return await self._erasures.erase(key)
                    except StillBusy:
                        await self._end_turn(key)
        except TimeoutError as late:
            raise StillBusy(
                "a running answer does not end. The thread is erased as soon as it has."
            ) from late

    async def _end_turn(self, key: ThreadKey) -> None:
        while (turn_id := (await self._threads.get(key)).running_turn) is not None:
            # Stored as well, so that a restart in between does not forget it.
            await self._turns.update(turn_id, stop_requested=True)
            self._open_turns.stop(turn_id)
            await asyncio.sleep(POLL_SECONDS)

    async def resume(self, limit: int) -> int:
        """Finish what a crash cut off; how many threads that were."""
        idle = [key for key in await self._erasures.threads(limit) if key not in self._under_way]
        # A wish that failed meanwhile was taken back, and must not be carried out.
        keys = [key for key in await self._erasures.threads(limit) if key in idle]
        for key in keys:
            if not await self.try_to_forget(key):
                await self._erasures.begin(key)  # a person wants it: the next round tries again
        await self._eraser.work(await self._erasures.pending(limit))
        return len(keys)

    async def try_to_forget(self, key: ThreadKey) -> bool:
        """Erase a thread, or log why not. Whether it was erased."""
        try:
            await self.forget(key)
        except Exception:  # of one thread: the others go on
            log.exception("thread not forgotten", thread=str(key))
            return False
        return True
