"""Forgetting a thread for good: in an order in which a crash anywhere is made up for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from bot.domain import ThreadKey
from bot.erasing import Eraser
from bot.errors import StillBusy
from bot.open_turn import OpenTurns
from bot.ports import Leases
from bot.settings import Settings
from bot.store.erasures import Erased, Erasures, Kind
from bot.store.patience import patiently
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
        leases: Leases,
    ) -> None:
        self._wait_seconds = settings.forget_wait_seconds
        self._patience_seconds = settings.database_timeout_seconds
        self._turns = turns
        self._threads = threads
        self._open_turns = open_turns
        self._erasures = erasures
        self._eraser = eraser
        self._leases = leases
        # In this process; among workers a lease says it.
        self._under_way: dict[ThreadKey, asyncio.Event] = {}

    async def wait_for(self, key: ThreadKey) -> None:
        """Wait while the thread is being forgotten, here or at another worker: what comes then
        begins a new one."""
        await self._wait_here(key)
        look = partial(self._leases.wait_for, _lease(key))
        await patiently(look, seconds=self._patience_seconds)

    async def forget(self, key: ThreadKey) -> Report:
        """Erase a thread.

        Raises:
            StillBusy: its running answer does not end; nothing was erased, or all will be later.
            PlatformError: its chat can't be reached; nothing was erased.
        """
        async with self._alone(key):
            erased = await self._erase(key)
        return Report(erased, len(await self._eraser.work(erased.left)))

    async def forget_untouched(self, key: ThreadKey, since: float) -> bool:
        """Erase a thread in which nothing was said since a time (seconds since 1970); whether it
        was erased. What fails is logged."""
        try:
            async with self._alone(key):
                if (await self._threads.get(key)).last_active_at >= since:
                    return False
                erased = await self._erase(key)
        except Exception:  # of one thread: the others go on
            log.exception("thread not forgotten", thread=str(key))
            return False
        await self._eraser.work(erased.left)
        return True

    @asynccontextmanager
    async def _alone(self, key: ThreadKey) -> AsyncIterator[None]:
        """One at a time forgets a thread, among all workers; messages wait meanwhile."""
        await self._wait_here(key)
        self._under_way[key] = asyncio.Event()
        try:
            async with self._leases.hold(_lease(key)):
                yield
        finally:
            self._under_way.pop(key).set()

    async def _wait_here(self, key: ThreadKey) -> None:
        while (forgotten := self._under_way.get(key)) is not None:
            await forgotten.wait()

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
        """An answer may have begun meanwhile, to a message that was just being taken: it is ended
        too."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                while True:
                    try:
                        erased = await self._erasures.erase(key)
                        log.info("forgotten", thread=str(key))
                        return erased
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
        keys = await self._erasures.threads(limit)
        resumed = sum([await self._resume(key) for key in keys])
        await self._eraser.work(await self._erasures.pending(limit))
        return resumed

    async def _resume(self, key: ThreadKey) -> bool:
        try:
            async with self._alone(key):
                # A wish that failed meanwhile was taken back, and must not be carried out.
                if not await self._erasures.wished(key):
                    return False
                try:
                    erased = await self._erase(key)
                except Exception:
                    await self._erasures.begin(key)  # a person wants it: the next round tries again
                    raise
        except Exception:  # of one thread: the others go on
            log.exception("thread not forgotten", thread=str(key))
            return False
        await self._eraser.work(erased.left)
        return True


def _lease(key: ThreadKey) -> str:
    return f"forget {key}"
