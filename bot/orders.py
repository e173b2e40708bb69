"""Commands that are written as messages: each is followed and answered, whatever crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from bot.domain import Order, ThreadKey
from bot.errors import PlatformError, Undeliverable
from bot.ports import ChatPlatform, CommandResult, Commands
from bot.settings import Settings
from bot.store.fencing import Execution, TakenOver, certainly_ours, executing
from bot.store.orders import OrderBook
from bot.store.patience import patiently
from bot.supervision import TaskSet

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
TAKEN_UP_AT_ONCE = 100

TOO_LATE = (
    "I was away when you wrote `{command}`, so I have left it. Write it again if you still want it."
)


class DurableOrders:
    """Follows orders: at once, and after a crash those that were left behind.

    Commands are safe to run twice; what they say is looked up before it is said again, and said
    only while `is_certain` tells that no other worker can have given this one up.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        book: OrderBook,
        commands: Commands,
        platforms: Mapping[str, ChatPlatform],
        tasks: TaskSet,
        worker_id: Callable[[], str],
        is_certain: Callable[[], bool],
    ) -> None:
        self._patience_seconds = settings.database_timeout_seconds
        self._sweep_seconds = settings.sweep_seconds
        self._attempts = settings.post_attempts
        self._longest = timedelta(minutes=settings.order_minutes)
        self._book = book
        self._commands = commands
        self._platforms = platforms
        self._tasks = tasks
        self._worker_id = worker_id
        self._is_certain = is_certain
        self._under_way: set[tuple[ThreadKey, str]] = set()

    async def accept(self, order: Order) -> bool:
        """Commit an order; True where it is new. It is followed at once."""
        worker = self._worker_id()
        name = (order.key, order.id)
        if name in self._under_way:
            return False
        self._under_way.add(name)  # else the sweep may take it up in between
        is_new = False
        try:
            accept = partial(self._book.accept, order, worker)
            is_new = await patiently(accept, seconds=self._patience_seconds)
        finally:
            if not is_new:
                self._under_way.discard(name)
        if is_new:
            self._tasks.spawn(self._follow(order, worker, again=False), "order")
        return is_new

    async def run(self) -> None:
        """Take up what was left behind, now and every so often, until cancelled."""
        while True:
            try:
                await self._take_up()
            except Exception:  # a busy database: the next round finds the same
                log.exception("orders not taken up")
            await asyncio.sleep(self._sweep_seconds)

    async def _take_up(self) -> None:
        worker = self._worker_id()
        for order in await self._book.take_up(worker, self._under_way, TAKEN_UP_AT_ONCE):
            log.warning("order taken up", thread=str(order.key), message=order.id)
            self._under_way.add((order.key, order.id))
            self._tasks.spawn(self._follow(order, worker, again=True), "order")

    async def _follow(self, order: Order, worker: str, *, again: bool) -> None:
        try:
            result = await self._result(order)
            if await self._is_ours(order, worker):
                with executing(Execution(worker, lambda: self._is_still(worker))):
                    await self._answer(order, result, again=again)
                answered = partial(self._book.answered, order)
                await patiently(answered, seconds=self._patience_seconds)
        except TakenOver:
            log.warning(
                "order may be another worker's now", thread=str(order.key), message=order.id
            )
        finally:
            self._under_way.discard((order.key, order.id))

    async def _result(self, order: Order) -> CommandResult:
        """What the command comes to; one that comes too late is left: it was for its moment."""
        if datetime.now(UTC) - order.sent_at > self._longest:
            return CommandResult(TOO_LATE.format(command=order.command), ok=False)
        return await self._commands.run(
            order.command, order.key, order.caller, order.arguments, once=order.id
        )

    async def _is_ours(self, order: Order, worker: str) -> bool:
        ours = partial(self._book.is_ours, order, worker)
        return await patiently(ours, seconds=self._patience_seconds)

    def _is_still(self, worker: str) -> bool:
        """Whether this process goes by a name that nobody can have given up yet."""
        return self._worker_id() == worker and self._is_certain()

    async def _answer(self, order: Order, result: CommandResult, *, again: bool) -> None:
        platform, pause_seconds = self._platforms[order.key.platform], FIRST_PAUSE_SECONDS
        for attempt in range(1, self._attempts + 1):
            certainly_ours()
            try:
                await platform.answer(order, result, again=again or attempt > 1)
            except PlatformError as error:
                log.warning(
                    "order not answered",
                    thread=str(order.key),
                    message=order.id,
                    attempt=attempt,
                    error=str(error),
                )
                if isinstance(error, Undeliverable):
                    return
            else:
                return
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
