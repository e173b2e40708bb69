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
        # The lock for those of this process, which share its lease.
        async with self._turns[self._bucket(shard)], self._leases.hold(self._name(shard)):
            wait_seconds = await self._wait_seconds(shard)
            while wait_seconds > 0:
                await asyncio.sleep(wait_seconds)
                # The one before may have begun later than it was let.
                wait_seconds = await self._wait_seconds(shard)
            await self.begins(shard)

    async def begins(self, shard: Shard) -> None:
        """The shard's session begins at this moment: the next one's time counts from here."""
        await self._store.set_value(self._name(shard), str(time.time()))

    async def _wait_seconds(self, shard: Shard) -> float:
        last = float(await self._store.value(self._name(shard)) or 0.0)
        # No longer than the span: the clock of the one before may go wrong.
        return min(last + self._span_seconds - time.time(), self._span_seconds)

    def _bucket(self, shard: Shard) -> int:
        return shard.number % len(self._turns)

    def _name(self, shard: Shard) -> str:
        return f"discord identify {self._bucket(shard)}"
