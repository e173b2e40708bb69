"""The outbox: one row for each post, before it is sent, so that a repeat does not post twice."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.fencing import still_ours
from bot.store.messages import insert_once
from bot.store.tables import outbox


@dataclass(frozen=True, slots=True)
class Entry:
    """How a post stands: never tried, tried (it may have arrived), or sent."""

    tried: bool
    sent: bool


class Outbox:
    """Queries on the outbox. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def begin(self, post_id: str, turn_id: str) -> Entry:
        """How the post stood until now; from here on it counts as tried."""
        now = time.time()
        async with self._database.begin() as db:
            await still_ours(db, turn_id)
            values = {"id": post_id, "turn_id": turn_id, "created_at": now, "tried_at": now}
            if await insert_once(db, outbox, **values):
                return Entry(tried=False, sent=False)
            sent_at = await db.scalar(sa.select(outbox.c.sent_at).where(outbox.c.id == post_id))
            return Entry(tried=True, sent=sent_at is not None)

    async def sent(self, post_id: str, ref: str) -> None:
        """The post has arrived, as `ref`."""
        async with self._database.begin() as db:
            await db.execute(
                sa.update(outbox).where(outbox.c.id == post_id).values(sent_at=time.time(), ref=ref)
            )
