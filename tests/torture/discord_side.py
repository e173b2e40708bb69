"""The loopback Discord as the torture uses it: threads of two channels, and direct messages."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from tests.fakes.discord import FakeDiscord, Message, Person
from tests.fakes.discord.records import DM, THREAD_CREATED, THREAD_STARTER
from tests.torture.evidence import IN_A_ROW_MAX, Shown
from tests.torture.workers import Log

CHANNELS = ("general", "random")
_CALLS = (
    ("POST", "/channels/*/messages"),
    ("PATCH", "/channels/*/messages/*"),
    ("POST", "/channels/*/messages/*/threads"),
    ("GET", "/channels/*/messages"),
    ("POST", "/channels/*/typing"),
    ("GET", "/cdn/*"),
)
_FAULTS: tuple[dict[str, object], ...] = (
    {"reset": True},
    {"reset": True, "accepted": True},
    {"status": 500},
    {"status": 502, "accepted": True},
    {"slow_seconds": 1.0},
    {"slow_seconds": 1.0, "accepted": True},
    {"status": 429, "retry_after_seconds": 0.3},
)


class DiscordSide:
    """People on Discord, what goes wrong there, and what is to be seen in the end.

    Discord hears of nothing that was taken: the program's log tells.
    """

    can_be_read_later = True  # but for a DM that nobody knows of yet

    def __init__(self, discord: FakeDiscord, dice: random.Random, log: Log) -> None:
        self.discord = discord
        self._dice = dice
        self._log = log

    def settings(self) -> dict[str, str]:
        """What connects the program to it."""
        return {
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.api_url,
            "DISCORD_GATEWAY_URL": self.discord.gateway_url,
            "DISCORD_SEEN_SECONDS": "0.3",
            # Killed every few seconds, it would be waiting for its session all the time.
            "DISCORD_IDENTIFY_SECONDS": "0.5",
            "DISCORD_ATTEMPTS": "6",
        }

    async def connected(self, timeout_seconds: float) -> None:
        """Wait until somebody listens."""
        await self.discord.gateway.connected(timeout_seconds=timeout_seconds)

    # -- people

    async def begin(self, author: str, text: str, files: Mapping[str, bytes]) -> Message:
        """A new thread in a channel, or a direct message."""
        if self._dice.random() < 0.2:
            return await self._person(author).whisper(text, files=files)
        channel = self.discord.channel(self._dice.choice(CHANNELS))
        return await self._person(author).say(channel, text, mention=True, files=files)

    async def follow(
        self, root: Message, author: str, text: str, files: Mapping[str, bytes]
    ) -> Message:
        """One more message in a thread."""
        if self.alone(root):
            return await self._person(author).whisper(text, files=files)
        assert root.thread is not None
        return await self._person(author).say(root.thread, text, mention=True, files=files)

    async def call(self, author: str) -> tuple[Message, str]:
        """The bot's name in a channel and nothing else, and where that is answered."""
        channel = self.discord.channel(self._dice.choice(CHANNELS))
        called = await self._person(author).say(channel, "", mention=True)
        return called, f"discord #{channel.name}"

    async def edit(self, author: str, message: Message, text: str) -> None:
        """Change one's own message."""
        bot = "" if self.alone(message) else f"<@{self.discord.bot_user_id}> "
        await self._person(author).edit(message, bot + text)

    async def delete(self, author: str, message: Message) -> None:
        """Take one's own message back."""
        await self._person(author).delete(message)

    def alone(self, root: Message) -> bool:
        """Whether one person only may write there."""
        return root.channel.kind == DM

    def place(self, message: Message) -> str:
        """The thread or DM of a message; in a channel the thread that it will begin."""
        channel = message.channel
        inside = channel.thread is not None or channel.kind == DM
        return f"discord {channel.id if inside else message.id}"

    def open_to_more(self, root: Message) -> bool:
        """Whether one can write in the thread."""
        return self.alone(root) or root.thread is not None

    def id(self, message: Message) -> str:
        """What the program calls the message."""
        return str(message.id)

    # -- what the program has taken

    def taken_at(self, message: Message) -> float | None:
        """When the program said that it took the message."""
        return self._log.accepted.get(str(message.id))

    def change_taken_at(self, message: Message) -> float | None:
        """When it said that an edit or a deletion came in time."""
        return self._log.changed.get(str(message.id))

    # -- what goes wrong

    def trouble(self) -> None:
        """Something goes wrong at random."""
        gateway, found = self.discord.gateway, self._dice.random()
        if found < 0.1:
            gateway.drop()
        elif found < 0.15:
            gateway.ask_to_reconnect()
        elif found < 0.2:
            gateway.invalidate(resumable=self._dice.random() < 0.5)
        elif found < 0.4:
            gateway.repeat()
        else:
            self._break(*self._dice.choice(_CALLS), self._dice.choice(_FAULTS))

    def _break(self, method: str, path: str, fault: Mapping[str, object]) -> None:
        waiting = [each for each in self.discord.faults.waiting if each.path == path]
        if len(waiting) < IN_A_ROW_MAX:
            self.discord.fault(method, path, **fault)

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        self.discord.faults.clear()

    def quiet(self) -> bool:
        """Nothing waits at Discord: it delivers once, and tells of the rest when it is asked."""
        return True

    # -- what is to be seen

    def shown(self) -> Iterator[Shown]:
        """What the bot said, in order."""
        bot = self.discord.world.bot
        for channel in self.discord.world.channels.values():
            for message in sorted(channel.public(), key=lambda each: each.id):
                if message.author is bot and message.kind not in (THREAD_CREATED, THREAD_STARTER):
                    stops = [b for b in message.buttons if b.get("label") == "Stop"]
                    working = bool(stops) or "-# ⏳" in message.content or message.loading
                    inside = channel.thread is not None or channel.kind == DM
                    place = f"discord {channel.id}" if inside else f"discord #{channel.name}"
                    yield Shown(place, message.content, message.files, working)

    def working(self) -> Iterator[str]:
        """Discord has no status but messages."""
        yield from ()

    @property
    def violations(self) -> list[str]:
        """What no bot should do."""
        return self.discord.violations

    def _person(self, name: str) -> Person:
        return self.discord.person(name)
