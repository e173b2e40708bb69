"""What the contract suite asks of a platform's driver: a person in that chat, and their eyes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bot.domain import IncomingMessage
from bot.ports import ChatPlatform, Reply
from tests.fakes.core import FakeCore


@dataclass(frozen=True)
class Seen:
    """The bot's posts in a thread, as a person sees them."""

    posts: int
    text: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    working: bool = False


class PlatformDriver(Protocol):
    """One running platform over a fake core whose inbox answers nothing by itself."""

    core: FakeCore
    platform: ChatPlatform

    async def say(self, text: str, files: Mapping[str, bytes] | None = None) -> IncomingMessage:
        """A person writes in the driver's thread; the message as it reached the inbox."""

    async def say_to_ben(self, text: str) -> IncomingMessage | None:
        """The same person writes in the thread and names another one, who is not the bot; None
        where nobody else is there."""

    async def redeliver(self) -> None:
        """The chat delivers the last message once more."""

    async def sign(self, message: IncomingMessage) -> bool:
        """Whether the person sees that their message is being worked on."""

    async def status(self, reply: Reply, wanted: str) -> bool:
        """Whether a status comes to be shown, waiting a bounded time for a paced push."""

    async def seen(self, message: IncomingMessage) -> Seen:
        """What the bot has posted in answer to a message."""


# Called with a folder; a second driver on the same folder is the platform after a restart.
DriverFactory = Callable[[Path], AbstractAsyncContextManager[PlatformDriver]]
