"""People who write numbered messages in both chats, change them and take them back."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tests.torture.discord_side import DiscordSide
from tests.torture.engine import TortureEngine
from tests.torture.evidence import Called, Said, Surely
from tests.torture.slack_side import SlackSide

NAMES = ("Ann", "Ben", "Cyd")
CALLS_PART = 0.08
_WAIT_SECONDS = 8.0
_POLL_SECONDS = 0.02

Side = SlackSide | DiscordSide


@dataclass
class Conversation:
    """A thread: its chat, its first message, who may write in it."""

    side: Side
    root: Any
    people: tuple[str, ...]


class People:
    """Everybody. `said` is what they wrote, by number."""

    def __init__(
        self, sides: list[Side], engine: TortureEngine, dice: random.Random, *, threads_max: int
    ) -> None:
        self.said: dict[int, Said] = {}
        self.called: dict[str, Called] = {}
        self._calls: list[tuple[Side, Any, str]] = []
        self._handles: dict[int, tuple[Side, Any]] = {}
        self._sides = sides
        self._engine = engine
        self._dice = dice
        self._threads_max = threads_max
        self._conversations: dict[str, Conversation] = {}  # by place

    async def write(self) -> None:
        """One message, in a new thread or an old one; now and then the bot's name alone as well."""
        if self._dice.random() < CALLS_PART:
            side = self._dice.choice(self._sides)
            self._calls.append((side, *await side.call(self._dice.choice(NAMES))))
        open_ones = [c for c in self._conversations.values() if _is_open(c)]
        fresh = len(self._conversations) < self._threads_max and self._dice.random() < 0.4
        if fresh or not open_ones:
            await self._begin()
        else:
            await self._follow(self._dice.choice(open_ones))

    async def change_waiting(self) -> None:
        """While a question is being answered, a second one comes, and is edited or deleted."""
        first = await self._begin(held=True)
        conversation = self._conversations[first.place]
        gate = self._engine.gate(first.number)
        try:
            held = await _comes(lambda: self._is_asked(first) and _is_open(conversation))
            if held:
                author = self._dice.choice(conversation.people)
                second = await self._follow(conversation, author)
                await self._change(second, gate)
        finally:
            gate.set()

    def _is_asked(self, said: Said) -> bool:
        return any(said.number in asked.numbers for asked in self._engine.log)

    async def _change(self, said: Said, gate: asyncio.Event) -> None:
        side, message = self._handles[said.number]
        await _comes(lambda: side.taken_at(message) is not None)
        taken = side.taken_at(message) is not None and not gate.is_set()
        if self._dice.random() < 0.5:
            said.edited = Surely.MAYBE
            said.version += 1
            await side.edit(said.author, message, said.text)
            await _comes(lambda: side.change_taken_at(message) is not None)
            if taken and side.change_taken_at(message) is not None and not gate.is_set():
                said.edited = Surely.YES
        else:
            said.withdrawn = Surely.MAYBE
            await side.delete(said.author, message)
            await _comes(lambda: side.change_taken_at(message) is not None)
            if taken and side.change_taken_at(message) is not None and not gate.is_set():
                said.withdrawn = Surely.YES

    async def _begin(self, *, held: bool = False) -> Said:
        side = self._dice.choice(self._sides)
        author = self._dice.choice(NAMES)
        said = self._draft(author, held=held)
        message: Any = await side.begin(author, said.text, self._files(said))
        people = (author,) if side.alone(message) else NAMES
        # A DM goes on where it was.
        self._conversations.setdefault(side.place(message), Conversation(side, message, people))
        self._note(said, side, message)
        return said

    async def _follow(self, conversation: Conversation, author: str | None = None) -> Said:
        side = conversation.side
        said = self._draft(author or self._dice.choice(conversation.people))
        message = await side.follow(conversation.root, said.author, said.text, self._files(said))
        self._note(said, side, message)
        return said

    def _draft(self, author: str, *, held: bool = False) -> Said:
        chance = self._dice.random
        number = len(self.said) + 1
        said = Said(number, "", author, time.monotonic(), held=held)
        said.sends_file, said.makes_file = chance() < 0.2, chance() < 0.3
        said.long = chance() < 0.15
        self.said[number] = said
        return said

    def _files(self, said: Said) -> dict[str, bytes]:
        if not said.sends_file:
            return {}
        return {said.sent_name: f"sent with Q{said.number}".encode()}

    def _note(self, said: Said, side: Side, message: Any) -> None:
        said.place = side.place(message)
        self._handles[said.number] = (side, message)

    def close_books(self) -> None:
        """Note what is known now of when each message was taken."""
        self.called = self._count_calls()
        known: dict[str, float] = {}  # place → when the program first knew of it
        for number, (side, message) in self._handles.items():
            said = self.said[number]
            said.known_at = side.taken_at(message)
            if said.known_at is not None:
                known[said.place] = min(said.known_at, known.get(said.place, said.known_at))
        for number, (side, message) in self._handles.items():
            said = self.said[number]
            said.must = said.known_at is not None or (
                side.can_be_read_later
                and (not side.alone(message) or known.get(said.place, math.inf) < said.sent_at)
            )

    def _count_calls(self) -> dict[str, Called]:
        counted: dict[str, Called] = defaultdict(Called)
        for side, message, place in self._calls:
            counted[place].most += 1
            counted[place].must += side.can_be_read_later or side.taken_at(message) is not None
        return counted


def _is_open(conversation: Conversation) -> bool:
    return conversation.side.open_to_more(conversation.root)


async def _comes(holds: Any) -> bool:
    """Whether something comes true within the time that people have."""
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            while not holds():
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        return False
    return True
