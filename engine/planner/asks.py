"""An Ask: what is wanted of a table, as the rules understand it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from engine.planner.filters import Filter
from engine.planner.roles import Key

_RATE = re.compile(r"price|rate|percent|pct|score|rating|age|temp|avg|mean|ratio|margin|%", re.I)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of a table; empty parts were not said."""

    measures: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    filters: tuple[Filter, ...] = ()
    having: tuple[Filter, ...] = ()
    chart: str = ""
    rank: bool = False
    by_value: bool = False
    top: int | None = None
    ascending: bool = False
    share: bool = False
    compare: bool = False
    change: bool = False
    running: bool = False
    export: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether there is anything to compute."""
        return bool(
            self.measures or self.aggregates or self.keys or self.chart or self.top or self.filters
        )

    @property
    def leans(self) -> bool:
        """Whether parts were said that need the rest of an earlier ask."""
        nothing = not (self.measures or self.keys)
        return nothing and bool(self.chart or self.filters or self.top or self.aggregates)

    def after(self, earlier: Ask) -> Ask:
        """This ask as a follow-up: what it leaves unsaid is taken from the earlier one."""
        if earlier.rank and self.aggregates in {("min",), ("max",)} and not self.measures:
            # "and the least?" is the other end of the same ranking
            rest = replace(self, aggregates=()).after(replace(earlier, top=None))
            return replace(rest, rank=True, ascending=self.aggregates == ("min",))
        return Ask(
            measures=self.measures or earlier.measures,
            aggregates=self.aggregates or earlier.aggregates,
            keys=self.keys or earlier.keys,
            filters=self.filters or earlier.filters,
            having=self.having or earlier.having,
            chart=self.chart if self.chart not in {"", "auto"} else self.chart or earlier.chart,
            rank=self.rank or earlier.rank,
            by_value=self.by_value or earlier.by_value,
            top=self.top or earlier.top,
            ascending=self.ascending or earlier.ascending,
            share=self.share or earlier.share,
            compare=self.compare or earlier.compare,
            change=self.change or earlier.change,
            running=self.running or earlier.running,
            export=self.export,
        )


def is_rate(name: str) -> bool:
    """Whether a column's values are better averaged than added: prices, rates, scores, ages."""
    return _RATE.search(name) is not None


def label(aggregate: str, measure: str) -> str:
    """How to call an aggregate of a column: `average price`."""
    spoken = {
        "sum": "total",
        "mean": "average",
        "nunique": "different",
        "std": "std. dev. of",
    }
    return f"{spoken.get(aggregate, aggregate)} {measure}".replace("count rows", "count")
