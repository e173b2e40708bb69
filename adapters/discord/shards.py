"""Shards: the parts into which Discord divides the servers, each with a session of its own."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from adapters.discord.store import DiscordStore
from bot.ports import Leases

_GUILD_SHIFT = 22  # [doc: sharding formula]


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` shards, by its number from 0."""

    number: int = 0
    count: int = 1

    @property
    def name(self) -> str:
        """How it is called among the workers."""
        return f"discord shard {self.number} of {self.count}"

    @property
    def alone(self) -> bool:
        """Whether it is all there is."""
        return self.count == 1

    @property
    def has_direct(self) -> bool:
        """Whether direct messages come here [doc: sharding for DMs]."""
        return self.number == 0


def shards(count: int) -> list[Shard]:
    """All shards of a division."""
    return [Shard(number, count) for number in range(count)]


def shard_of(guild_id: int, count: int) -> Shard:
    """The shard in which a server is."""
    return Shard((guild_id >> _GUILD_SHIFT) % count, count)


class Beginnings:
    """When a session may begin: Discord takes one in so many seconds from the shards whose numbers
    are the same modulo `at_once` (its max_concurrency), whichever workers have them."""

    def __init__(
        self, leases: Leases, store: DiscordStore, *, at_once: int, span_seconds: float
    ) -> None:
        self._leases = leases
        self._store = store
        self._span_seconds = span_seconds
        self._turns = [asyncio.Lock() for _ in range(max(1, at_once))]

    async def wait(self, shard: Shard) -> None:
        """Wait until the shard's session may begin, and count it."""
        bucket = shard.number % len(self._turns)
        name = f"discord identify {bucket}"
        # The lock for those of this process, which share its lease.
        async with self._turns[bucket], self._leases.hold(name):
            last = float(await self._store.value(name) or 0.0)
            wait_seconds = last + self._span_seconds - time.time()
            # No longer than the span: the clock of the one before may go wrong.
            await asyncio.sleep(min(max(0.0, wait_seconds), self._span_seconds))
            await self._store.set_value(name, str(time.time()))
