"""What answers cost, in words."""

from __future__ import annotations

from bot.prices import dollars
from bot.store.usage import Total


def cost_of(total: Total) -> str:
    """A sum of money; what has no price is not passed over."""
    if not total.unpriced:
        return dollars(total.cost_usd)
    if total.unpriced == total.answers and not total.cost_usd:
        return "not priced"
    return f"{dollars(total.cost_usd)}, {counted(total.unpriced, 'answer')} not fully priced"


def counted(count: int, noun: str) -> str:
    """`1 answer`, `2,000 answers`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
