"""The Discord adapter over the loopback Discord and the fake core, and the contract's driver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.discord import plugin
from adapters.discord.platform import DiscordPlatform
from bot.domain import Answer, IncomingMessage, Progress
from bot.ports import ChatPlatform, Reply
from tests.fakes.core import FakeCore, Script
from tests.fakes.discord import Channel, FakeDiscord, Message
from tests.fakes.platform_driver import Seen

_SECONDS = 10
_WORKING = "⏳"


async def echo(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    """Answer with the question."""
    turn_id = f"turn-{message.id}-{core.attempts}" if core.attempts else f"turn-{message.id}"
    yield Progress("thinking…")
    yield Answer(turn_id, f"You said: {message.text}")


@dataclass(frozen=True)
class DiscordSite:
    """A Discord, the adapter connected to it, and the core behind."""

    discord: FakeDiscord
    core: FakeCore
    platform: DiscordPlatform
    running: asyncio.Task[None]

    async def until(self, holds: Callable[[], Any]) -> Any:
        """Wait, a bounded time, until something holds; what it gave."""
        return await self.discord.until(holds, _SECONDS)

    async def thread_of(self, message: Message) -> Channel:
        """The thread that the bot opened from a message."""
        thread = await self.until(lambda: message.thread)
        assert isinstance(thread, Channel)
        return thread

    async def answer_in(self, channel: Channel, number: int = 0) -> Message:
        """The bot's message of that number, once it shows no more work."""
        (found,) = await self.until(lambda: self._finished(channel)[number : number + 1])
        assert isinstance(found, Message)
        return found

    def _finished(self, channel: Channel) -> list[Message]:
        said = self.discord.bot_messages(channel)
        return [message for message in said if _WORKING not in message.content]


@asynccontextmanager
async def serve(
    folder: Path,
    script: Script = echo,
    *,
    discord: FakeDiscord | None = None,
    **settings: str,
) -> AsyncIterator[DiscordSite]:
    """The adapter, connected. A Discord that is given is served already."""
    if discord is None:
        async with FakeDiscord() as made, _connected(folder, script, made, settings) as site:
            yield site
        return
    async with _connected(folder, script, discord, settings) as site:
        yield site


@asynccontextmanager
async def _connected(
    folder: Path, script: Script, discord: FakeDiscord, settings: Mapping[str, str]
) -> AsyncIterator[DiscordSite]:
    environ = {
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.api_url,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
        **settings,
    }
    core = FakeCore(folder, script, environ, attachment_limit_bytes=50_000_000)
    with discord.in_discord_py():
        platform = await core.attach(plugin)
        assert isinstance(platform, DiscordPlatform)
        running = asyncio.create_task(platform.run())
        try:
            # Not `ready`: discord.py lets two seconds pass in case more servers come.
            await _either(discord.gateway.connected(), running)
            yield DiscordSite(discord, core, platform, running)
        finally:
            running.cancel()
            _, late = await asyncio.wait({running}, timeout=_SECONDS)
            await core.close()
            assert not late, "the adapter does not end when it is cancelled"


async def _either(ready: Awaitable[object], running: asyncio.Task[None]) -> None:
    waiting = asyncio.ensure_future(ready)
    async with asyncio.timeout(_SECONDS):
        await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if running.done():
        running.result()


class DiscordDriver:
    """Ann, in a thread of #general."""

    def __init__(self, site: DiscordSite) -> None:
        self._discord = site.discord
        self._handed_in = 0
        self._last: Message | None = None
        self.core = site.core
        self.platform: ChatPlatform = site.platform
        self._ann = self._discord.person("Ann")
        accept = self.core.accept

        async def counted(message: IncomingMessage) -> bool:
            new = await accept(message)
            self._handed_in += 1
            return new

        self.core.accept = counted  # type: ignore[method-assign]

    async def say(self, text: str, files: Mapping[str, bytes] | None = None) -> IncomingMessage:
        """Mention the bot in the thread."""
        return await self._say(text, files, mention=True)

    async def say_to_ben(self, text: str) -> IncomingMessage:
        """Mention Ben in the thread."""
        return await self._say(f"<@{self._discord.person('Ben').id}> {text}")

    async def _say(
        self, text: str, files: Mapping[str, bytes] | None = None, *, mention: bool = False
    ) -> IncomingMessage:
        before = self._handed_in
        thread = await self._thread()
        self._last = await self._ann.say(thread, text, files=files, mention=mention)
        await self._discord.until(lambda: self._handed_in > before)
        return self.core.accepted[-1]

    async def redeliver(self) -> None:
        """The gateway sends the message's event once more."""
        assert self._last is not None
        before = self._handed_in
        self._discord.gateway.repeat()
        await self._discord.until(lambda: self._handed_in > before)

    async def sign(self, message: IncomingMessage) -> bool:
        """The bot is seen typing in the thread."""
        thread = self._discord.channel(int(message.key.thread))
        return await self._comes(lambda: self._discord.is_typing(thread))

    async def status(self, reply: Reply, wanted: str) -> bool:
        """The status that the surface comes to show."""
        channel_id, _, message_id = reply.ref.partition("/")
        messages = self._discord.channel(int(channel_id)).messages
        return await self._comes(lambda: wanted in messages[int(message_id)].content)

    async def seen(self, message: IncomingMessage) -> Seen:
        """The bot's messages in the thread."""
        posts = self._discord.bot_messages(int(message.key.thread))
        files = {name: content for post in posts for name, content in post.files.items()}
        text = "\n".join(post.content for post in posts)
        return Seen(len(posts), text, files, _WORKING in text)

    async def _thread(self) -> Channel:
        general = self._discord.channel("general")
        known = self._discord.threads(general)
        return known[0] if known else await self._ann.open_thread(general, "lab")

    async def _comes(self, holds: Callable[[], Any]) -> bool:
        try:
            await self._discord.until(holds, _SECONDS)
        except TimeoutError:
            return False
        return True


_places: dict[Path, FakeDiscord] = {}  # a restart meets the same Discord


@asynccontextmanager
async def discord_driver(folder: Path) -> AsyncIterator[DiscordDriver]:
    """The adapter over a core that keeps silent."""
    discord = _places.setdefault(folder, FakeDiscord(rate_limits=False))
    async with discord, serve(folder, discord=discord) as site:
        site.core.answers = False
        yield DiscordDriver(site)
    assert discord.violations == []
