"""Channels and threads over REST."""

from __future__ import annotations

from typing import Any

from tests.fakes.discord.call import Answer, Call, Endpoint
from tests.fakes.discord.composing import compose, is_empty, need, uploads
from tests.fakes.discord.payloads import channel_json, thread_member_json
from tests.fakes.discord.permissions import may
from tests.fakes.discord.records import (
    DM,
    FORUM,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
    THREAD_STARTER,
    Channel,
)
from tests.fakes.discord.refusal import Refusal, bad_form
from tests.fakes.discord.rules import check_message, check_thread_name

ARCHIVE_MINUTES = (60, 1440, 4320, 10080)


def minutes_of(body: dict[str, Any]) -> int:
    """How soon the thread archives itself."""
    minutes = body.get("auto_archive_duration") or 1440
    if minutes not in ARCHIVE_MINUTES:
        raise bad_form("auto_archive_duration", "BASE_TYPE_CHOICES", "60, 1440, 4320 or 10080.")
    return int(minutes)


def from_message(call: Call) -> Any:
    """POST a public thread that starts from a message and takes its id."""
    channel = call.channel()
    need(call, channel, "create_public_threads")
    if channel.kind != TEXT:
        raise Refusal(50024)
    message = call.message(channel)
    if message.thread is not None:
        raise Refusal(160004)
    if message.kind == THREAD_STARTER:
        raise Refusal(50021)
    call.chat.check_room(channel)
    name, minutes = check_thread_name(call.body.get("name")), minutes_of(call.body)
    thread = call.chat.open_thread(channel, call.world.bot, name, starter=message, minutes=minutes)
    return Answer(201, channel_json(thread, call.world.bot))


def alone(call: Call) -> Any:
    """POST a thread without a message, or a post in a forum."""
    channel = call.channel()
    if channel.kind == FORUM:
        return forum_post(call, channel)
    if channel.kind != TEXT:
        raise Refusal(50024)
    kind = call.body.get("type", PRIVATE_THREAD)
    wanted = "create_private_threads" if kind == PRIVATE_THREAD else "create_public_threads"
    need(call, channel, wanted)
    call.chat.check_room(channel)
    name, minutes = check_thread_name(call.body.get("name")), minutes_of(call.body)
    if kind not in (PUBLIC_THREAD, PRIVATE_THREAD):
        raise bad_form("type", "BASE_TYPE_CHOICES", "Must be 11 or 12.")
    thread = call.chat.open_thread(channel, call.world.bot, name, kind=kind, minutes=minutes)
    return Answer(201, channel_json(thread, call.world.bot))


def forum_post(call: Call, channel: Channel) -> Any:
    """A post: a thread with its first message."""
    need(call, channel, "send_messages")
    name, minutes = check_thread_name(call.body.get("name")), minutes_of(call.body)
    body, call.body = call.body, call.body.get("message") or {}
    check_message(call.body, len(call.files), call.world.effects)
    call.chat.check_room(channel)
    tags = [int(tag) for tag in body.get("applied_tags") or []]
    thread = call.chat.open_thread(channel, call.world.bot, name, minutes=minutes, tags=tags)
    message = compose(call, thread)
    message.id = thread.id
    message.attachments = uploads(call, thread, call.body.get("attachments"))
    if is_empty(message):
        raise Refusal(50006)
    call.message_id = message.id
    call.chat.post(message)
    shown = channel_json(thread, call.world.bot) | {"message": call.chat.shown(message)}
    return Answer(201, shown)


def get(call: Call) -> Any:
    """GET a channel."""
    channel = call.channel()
    need(call, channel)
    return channel_json(channel, call.world.bot)


