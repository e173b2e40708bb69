"""Budgets: what a person, a channel and a workspace may spend in a day and in a month (UTC)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot.domain import Author, ThreadKey
from bot.ports import ChannelList
from bot.prices import dollars
from bot.rules import Rules
from bot.store.usage import Entry, Ledger, Scope

Clock = Callable[[], float]  # seconds since 1970

USED_UP = (
    "{whose} budget for {period} is used up: {spent} of {limit}. It opens again on {day} at "
    "00:00 UTC; whoever runs this bot can raise it."
)
NEARLY_USED_UP = "{whose} budget for {period} is {percent:.0f} % used up: {spent} of {limit}."
YOURS, CHANNELS, WORKSPACES = "Your", "This channel's", "Everybody's"


class Period(StrEnum):
    """The time for which a budget is, as people read it."""

    DAY = "today"
    MONTH = "this month"

    def began(self, now: float) -> float:
        """When the one in which `now` lies began; seconds since 1970, as `now`."""
        return self._first(now).timestamp()

    def ends(self, now: float) -> datetime:
        """When the next one begins."""
        later = self._first(now) + timedelta(days=1 if self is Period.DAY else 31)
        return later if self is Period.DAY else later.replace(day=1)

    def _first(self, now: float) -> datetime:
        midnight = datetime.fromtimestamp(now, UTC).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        return midnight if self is Period.DAY else midnight.replace(day=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """Somebody's limit."""

    whose: str
    scope: Scope
    period: Period
    limit_usd: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a budget is spent."""

    budget: Budget
    spent_usd: float

    @property
    def used_up(self) -> bool:
        """Whether nothing is left."""
        return self.spent_usd >= self.budget.limit_usd

    @property
    def percent(self) -> float:
        """How much of it is spent; 100 for a budget of nothing."""
        limit = self.budget.limit_usd
        return 100 * self.spent_usd / limit if limit else 100.0


class Budgets:
    """All budgets, over the ledger."""

    def __init__(
        self, rules: Rules, channels: ChannelList, ledger: Ledger, *, clock: Clock
    ) -> None:
        self._rules = rules
        self._channels = channels
        self._ledger = ledger
        self._clock = clock

    async def refusal(self, key: ThreadKey, author: Author) -> str | None:
        """Why a question is not asked now, and from when on it will be; None where it is."""
        now = self._clock()
        used_up = [s for s in await self.standings(key, author) if s.used_up]
        if not used_up:
            return None
        longest = max(used_up, key=lambda standing: standing.budget.period.ends(now))
        opens = longest.budget.period.ends(now)
        return said(USED_UP, longest, day=f"{opens.day} {opens:%B %Y}")

    async def warnings(self, key: ThreadKey, author: Author, entry: Entry) -> list[str]:
        """What to say under the answer whose entry takes a budget past the warning line."""
        line = self._rules.budget_warning_percent
        warnings = []
        for after in await self.standings(key, author, until=entry):
            before = Standing(after.budget, after.spent_usd - entry.cost_usd)
            if before.percent < line <= after.percent:
                warnings.append(said(NEARLY_USED_UP, after, percent=after.percent))
        return warnings

    async def standings(
        self, key: ThreadKey, author: Author, *, until: Entry | None = None
    ) -> list[Standing]:
        """How much is spent of each budget that counts for somebody in a thread; up to an entry
        of the ledger, if given."""
        now = self._clock() if until is None else until.created_at
        found = []
        for budget in await self._budgets(key, author):
            since = budget.period.began(now)
            spent = await self._ledger.spent(budget.scope, since, until=until)
            found.append(Standing(budget, spent))
        return found

    async def _budgets(self, key: ThreadKey, author: Author) -> Sequence[Budget]:
        rules, channel = self._rules, await self._channels.settings(key)
        person, place, workspace = (
            Scope.of_person(key, author),
            Scope.of_channel(key),
            Scope.of_workspace(key),
        )
        limits = (
            (YOURS, person, rules.budget_user_day_usd, rules.budget_user_month_usd),
            (CHANNELS, place, channel.budget_day_usd, channel.budget_month_usd),
            (
                WORKSPACES,
                workspace,
                rules.budget_workspace_day_usd,
                rules.budget_workspace_month_usd,
            ),
        )
        return [
            Budget(whose, scope, period, limit_usd)
            for whose, scope, *both in limits
            for period, limit_usd in zip(Period, both, strict=True)
            if limit_usd is not None
        ]


def said(template: str, standing: Standing, **more: str | float) -> str:
    """One of the sentences above."""
    return template.format(
        whose=standing.budget.whose,
        period=standing.budget.period.value,
        spent=dollars(standing.spent_usd),
        limit=dollars(standing.budget.limit_usd),
        **more,
    )
