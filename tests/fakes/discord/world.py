"""All that Discord holds, in one object, and how to look it up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.discord.cdn import Cdn
from tests.fakes.discord.clock import Clock, Snowflakes
from tests.fakes.discord.effects import Effects
from tests.fakes.discord.permissions import EVERYONE, bits
from tests.fakes.discord.records import (
    DM,
    TEXT,
    Channel,
    Guild,
    Member,
    Message,
    Role,
    User,
)
from tests.fakes.discord.refusal import Refusal

MESSAGE_CONTENT, GUILD_MEMBERS, PRESENCES = 1 << 15, 1 << 1, 1 << 8
PRIVILEGED = MESSAGE_CONTENT | GUILD_MEMBERS | PRESENCES
BOT_ROLE = bits("view_channel", "send_messages", "create_public_threads")


@dataclass
class Limits:
    """What a test may loosen or tighten."""

    active_threads: int = 1000
    old_edit_seconds: float = 3600.0
    old_edits: int = 0
    nonce_seconds: float = 300.0
    ack_seconds: float = 3.0
    token_seconds: float = 900.0
    cdn_seconds: float = 86_400.0
    request_bytes: int = 25 << 20


@dataclass(eq=False)
class World:
    """The state of the fake."""

    token: str = "loopback.token.for-tests"
    allowed_intents: int = MESSAGE_CONTENT
    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(default_factory=Limits)
    effects: Effects = field(default_factory=Effects)

    def __post_init__(self) -> None:
        self.ids = Snowflakes(self.clock)
        self.cdn = Cdn(self.clock, self.limits.cdn_seconds)
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.commands: dict[int | None, dict[tuple[int, str], dict[str, Any]]] = {None: {}}
        self.interactions: dict[str, Any] = {}
        self.nonces: dict[str, tuple[float, Message]] = {}
        self.old_edits: dict[int, int] = {}
        self.command_syncs = 0
        self.creates: dict[int | None, list[float]] = {}
        self.no_dms: set[int] = set()
        self.bot = self.add_user("Threadlab", bot=True)
        self.application_id = self.bot.id
        self.owner = self.add_user("Olga")

    def add_user(self, name: str, *, user_id: int | None = None, bot: bool = False) -> User:
        """A new account."""
        user = User(user_id or self.ids.next(), name, bot)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, *, with_bot: bool = True) -> Guild:
        """A new server, with the bot and its role in it."""
        guild = Guild(self.ids.next(), name, self.owner.id)
        guild.roles[guild.id] = Role(guild.id, "@everyone", EVERYONE)
        self.guilds[guild.id] = guild
        self.join(guild, self.owner)
        if with_bot:
            role = Role(self.ids.next(), self.bot.name, BOT_ROLE, 1, managed_by=self.bot.id)
            guild.roles[role.id] = role
            self.join(guild, self.bot).role_ids.append(role.id)
        return guild

    def join(self, guild: Guild, user: User) -> Member:
        """The user as a member of the guild."""
        return guild.members.setdefault(user.id, Member(user, self.clock.now()))

    def add_channel(self, guild: Guild, name: str, kind: int = TEXT) -> Channel:
        """A new channel."""
        return self.keep(Channel(self.ids.next(), kind, name, guild))

    def keep(self, channel: Channel) -> Channel:
        """Files a channel where it can be found."""
        self.channels[channel.id] = channel
        if channel.guild is not None:
            channel.guild.channels[channel.id] = channel
        return channel

    def dm(self, user: User) -> Channel:
        """The DM between the bot and the user, opened if need be."""
        for channel in self.channels.values():
            if channel.kind == DM and user in channel.recipients and self.bot in channel.recipients:
                return channel
        return self.keep(Channel(self.ids.next(), DM, "", recipients=[self.bot, user]))

    def channel(self, channel_id: int) -> Channel:
        """The channel, or 10003."""
        if channel_id not in self.channels:
            raise Refusal(10003)
        return self.channels[channel_id]

    def message(self, channel: Channel, message_id: int) -> Message:
        """The message that everyone in the channel sees, or 10008."""
        found = channel.messages.get(message_id)
        if found is None or found.visible_to is not None:
            raise Refusal(10008)
        return found

    @property
    def application_flags(self) -> int:
        """What the portal allows, as apps in few servers see it (the "limited" flags)."""
        pairs = ((PRESENCES, 1 << 13), (GUILD_MEMBERS, 1 << 15), (MESSAGE_CONTENT, 1 << 19))
        return sum(flag for intent, flag in pairs if self.allowed_intents & intent)

    def has_bot(self, guild: Guild) -> bool:
        """Whether the bot is a member."""
        return self.bot.id in guild.members

    def shows_content(self, message: Message, *, has_intent: bool) -> bool:
        """Whether the bot may read the message's content [doc: message content intent]."""
        return (
            has_intent
            or message.channel.kind == DM
            or message.author is self.bot
            or self.bot in message.mentions
        )
