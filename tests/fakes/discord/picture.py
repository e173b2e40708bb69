"""What is to be seen in Discord: messages, threads, who types; and what was asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.fakes.discord.effects import Effect, Effects
from tests.fakes.discord.interaction import Interaction
from tests.fakes.discord.page import Page
from tests.fakes.discord.people import Person
from tests.fakes.discord.records import DM, THREAD_CREATED, THREAD_STARTER, Channel, Guild, Message
from tests.fakes.discord.world import World

Place = str | int | Channel


class Picture:
    """Readers of the state. A place is a channel, its name in the first server, or its id."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.guild = world.add_guild("Lab")
        self.bot_user_id = world.bot.id

    def channel(self, which: Place, guild: Guild | None = None) -> Channel:
        """A channel or thread by its name or id."""
        if isinstance(which, Channel):
            return which
        if isinstance(which, int):
            return self.world.channel(which)
        places = (guild or self.guild).channels.values()
        return next(place for place in places if place.name == which)

    def messages(self, channel: Place) -> list[Message]:
        """What everyone sees in the channel, oldest first."""
        return self.channel(channel).public()

    def bot_messages(self, channel: Place) -> list[Message]:
        """What the bot said there."""
        said = [m for m in self.messages(channel) if m.author is self.world.bot]
        return [m for m in said if m.kind not in (THREAD_CREATED, THREAD_STARTER)]

    def threads(self, channel: Place) -> list[Channel]:
        """The channel's threads, oldest first."""
        parent = self.channel(channel)
        return [place for place in self.world.channels.values() if place.parent is parent]

    def ephemerals(self, person: Person) -> list[Message]:
        """What the bot showed to this person alone."""
        everywhere = [m for c in self.world.channels.values() for m in c.messages.values()]
        return sorted((m for m in everywhere if m.visible_to is person.user), key=lambda m: m.id)

    def is_typing(self, channel: Place, *, seconds: float = 10) -> bool:
        """Whether the bot is seen typing there."""
        at = self.channel(channel).typing.get(self.bot_user_id)
        return at is not None and self.world.clock.now() - at < seconds

    def render(self, channel: Place, viewer: Person | None = None) -> str:
        """The channel as an HTML page, for screenshots; with the viewer's ephemeral answers."""
        return Page(self.world, self.channel(channel), viewer.user if viewer else None).html()

    @property
    def interactions(self) -> list[Interaction]:
        """What people set off, oldest first, with when it was acknowledged."""
        return list(self.world.interactions.values())

    def unacknowledged(self) -> list[Interaction]:
        """What people saw fail: "The application did not respond"."""
        late = self.world.clock.now() - self.world.limits.ack_seconds
        return [i for i in self.interactions if not i.acknowledged and i.created_at < late]

    @property
    def effects(self) -> Effects:
        """What was asked of Discord, in order."""
        return self.world.effects

    @property
    def requests(self) -> list[Effect]:
        """Every request, refused ones too."""
        return self.world.effects.requests

    @property
    def violations(self) -> list[str]:
        """What was improper."""
        return self.world.effects.violations

    def command(self, name: str, kind: int = 1, *, guild: Guild | None = None) -> dict[str, Any]:
        """A registered command."""
        return self.world.commands[guild.id if guild else None][kind, name]

    def dms(self) -> list[Channel]:
        """All DMs."""
        return [place for place in self.world.channels.values() if place.kind == DM]

    async def until(self, holds: Callable[[], Any], timeout_seconds: float = 10) -> Any:
        """Waits until `holds` gives something true, and returns that."""
        async with asyncio.timeout(timeout_seconds):
            while not (found := holds()):
                await asyncio.sleep(0.005)
            return found
