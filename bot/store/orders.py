"""Messages that are nothing but a command: kept until they are answered, then for redeliveries."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import Author, Caller, Order, ThreadKey
from bot.store.messages import insert_once
from bot.store.tables import orders, workers
from bot.store.workers import served


class OrderBook:
    """Queries on orders. Each method is one transaction.

    `platforms` are those that are served here, by their names: what another worker alone serves
    is left to it.
    """

    def __init__(self, database: AsyncEngine, platforms: Collection[str]) -> None:
        self._database = database
        self._platforms = platforms

    async def accept(self, order: Order, worker: str) -> bool:
        """Commit an order as this worker's; False where it is known."""
        values = {
            "thread": str(order.key),
            "id": order.id,
            "author_id": order.caller.author.id,
            "author_name": order.caller.author.name,
            "admin": order.caller.admin,
            "command": order.command,
            "arguments": order.arguments,
            "locator": dict(order.locator),
            "sent_at": order.sent_at.timestamp(),
            "worker": worker,
        }
        async with self._database.begin() as db:
            return await insert_once(db, orders, **values)

    async def take_up(
        self, worker: str, under_way: Collection[tuple[ThreadKey, str]], limit: int
    ) -> Sequence[Order]:
        """Have this worker follow what nobody does, oldest first, but for what is `under_way`."""
        ours = served(orders.c.thread, self._platforms)
        open_ones = sa.select(orders).where(orders.c.answered_at.is_(None), _free(worker), ours)
        open_ones = open_ones.order_by(orders.c.sent_at).limit(limit + len(under_way))
        async with self._database.begin() as db:
            known = [_from_row(row) for row in await db.execute(open_ones)]
            left = [order for order in known if (order.key, order.id) not in under_way][:limit]
            taken = []
            for order in left:
                mine = sa.update(orders).where(_same(order), _free(worker)).values(worker=worker)
                if (await db.execute(mine)).rowcount:
                    taken.append(order)
            return taken

    async def is_ours(self, order: Order, worker: str) -> bool:
        """Whether nobody else has taken the order up."""
        query = sa.select(orders.c.worker).where(_same(order))
        async with self._database.connect() as db:
            return await db.scalar(query) == worker

    async def answered(self, order: Order) -> None:
        """The order was answered: what it said is needed no more, only that it was."""
        done = {"author_name": "", "arguments": "", "locator": {}, "answered_at": time.time()}
        async with self._database.begin() as db:
            await db.execute(sa.update(orders).where(_same(order)).values(**done))

    async def drop_answered(self, before: float) -> int:
        """Delete orders that were answered before a time; how many."""
        async with self._database.begin() as db:
            old = sa.delete(orders).where(orders.c.answered_at < before)
            return (await db.execute(old)).rowcount


def _same(order: Order) -> sa.ColumnElement[bool]:
    return (orders.c.thread == str(order.key)) & (orders.c.id == order.id)


def _free(worker: str) -> sa.ColumnElement[bool]:
    """Whether an order is the worker's, or somebody's who is gone."""
    alive = sa.exists().where(workers.c.id == orders.c.worker)
    return (orders.c.worker == worker) | ~alive


def _from_row(row: sa.Row[tuple[object, ...]]) -> Order:
    return Order(
        key=ThreadKey.parse(row.thread),
        id=row.id,
        caller=Caller(Author(row.author_id, row.author_name), row.admin),
        command=row.command,
        arguments=row.arguments,
        sent_at=datetime.fromtimestamp(row.sent_at, UTC),
        locator=row.locator,
    )
