"""What happens in channels, whoever does it: each act changes the picture and tells the gateway."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.guild_payloads import member_json
from tests.fakes.discord.payloads import channel_json, message_json, thread_member_json, user_json
from tests.fakes.discord.permissions import may
from tests.fakes.discord.records import (
    DM,
    PUBLIC_THREAD,
    TEXT,
    THREAD_CREATED,
    THREAD_STARTER,
    Channel,
    Message,
    Thread,
    User,
)
from tests.fakes.discord.refusal import Refusal
from tests.fakes.discord.sessions import Session
from tests.fakes.discord.world import MESSAGE_CONTENT, World

MENTION = re.compile(r"<@!?(\d+)>")


class Chat:
    """The acts. None of them asks for permission: that is done before."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self.world = world
        self.gateway = gateway

    # -- how a message looks

    def shown(self, message: Message, *, has_intent: bool | None = None) -> dict[str, Any]:
        """The message for the bot, emptied where it may not read it."""
        allowed = bool(self.world.allowed_intents & MESSAGE_CONTENT)
        has_intent = allowed if has_intent is None else has_intent
        data = message_json(message, self.world.cdn.link, self.world.bot)
        self._veil(data, message, has_intent)
        if message.reference is not None and "referenced_message" in data:
            self._veil(data["referenced_message"], message.reference, has_intent)
        return data

    def whole(self, message: Message) -> dict[str, Any]:
        """The message as an interaction shows it: always with its content."""
        return message_json(message, self.world.cdn.link, self.world.bot)

    def _veil(self, data: dict[str, Any], message: Message, has_intent: bool) -> None:
        if not self.world.shows_content(message, has_intent=has_intent):
            data |= {"content": "", "embeds": [], "attachments": [], "components": []}

    # -- messages

    def new(self, channel: Channel, author: User, content: str = "", **fields: Any) -> Message:
        """A message with its mentions found, not posted yet."""
        world = self.world
        message = Message(world.ids.next(), channel, author, world.clock.now(), content, **fields)
        named = [world.users.get(int(found)) for found in MENTION.findall(content)]
        for user in named:
            if user is not None and user not in message.mentions:
                message.mentions.append(user)
        return message

    def post(self, message: Message) -> Message:
        """Shows the message and tells of it; an ephemeral one is told to nobody."""
        channel = message.channel
        channel.messages[message.id] = message
        channel.typing.pop(message.author.id, None)
        if channel.thread is not None and message.visible_to is None:
            self.join_thread(channel, message.author)
        self._tell("MESSAGE_CREATE", message)
        return message

    def edited(self, message: Message, before: str, *, counts: bool = True) -> None:
        """Notes that the message was changed."""
        if counts:
            message.past.append(before)
            message.edited_at = self.world.clock.now()
        self._tell("MESSAGE_UPDATE", message)

    def delete(self, message: Message) -> None:
        """Takes the message away."""
        del message.channel.messages[message.id]
        if message.visible_to is None:
            data = {"id": str(message.id), "channel_id": str(message.channel.id)}
            self._emit("MESSAGE_DELETE", message.channel, data | guild_part(message.channel))

    def react(self, message: Message, user: User, emoji: str, *, on: bool = True) -> None:
        """Adds the user's reaction or takes it back."""
        users = message.reactions.setdefault(emoji, [])
        if (user.id in users) == on:
            return
        if on:
            users.append(user.id)
        else:
            users.remove(user.id)
        if not users:
            del message.reactions[emoji]
        channel = message.channel
        data = {
            "user_id": str(user.id),
            "channel_id": str(channel.id),
            "message_id": str(message.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        event = "MESSAGE_REACTION_ADD" if on else "MESSAGE_REACTION_REMOVE"
        self._emit(event, channel, data | guild_part(channel) | member_part(channel, user))

    def type_in(self, channel: Channel, user: User) -> None:
        """Shows that the user is typing."""
        now = self.world.clock.now()
        channel.typing[user.id] = now
        data = {"channel_id": str(channel.id), "user_id": str(user.id), "timestamp": int(now)}
        self._emit("TYPING_START", channel, data | guild_part(channel) | member_part(channel, user))

    # -- threads

    def open_thread(
        self,
        parent: Channel,
        owner: User,
        name: str,
        *,
        starter: Message | None = None,
        kind: int = PUBLIC_THREAD,
        minutes: int = 1440,
        tags: list[int] | None = None,
        thread_id: int | None = None,
    ) -> Channel:
        """A new thread; one that starts from a message takes the message's id."""
        world = self.world
        now = world.clock.now()
        thread = Thread(owner.id, now, now, auto_archive_minutes=minutes, applied_tags=tags or [])
        channel = Channel(
            thread_id or (starter.id if starter is not None else world.ids.next()),
            kind,
            name,
            parent.guild,
            parent,
            thread,
        )
        world.keep(channel)
        thread.members[owner.id] = now
        if starter is not None:
            starter.thread = channel
            first = self.new(channel, owner, kind=THREAD_STARTER, reference=starter)
            channel.messages[first.id] = first
        data = channel_json(channel, world.bot) | {"newly_created": True}
        self._emit("THREAD_CREATE", channel, data)
        if starter is not None:
            self._tell("MESSAGE_UPDATE", starter)
        elif parent.kind == TEXT and kind == PUBLIC_THREAD:
            self.post(self.new(parent, owner, name, kind=THREAD_CREATED))
        return channel

    def join_thread(self, channel: Channel, user: User) -> None:
        """The user among the thread's members."""
        assert channel.thread is not None
        if user.id in channel.thread.members:
            return
        channel.thread.members[user.id] = self.world.clock.now()
        assert channel.guild is not None
        data = {
            "id": str(channel.id),
            "guild_id": str(channel.guild.id),
            "member_count": len(channel.thread.members),
            "added_members": [thread_member_json(channel, user.id)],
        }
        if user is self.world.bot:
            self._emit("THREAD_MEMBERS_UPDATE", channel, data)

    def update_thread(self, channel: Channel, **changes: Any) -> None:
        """Archives, locks, renames or opens the thread again."""
        assert channel.thread is not None
        if "name" in changes:
            channel.name = changes.pop("name")
        if changes.get("archived", channel.thread.archived) != channel.thread.archived:
            channel.thread.archived_at = self.world.clock.now()
        for name, value in changes.items():
            setattr(channel.thread, name, value)
        self._emit("THREAD_UPDATE", channel, channel_json(channel, self.world.bot))

    def delete_channel(self, channel: Channel) -> None:
        """Deletes a channel or thread with all that is in it."""
        del self.world.channels[channel.id]
        if channel.guild is not None:
            del channel.guild.channels[channel.id]
        data = channel_json(channel, self.world.bot)
        event = "CHANNEL_DELETE" if channel.thread is None else "THREAD_DELETE"
        self._emit(event, channel, data)

    def check_room(self, parent: Channel) -> None:
        """160006 where the guild has no room for another active thread."""
        assert parent.guild is not None
        active = [c for c in parent.guild.channels.values() if c.thread and not c.thread.archived]
        if len(active) >= self.world.limits.active_threads:
            raise Refusal(160006)

    # -- events

    def _tell(self, event: str, message: Message) -> None:
        if message.visible_to is not None or not self._bot_sees(message.channel):
            return
        channel = message.channel
        extra = guild_part(channel)
        if channel.guild is not None and message.webhook_id is None:
            member = channel.guild.members.get(message.author.id)
            if member is not None:
                extra["member"] = {k: v for k, v in member_json(member).items() if k != "user"}

        def data(session: Session) -> dict[str, Any]:
            return self.shown(message, has_intent=session.has_content) | extra

        guild_id = channel.guild.id if channel.guild is not None else None
        if channel.kind == DM:
            extra["channel_type"] = DM
        self.gateway.emit(event, guild_id, data)

    def _emit(self, event: str, channel: Channel, data: dict[str, Any]) -> None:
        if self._bot_sees(channel):
            guild_id = channel.guild.id if channel.guild is not None else None
            self.gateway.emit(event, guild_id, lambda session: data)

    def _bot_sees(self, channel: Channel) -> bool:
        return may(self.world.bot, channel, "view_channel")


def guild_part(channel: Channel) -> dict[str, Any]:
    """The guild's id, in an event from a guild."""
    return {} if channel.guild is None else {"guild_id": str(channel.guild.id)}


def member_part(channel: Channel, user: User) -> dict[str, Any]:
    """The member, in an event from a guild."""
    if channel.guild is None or user.id not in channel.guild.members:
        return {}
    member = member_json(channel.guild.members[user.id])
    return {"member": member | {"user": user_json(user)}}
