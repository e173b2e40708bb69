"""What the parts of the adapter share."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from adapters.discord.connection import Connection
from adapters.discord.file_limits import FileLimits
from adapters.discord.posts import Portions
from adapters.discord.rest import Rest
from adapters.discord.settings import DiscordSettings
from adapters.discord.store import DiscordStore
from bot.domain import ThreadKey
from bot.ports import Services

if TYPE_CHECKING:
    from adapters.discord.reply import DiscordReply

_REMEMBERED_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message was written, by whom, what its thread would be called, and what is to be
    said below its answer."""

    key: ThreadKey
    channel_id: int
    title: str
    author_id: int
    note: str | None = None


class Origins:
    """The newest messages' origins: a convenience, not kept over a restart."""

    def __init__(self) -> None:
        self._origins: OrderedDict[str, Origin] = OrderedDict()

    def note(self, message_id: str, origin: Origin) -> None:
        """Remember one; the oldest goes."""
        self._origins[message_id] = origin
        if len(self._origins) > _REMEMBERED_MAX:
            self._origins.popitem(last=False)

    def get(self, message_id: str) -> Origin | None:
        """One that is remembered still."""
        return self._origins.get(message_id)


class LiveReplies:
    """The replies that are shown now."""

    def __init__(self) -> None:
        self._replies: set[DiscordReply] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, reply: DiscordReply) -> None:
        """One more."""
        self._replies.add(reply)
        self._empty.clear()

    def discard(self, reply: DiscordReply) -> None:
        """One less."""
        self._replies.discard(reply)
        if not self._replies:
            self._empty.set()

    def of(self, key: ThreadKey) -> list[DiscordReply]:
        """Those of a conversation."""
        return [reply for reply in self._replies if reply.key == key]

    async def none(self) -> None:
        """Wait until there are none."""
        await self._empty.wait()


@dataclass(frozen=True, slots=True)
class DiscordContext:
    """The adapter's parts that hold state, made once."""

    services: Services
    settings: DiscordSettings
    connection: Connection
    rest: Rest
    store: DiscordStore
    file_limits: FileLimits
    origins: Origins = field(default_factory=Origins)
    live: LiveReplies = field(default_factory=LiveReplies)
    commands: WeakValueDictionary[ThreadKey, asyncio.Lock] = field(
        default_factory=WeakValueDictionary
    )

    def answering(self, key: ThreadKey) -> asyncio.Lock:
        """Held while a command is answered where the bot is not."""
        return self.commands.setdefault(key, asyncio.Lock())

    @property
    def portions(self) -> Portions:
        """How many files go with one message."""
        settings = self.settings
        return Portions(settings.discord_files_per_message, settings.discord_upload_limit_mb << 20)

    @property
    def bot_id(self) -> int:
        """The bot's own id; 0 while it is not logged in."""
        client = self.connection.current
        return client.user.id if client is not None and client.user is not None else 0


def plain_id(message_id: str) -> str:
    """Discord's id of a message; the core marks repeated questions behind a tilde."""
    return message_id.partition("~")[0]
