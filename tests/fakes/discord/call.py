"""A request as its handler sees it, and where handlers are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.discord.chat import Chat
from tests.fakes.discord.records import Channel, Message
from tests.fakes.discord.refusal import Refusal
from tests.fakes.discord.world import World


@dataclass(frozen=True)
class Upload:
    """A file that came with a request."""

    filename: str
    content: bytes


@dataclass
class Call:
    """A request that was understood. Handlers note in it what it touched."""

    chat: Chat
    params: dict[str, str]
    query: dict[str, str]
    body: Any
    files: dict[int, Upload] = field(default_factory=dict)
    channel_id: int | None = None
    message_id: int | None = None
    repeated: bool = False

    @property
    def world(self) -> World:
        """The state."""
        return self.chat.world

    def id(self, name: str) -> int:
        """An id of the path; 50035 where it is none."""
        if not self.params[name].isdigit():
            raise Refusal(50035)
        return int(self.params[name])

    def channel(self) -> Channel:
        """The channel of the path."""
        self.channel_id = self.id("channel_id")
        return self.world.channel(self.channel_id)

    def message(self, channel: Channel) -> Message:
        """The message of the path."""
        self.message_id = self.id("message_id")
        return self.world.message(channel, self.message_id)


@dataclass(frozen=True)
class Endpoint:
    """A route: its bucket of the rate limits, and whether a bot token is asked for."""

    method: str
    path: str
    handle: Callable[[Call], Any]
    bucket: str | None = None
    with_token: bool = True

    def major(self, params: dict[str, str]) -> str:
        """What the bucket is counted by."""
        names = ("channel_id", "guild_id", "webhook_token", "interaction_token")
        return "/".join(params[name] for name in names if name in params)


@dataclass(frozen=True)
class Answer:
    """A status of its own beside the JSON."""

    status: int
    body: Any = None
