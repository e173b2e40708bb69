"""Channels: what admins set for each of them, over the operator's defaults."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.domain import Author, ThreadKey
from bot.ports import ChannelSettings
from bot.settings import Settings
from bot.store.channels import StoredSettings
from bot.store.threads import Thread


class Channels:
    """Implements `ChannelList`. What is set is kept in memory, since each message asks for it; it
    is read again after a while, as another worker may have changed it."""

    def __init__(self, settings: Settings, stored: StoredSettings) -> None:
        self._settings = settings
        self._stored = stored
        self._known: dict[str, dict[str, Any]] = {}
        self._read_at = -math.inf
        self._lock = asyncio.Lock()
        self.defaults = ChannelSettings(
            model=settings.openai_model,
            effort=settings.openai_effort,
            memory_limit=settings.memory_limit,
            mode=settings.container_mode,
            instructions="",
            followups=settings.followups,
            budget_day_usd=settings.budget_channel_day_usd,
            budget_month_usd=settings.budget_channel_month_usd,
            users=(),
        )

    async def settings(self, key: ThreadKey) -> ChannelSettings:
        """Of the channel in which the thread lies."""
        return replace(self.defaults, **await self.own(key))

    async def own(self, key: ThreadKey) -> Mapping[str, Any]:
        """Only what admins have set, by the names of `ChannelSettings`."""
        async with self._lock:
            if time.monotonic() - self._read_at > self._settings.channel_settings_seconds:
                self._known = await self._stored.all()
                self._read_at = time.monotonic()
        return self._offered(self._known.get(key.place, {}))

    async def of_thread(self, thread: Thread) -> ChannelSettings:
        """What holds in a thread: what people chose for it, over its channel's settings."""
        names = ("model", "effort", "memory_limit", "mode")
        chosen = {name: getattr(thread, name) for name in names}
        chosen = {name: value for name, value in chosen.items() if value is not None}
        return replace(await self.settings(thread.key), **self._offered(chosen))

    async def set(self, key: ThreadKey, name: str, value: Any, author: Author) -> None:
        """Set a setting of the channel in which the thread lies."""
        async with self._lock:
            await self._stored.set(key.place, name, value, author)
            self._read_at = -math.inf

    async def clear(self, key: ThreadKey, name: str) -> None:
        """Let the operator's default hold again."""
        async with self._lock:
            await self._stored.clear(key.place, name)
            self._read_at = -math.inf

    def _offered(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values that still may be had: the operator may have taken a model back."""
        offered = {"model": self._settings.models, "effort": self._settings.efforts}
        kept = {
            name: value
            for name, value in values.items()
            if name not in offered or value in offered[name]
        }
        return {**kept, "users": tuple(kept["users"])} if "users" in kept else kept
