"""Channels: what admins set for each of them, over the operator's defaults."""

from __future__ import annotations

from bot.domain import ThreadKey
from bot.ports import ChannelSettings
from bot.settings import Settings


class Channels:
    """Implements `ChannelList`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def settings(self, key: ThreadKey) -> ChannelSettings:
        """Of the channel in which the thread lies."""
        del key
        defaults = self._settings
        return ChannelSettings(
            model=defaults.openai_model,
            effort=defaults.openai_effort,
            memory_limit=defaults.memory_limit,
            mode="auto",
            instructions="",
            followups=defaults.followups,
            budget_day_usd=None,
            budget_month_usd=None,
            users=(),
        )
