"""Commands about what answers cost and what people think of them: usage, feedback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.budgets import Period
from bot.commands.costs import cost_of, counted
from bot.commands.lookup import UNKNOWN_ANSWER, turn_of
from bot.commands.registry import Call, Command, Rights
from bot.domain import NO_WORKSPACE, ThreadKey
from bot.markup import plain
from bot.ports import Argument, CommandResult, CommandSpec, Place
from bot.prices import dollars
from bot.store.usage import Scope, Share, Total, workspace_of

if TYPE_CHECKING:
    from bot.books import Books
    from bot.budgets import Clock
    from bot.store.feedback import Feedback, Opinions
    from bot.store.turns import Turns

SCOPES = ("thread", "channel", "workspace")
HEADINGS = dict(zip(SCOPES, ("This thread", "This channel", "All channels"), strict=True))
VERDICTS = ("good", "bad")
PEOPLE_SHOWN_MAX = 20

THANKS = "Thank you, noted."


class MoneyCommands:
    """What a person may know of the books."""

    def __init__(
        self,
        *,
        rights: Rights,
        books: Books,
        feedback: Feedback,
        turns: Turns,
        clock: Clock,
    ) -> None:
        self._rights = rights
        self._ledger = books.ledger
        self._budgets = books.budgets
        self._feedback = feedback
        self._turns = turns
        self._clock = clock

    @property
    def commands(self) -> tuple[Command, ...]:
        """The group's commands."""
        scope = Argument("scope", "of what; without it, of everything", choices=SCOPES)
        answer = Argument("answer", "which answer", required=True)
        verdict = Argument("verdict", "what you think of it", required=True, choices=VERDICTS)
        return (
            Command(
                CommandSpec(
                    "usage", "what answers used and cost so far", (scope,), place=Place.ANYWHERE
                ),
                self._usage,
            ),
            Command(
                CommandSpec(
                    "feedback", "whether an answer is good", (answer, verdict), listed=False
                ),
                self._give_feedback,
            ),
        )

    async def _usage(self, call: Call) -> CommandResult:
        scopes = self._scopes(call)
        if not scopes:
            wanted = call.values["scope"]
            return CommandResult(f"Here is no {wanted}: `usage channel` tells more.", ok=False)
        parts: list[str] = []
        told: Sequence[str] = ()
        for name in scopes:
            sums = await self._sums(call.key, name)
            if sums != told:  # a channel with one thread has nothing to add
                parts.append(await self._about(call.key, name, sums))
            told = sums
        parts += await self._budget_part(call)
        if self._rights.is_admin(call.key, call.caller) and scopes[-1] != "thread":
            parts += await self._people_part(call.key, scopes[-1])
        return CommandResult("\n\n".join(parts))

    def _scopes(self, call: Call) -> Sequence[str]:
        here = [
            *(["thread"] if call.key.thread else []),
            "channel",
            *(["workspace"] if call.key.workspace != NO_WORKSPACE else []),
        ]
        wanted = call.values.get("scope")
        return [name for name in here if wanted in (None, name)]

    async def _sums(self, key: ThreadKey, name: str) -> Sequence[str]:
        """Lines about the day and the month, and what people think."""
        scope, lines = _scope(key, name), []
        for period in Period:
            total = await self._ledger.total(scope, period.began(self._clock()))
            lines.append(f"- {period.value}: {_total(total)}")
        return [*lines, *_opinions(await self._feedback.count(_below(key, name)))]

    async def _about(self, key: ThreadKey, name: str, sums: Sequence[str]) -> str:
        lines = [f"**{HEADINGS[name]}**", *sums]
        if name == "thread":
            in_all = _total(await self._ledger.total(Scope.of_thread(key)))
            lines.insert(1 + len(Period), f"- in all: {in_all}")
        return "\n".join(lines)

    async def _budget_part(self, call: Call) -> list[str]:
        standings = await self._budgets.standings(call.key, call.author)
        if not standings:
            return []
        lines = [
            f"- {standing.budget.whose} budget for {standing.budget.period.value}: "
            f"{dollars(standing.spent_usd)} of {dollars(standing.budget.limit_usd)}"
            for standing in standings
        ]
        return ["\n".join(["**Budgets**", *lines])]

    async def _people_part(self, key: ThreadKey, name: str) -> list[str]:
        since = Period.MONTH.began(self._clock())
        scope = _scope(key, name)
        shares = await self._ledger.shares(scope, since, limit=PEOPLE_SHOWN_MAX)
        if not shares:
            return []
        return [
            "\n".join([f"**People, this month: {HEADINGS[name].lower()}**", *map(_share, shares)])
        ]

    async def _give_feedback(self, call: Call) -> CommandResult:
        turn = await turn_of(self._turns, call.key, call.values["answer"])
        if turn is None:
            return CommandResult(UNKNOWN_ANSWER, ok=False)
        good = call.values["verdict"] == "good"
        await self._feedback.give(turn.id, call.author, good=good)
        return CommandResult(THANKS)


def _scope(key: ThreadKey, name: str) -> Scope:
    if name == "thread":
        return Scope.of_thread(key)
    return Scope.of_channel(key) if name == "channel" else Scope.of_workspace(key)


def _below(key: ThreadKey, name: str) -> str:
    """How the keys of a scope's threads begin."""
    if name == "thread":
        return str(key)
    return key.place if name == "channel" else workspace_of(key)


def _total(total: Total) -> str:
    """A sum in words, its largest part first."""
    if not total.answers:
        return "nothing"
    parts = [
        counted(total.answers, "answer"),
        f"{total.input_tokens:,} tokens in ({total.cached_tokens:,} cached), "
        f"{total.output_tokens:,} out",
        counted(total.code_runs, "code run"),
        f"{total.container_minutes:,.0f} container minutes",
        cost_of(total),
    ]
    return ", ".join(parts)


def _opinions(opinions: Opinions) -> list[str]:
    if not (opinions.good or opinions.bad):
        return []
    return [f"- feedback: {opinions.good} good, {opinions.bad} bad"]


def _share(share: Share) -> str:
    return f"- {plain(share.author_name)}: {_total(share.total)}"
