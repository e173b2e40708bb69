"""Housekeeping: every so often, what is past its time is deleted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from bot.blobs import BlobStore, folder_of
from bot.durable import Workflows
from bot.forgetting import Forgetter
from bot.orphan_uploads import OrphanUploads
from bot.settings import Settings
from bot.store.files import Files
from bot.store.orders import OrderBook
from bot.store.threads import Threads
from bot.store.turns import Turns

log = structlog.get_logger()

SECONDS_PER_HOUR = 3_600
SECONDS_PER_DAY = 86_400


class Housekeeping:
    """Deletes what nobody needs any more."""

    def __init__(
        self,
        settings: Settings,
        *,
        turns: Turns,
        threads: Threads,
        files: Files,
        blobs: BlobStore,
        orders: OrderBook,
        workflows: Workflows,
        forgetter: Forgetter,
        orphans: OrphanUploads,
    ) -> None:
        self._settings = settings
        self._most = settings.housekeeping_at_once
        self._turns = turns
        self._threads = threads
        self._files = files
        self._blobs = blobs
        self._workflows = workflows
        self._orders = orders
        self._forgetter = forgetter
        self._orphans = orphans

    async def run(self) -> None:
        """Tidy up now and every so often, until cancelled."""
        while True:
            await self.tidy()
            await asyncio.sleep(self._settings.housekeeping_seconds)

    async def tidy(self) -> None:
        """One round. What fails is logged, and tried again in the next."""
        jobs: tuple[tuple[str, Callable[[], Awaitable[int]]], ...] = (
            ("erasures resumed", self._resume),
            ("threads past their time", self._old_threads),
            ("workflow records", self._old_workflows),
            ("workflow records without an end", self._left_workflows),
            ("answered orders", self._old_orders),
            ("expired uploads", self._expired_uploads),
            ("orphan uploads", self._orphan_uploads),
            ("orphan blobs", self._orphan_blobs),
        )
        for name, job in jobs:
            try:
                count = await job()
            except Exception:  # of one job: the others go on
                log.exception("housekeeping failed", job=name)
            else:
                if count:
                    log.info("housekeeping", job=name, count=count)

    async def _resume(self) -> int:
        return await self._forgetter.resume(self._most)

    async def _old_threads(self) -> int:
        if not self._settings.retention_days:
            return 0
        since = time.time() - self._settings.retention_days * SECONDS_PER_DAY
        forgotten = 0
        while True:
            old = await self._threads.untouched_since(since, self._most)
            done = sum([await self._forgetter.forget_untouched(key, since) for key in old])
            forgotten += done
            if done < self._most:  # no more, or some that can't be forgotten now
                return forgotten

    def _records_since(self) -> float:
        """From when on (seconds since 1970) records are kept."""
        return time.time() - self._settings.workflows_keep_days * SECONDS_PER_DAY

    async def _old_workflows(self) -> int:
        when = datetime.fromtimestamp(self._records_since(), UTC)
        deleted = 0
        while finished := await self._workflows.finished_before(when, self._most):
            await self._workflows.delete(finished)
            deleted += len(finished)
        return deleted

    async def _left_workflows(self) -> int:
        """Of turns whose worker died when all was done, but for the library's last record."""
        since = self._records_since()
        when = datetime.fromtimestamp(since, UTC)
        deleted = kept = 0
        while left := await self._workflows.unfinished_since(when, self._most, skip=kept):
            over = await self._turns.ended_before(left, since)
            await self._workflows.delete(over)
            deleted += len(over)
            kept += len(left) - len(over)
        return deleted

    async def _old_orders(self) -> int:
        """No chat tells of them again."""
        return await self._orders.drop_answered(self._records_since())

    async def _expired_uploads(self) -> int:
        """The engine has deleted them by now; only their ids are left."""
        return await self._files.drop_expired_uploads(time.time())

    async def _orphan_uploads(self) -> int:
        return await self._orphans.delete(self._most)

    async def _orphan_blobs(self) -> int:
        before = time.time() - self._settings.blobs_orphan_hours * SECONDS_PER_HOUR
        keys = {folder_of(key): key for key in await self._threads.keys()}
        erased = await self._blobs.erase_unfinished(before)
        for folder in await self._blobs.folders():
            key = keys.get(folder)
            keep = await self._files.blobs(key) if key else set()
            erased += await self._blobs.erase(folder, before=before, keep=keep)
        return erased
