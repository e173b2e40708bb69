"""A client's session on the gateway, and which events it is to have."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.discord.connection import Connection
from tests.fakes.discord.world import MESSAGE_CONTENT

GUILDS, GUILD_MESSAGES, GUILD_REACTIONS, GUILD_TYPING = 1 << 0, 1 << 9, 1 << 10, 1 << 11
DIRECT_MESSAGES, DIRECT_REACTIONS, DIRECT_TYPING = 1 << 12, 1 << 13, 1 << 14
# What an event needs to be asked for: in a guild, in a DM.
NEEDS = {
    "MESSAGE": (GUILD_MESSAGES, DIRECT_MESSAGES),
    "MESSAGE_REACTION": (GUILD_REACTIONS, DIRECT_REACTIONS),
    "TYPING": (GUILD_TYPING, DIRECT_TYPING),
    "CHANNEL": (GUILDS, 0),
    "THREAD": (GUILDS, 0),
    "GUILD": (GUILDS, 0),
    "INTERACTION": (0, 0),
}


@dataclass(eq=False)
class Session:
    """What a client may resume: the events since it identified."""

    id: str
    intents: int
    shard: tuple[int, int]
    sent: list[str] = field(default_factory=list)
    connection: Connection | None = None

    @property
    def has_content(self) -> bool:
        """Whether it asked for message content."""
        return bool(self.intents & MESSAGE_CONTENT)

    def put(self, event: str, data: Any) -> None:
        """Sends the event, now or when the session is resumed."""
        number = len(self.sent) + 1
        self.sent.append(json.dumps({"op": 0, "t": event, "s": number, "d": data}))
        if self.connection is not None:
            self.connection.send(self.sent[-1])

    def repeat(self, event: str) -> None:
        """Sends the last such event a second time."""
        said = [frame for frame in self.sent if json.loads(frame)["t"] == event]
        if said and self.connection is not None:
            self.connection.send(said[-1])

    def wants(self, event: str, guild_id: int | None) -> bool:
        """Whether the event is for this shard and was asked for."""
        index, count = self.shard
        if ((guild_id or 0) >> 22) % count != index:
            return False
        stem = event.rsplit("_", 1)[0]
        in_guild, in_dm = NEEDS.get(stem, NEEDS[stem.split("_")[0]])
        needed = in_guild if guild_id is not None else in_dm
        return self.intents & needed == needed
