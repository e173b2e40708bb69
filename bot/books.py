"""What a turn used is booked, once, when its answer is known."""

from __future__ import annotations

import time

import structlog

from bot.budgets import Budgets, Clock
from bot.domain import Author
from bot.events import Outcome, Usage
from bot.prices import Prices
from bot.store.turns import Turn, Turns
from bot.store.usage import Entry, Ledger, workspace_of

log = structlog.get_logger()


class Books:
    """The ledger, how turns come into it, and the budgets over it."""

    def __init__(
        self, ledger: Ledger, budgets: Budgets, turns: Turns, prices: Prices, *, clock: Clock
    ) -> None:
        self.ledger = ledger
        self.budgets = budgets
        self._turns = turns
        self._prices = prices
        self._clock = clock

    async def book(self, turn: Turn, author: Author) -> Entry | None:
        """Book what a turn of somebody's used, unless it is booked already; None where it used
        nothing."""
        outcome = turn.outcome
        if outcome is None or not _used_something(outcome):
            return None
        booked = await self.ledger.get(turn.id)
        return booked or await self.ledger.add(await self._entry(turn, author, outcome))

    async def ensure(self, turn_id: str) -> None:
        """See to it that a turn is booked."""
        if await self.ledger.get(turn_id) is None:
            turn, asked = await self._turns.get(turn_id), await self._turns.messages(turn_id)
            if asked:
                await self.book(turn, asked[0].author)

    async def _entry(self, turn: Turn, author: Author, outcome: Outcome) -> Entry:
        now = self._clock()
        since, minutes = await self._container(turn, outcome, now)
        tokens_usd = self._prices.of_tokens(outcome.model, outcome.usage)
        container_usd = self._prices.of_container(outcome.memory_limit, minutes)
        if tokens_usd is None or container_usd is None:
            tier = outcome.memory_limit
            log.info("no price", turn=turn.id, model=outcome.model, memory_limit=tier)
        return Entry(
            turn_id=turn.id,
            thread=str(turn.key),
            place=turn.key.place,
            workspace=workspace_of(turn.key),
            author_id=author.id,
            author_name=author.name,
            model=outcome.model,
            input_tokens=outcome.usage.input_tokens,
            cached_tokens=outcome.usage.cached_tokens,
            output_tokens=outcome.usage.output_tokens,
            code_runs=len(outcome.runs),
            container_id=_container_of(outcome),
            container_minutes=minutes,
            container_since=since,
            cost_usd=(tokens_usd or 0.0) + (container_usd or 0.0),
            unpriced=tokens_usd is None or container_usd is None,
            created_at=now,
        )

    async def _container(
        self, turn: Turn, outcome: Outcome, now: float
    ) -> tuple[float | None, float]:
        """Since when the container lives, and the minutes that are not charged yet."""
        container_id = _container_of(outcome)
        if container_id is None:
            return None, 0.0
        since, charged = await self.ledger.container(container_id)
        if since is None:  # it was made for this turn, when that began
            since = now - max(0.0, time.time() - turn.created_at)
        return since, max(0.0, self._prices.minutes_of(now - since) - charged)

    async def renewed(self, container_id: str, memory_limit: str | None) -> None:
        """A container lives on though nobody asks: the sessions that it began since are charged
        to who asked last."""
        since, charged = await self.ledger.container(container_id)
        if since is None:
            return
        minutes = self._prices.minutes_of(self._clock() - since) - charged
        if minutes > 0:
            cost_usd = self._prices.of_container(memory_limit, minutes)
            await self.ledger.charge(container_id, minutes, cost_usd)


def _container_of(outcome: Outcome) -> str | None:
    return outcome.container_id or outcome.held


def _used_something(outcome: Outcome) -> bool:
    return bool(outcome.response_id or _container_of(outcome)) or outcome.usage != Usage()
