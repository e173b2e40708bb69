"""Memory of containers: whether code ran out of it, and which tier is next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import get_args

from bot.domain import CodeRun
from bot.settings import MemoryLimit

TIERS: tuple[str, ...] = get_args(MemoryLimit)  # smallest first

OUT_OF_MEMORY = "The code ran out of the container's memory ({tier})."
TRY_LARGER = "Press “{label}” to ask again in a larger container."
TRY_LESS = "There is no larger container: ask for less at once."
LABEL = "Retry with {tier}"

# What Python says, and what Threadlab's own engine does.
_RAN_OUT = re.compile(
    r"^(?:[\w.]*\.)?_?(?:Array)?MemoryError\b|ran out of its \S+ GB of memory", re.M
)


def next_tier(tier: str | None) -> str | None:
    """The tier above one; None above the largest, and where it is not known."""
    larger = TIERS[TIERS.index(tier) + 1 :] if tier in TIERS else ()
    return larger[0] if larger else None


def ran_out(runs: Sequence[CodeRun]) -> bool:
    """Whether the last run of code ended for lack of memory. What went wrong in an earlier one,
    the model has found a way around."""
    return bool(runs) and _RAN_OUT.search(runs[-1].logs) is not None


def out_of_memory(tier: str | None) -> str:
    """A sentence for the person, with what helps."""
    larger = next_tier(tier)
    help_ = TRY_LARGER.format(label=LABEL.format(tier=larger)) if larger else TRY_LESS
    said = OUT_OF_MEMORY.format(tier=tier) if tier else OUT_OF_MEMORY.replace(" ({tier})", "")
    return f"{said} {help_}"