def patch(call: Call) -> Any:
    """PATCH a thread: open, archive, lock, rename."""
    channel = call.channel()
    need(call, channel)
    thread, body = channel.thread, call.body
    if thread is None:
        need(call, channel, "manage_channels")
        raise Refusal(50024)
    own = thread.owner_id == call.world.bot.id
    manages = may(call.world.bot, channel, "manage_threads")
    opens_only = (
        set(body) <= {"archived", "auto_archive_duration"} and body.get("archived") is False
    )
    if thread.locked and not manages:
        raise Refusal(50013)
    if "locked" in body and not manages:
        raise Refusal(50013)
    if not (
        manages or own or (opens_only and may(call.world.bot, channel, "send_messages_in_threads"))
    ):
        raise Refusal(50013)
    if thread.archived and body.get("archived") is not False:
        raise Refusal(50083)
    changes = {name: body[name] for name in ("archived", "locked") if body.get(name) is not None}
    if body.get("name") is not None:
        changes["name"] = check_thread_name(body["name"])
    if body.get("auto_archive_duration") is not None:
        changes["auto_archive_minutes"] = minutes_of(body)
    if thread.archived and changes.get("archived") is False:
        assert channel.parent is not None
        call.chat.check_room(channel.parent)
    call.chat.update_thread(channel, **changes)
    return channel_json(channel, call.world.bot)


def delete(call: Call) -> Any:
    """DELETE a thread (or close a DM)."""
    channel = call.channel()
    if channel.kind != DM:
        need(call, channel, "manage_threads" if channel.thread else "manage_channels")
        call.chat.delete_channel(channel)
    return channel_json(channel, call.world.bot)


def threaded(call: Call) -> Channel:
    """The thread of the path, which must not be archived."""
    channel = call.channel()
    need(call, channel)
    if channel.thread is None:
        raise Refusal(50024)
    return channel


def member_id(call: Call) -> int:
    """Whose place in the thread it is: `@me` is the bot."""
    return call.world.bot.id if call.params["user_id"] == "@me" else call.id("user_id")


def join(call: Call) -> None:
    """PUT a member (or oneself) into a thread."""
    channel = threaded(call)
    assert channel.thread is not None
    if channel.thread.archived:
        raise Refusal(50083)
    user_id = member_id(call)
    if user_id not in call.world.users:
        raise Refusal(10013)
    call.chat.join_thread(channel, call.world.users[user_id])


def leave(call: Call) -> None:
    """Leave a thread."""
    channel = threaded(call)
    assert channel.thread is not None
    channel.thread.members.pop(member_id(call), None)


def members(call: Call) -> Any:
    """GET a thread's members."""
    channel = threaded(call)
    assert channel.thread is not None
    return [thread_member_json(channel, user_id) for user_id in channel.thread.members]


def active(call: Call) -> Any:
    """GET a guild's active threads."""
    guild = call.world.guilds.get(call.id("guild_id"))
    if guild is None or not call.world.has_bot(guild):
        raise Refusal(50001)
    bot = call.world.bot
    threads = [c for c in guild.channels.values() if c.thread and not c.thread.archived]
    seen = [c for c in threads if may(bot, c, "view_channel")]
    mine = [thread_member_json(c, bot.id) for c in seen if c.thread and bot.id in c.thread.members]
    return {"threads": [channel_json(c, bot) for c in seen], "members": mine, "has_more": False}


def archived(call: Call) -> Any:
    """GET a channel's archived public threads, the last archived first."""
    parent = call.channel()
    need(call, parent, "read_message_history")
    assert parent.guild is not None
    bot = call.world.bot
    found = [c for c in parent.guild.channels.values() if c.parent is parent and c.thread]
    found = [c for c in found if c.thread and c.thread.archived]
    found.sort(key=lambda c: -c.thread.archived_at if c.thread else 0.0)
    return {
        "threads": [channel_json(c, bot) for c in found],
        "members": [],
        "has_more": False,
    }


AT = "/channels/{channel_id}"
ENDPOINTS = [
    Endpoint("POST", AT + "/messages/{message_id}/threads", from_message, "threads"),
    Endpoint("POST", AT + "/threads", alone, "threads"),
    Endpoint("GET", AT + "/threads/archived/public", archived, "reads"),
    Endpoint("GET", AT, get, "reads"),
    Endpoint("PATCH", AT, patch, "thread_edits"),
    Endpoint("DELETE", AT, delete),
    Endpoint("PUT", AT + "/thread-members/{user_id}", join),
    Endpoint("DELETE", AT + "/thread-members/{user_id}", leave),
    Endpoint("GET", AT + "/thread-members", members, "reads"),
    Endpoint("GET", "/guilds/{guild_id}/threads/active", active, "reads"),
]
