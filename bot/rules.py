"""The operator's rules: who may use the bot, what it costs, and how much of that is allowed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, NonNegativeFloat, field_validator
from pydantic_settings import BaseSettings, NoDecode

from bot.prices import TokenPrice

Names = Annotated[tuple[str, ...], NoDecode]  # comma-separated

DEFAULT_PRICES = {
    "gpt-5": TokenPrice(input=1.25, cached_input=0.125, output=10),
    "gpt-5-mini": TokenPrice(input=0.25, cached_input=0.025, output=2),
    "gpt-5-nano": TokenPrice(input=0.05, cached_input=0.005, output=0.4),
}
DEFAULT_CONTAINER_PRICES = {"1g": 0.03, "4g": 0.12, "16g": 0.48, "64g": 1.92}  # [facts: openai]


def names(value: Any) -> Any:
    """Names that stand in one text, between commas."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


class Rules(BaseSettings):
    """The part of the settings that is about people and money."""

    prices_tokens: dict[str, TokenPrice] = Field(
        DEFAULT_PRICES,
        description="What models cost, in USD per million tokens. The answers of a model that is "
        "not listed are not priced, nor those of other servers than OpenAI's unless this is set.",
    )
    prices_container: dict[str, NonNegativeFloat] = Field(
        DEFAULT_CONTAINER_PRICES,
        description="What one session of a container costs in USD, by memory tier; not known of "
        "other servers than OpenAI's unless this is set.",
    )
    prices_container_minutes: float = Field(
        20, gt=0, description="How long a session of a container is that PRICES_CONTAINER prices."
    )
    budget_user_day_usd: float | None = Field(
        None, ge=0, description="Most that one person may spend in a day (UTC); unset: no limit."
    )
    budget_user_month_usd: float | None = Field(
        None, ge=0, description="Most that one person may spend in a month (UTC)."
    )
    budget_channel_day_usd: float | None = Field(
        None,
        ge=0,
        description="Most that a channel may spend in a day (UTC), where its admins set no other.",
    )
    budget_channel_month_usd: float | None = Field(
        None,
        ge=0,
        description="Most that a channel may spend in a month (UTC), where its admins set no "
        "other.",
    )
    budget_workspace_day_usd: float | None = Field(
        None, ge=0, description="Most that a workspace may spend in a day (UTC)."
    )
    budget_workspace_month_usd: float | None = Field(
        None, ge=0, description="Most that a workspace may spend in a month (UTC)."
    )
    budget_warning_percent: float = Field(
        80, gt=0, le=100, description="From which part of a budget on people are warned, once."
    )

    allow_workspaces: Names = Field(
        (), description="Ids of the workspaces that may use the bot, comma-separated; unset: all."
    )
    allow_channels: Names = Field((), description="Ids of the channels; unset: all.")
    allow_users: Names = Field((), description="Ids of the people; unset: all.")
    deny_workspaces: Names = Field(
        (), description="Ids of workspaces that may not use the bot, comma-separated."
    )
    deny_channels: Names = Field((), description="Ids of channels that may not.")
    deny_users: Names = Field((), description="Ids of people who may not.")
    admins: Names = Field(
        (), description="Ids of people who are admins in every place, comma-separated."
    )

    @field_validator(
        "allow_workspaces",
        "allow_channels",
        "allow_users",
        "deny_workspaces",
        "deny_channels",
        "deny_users",
        "admins",
        mode="before",
    )
    @classmethod
    def _are_ids(cls, value: Any) -> Any:
        return names(value)
