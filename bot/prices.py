"""What models and containers cost: the operator's price table, applied."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from bot.events import Usage

TOKENS_PRICED = 1_000_000
SECONDS_PER_MINUTE = 60

# `gpt-5-2025-08-07` is `gpt-5` at a date, and costs the same.
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class TokenPrice(BaseModel):
    """What a model costs, in USD per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    cached_input: float = Field(ge=0)
    output: float = Field(ge=0)


@dataclass(frozen=True, slots=True)
class Prices:
    """The table.

    Args:
        tokens: prices of models by name.
        sessions: USD for one session of a container, by memory tier.
        session_minutes: how long a session of a container is.
        free: whether nothing costs anything, as the engine is our own.
    """

    tokens: Mapping[str, TokenPrice] = field(default_factory=dict)
    sessions: Mapping[str, float] = field(default_factory=dict)
    session_minutes: float = 20
    free: bool = False

    def of_tokens(self, model: str, usage: Usage) -> float | None:
        """USD for a response; None where the model has no price."""
        if self.free or usage == Usage():
            return 0.0
        price = self.tokens.get(model) or self.tokens.get(_SNAPSHOT.sub("", model))
        if price is None:
            return None
        cached = min(usage.cached_tokens, usage.input_tokens)  # they are input tokens too
        micros = (
            (usage.input_tokens - cached) * price.input
            + cached * price.cached_input
            + usage.output_tokens * price.output
        )
        return micros / TOKENS_PRICED

    def of_container(self, memory_limit: str | None, minutes: float) -> float | None:
        """USD for so many minutes of whole sessions; None where the tier has no price."""
        if self.free or not minutes:
            return 0.0
        price = self.sessions.get(memory_limit or "")
        return None if price is None else price * minutes / self.session_minutes

    def minutes_of(self, life_seconds: float) -> float:
        """What a container that has lived so long is paid for: each session that it began."""
        session_seconds = self.session_minutes * SECONDS_PER_MINUTE
        began = math.floor(max(0.0, life_seconds) / session_seconds) + 1
        return began * self.session_minutes


def dollars(usd: float) -> str:
    """`$0.0042`, `$1.50`: cents, and more digits where it is less than a cent."""
    return f"${usd:.4f}" if 0 < usd < 0.01 else f"${usd:.2f}"
