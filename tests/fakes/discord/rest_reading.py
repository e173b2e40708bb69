"""Messages read over REST, and the small signs: reactions and typing."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from tests.fakes.discord.call import Call, Endpoint
from tests.fakes.discord.composing import need, need_to_write
from tests.fakes.discord.permissions import may
from tests.fakes.discord.records import FORUM, Message
from tests.fakes.discord.refusal import Refusal, bad_form

HISTORY_LIMIT = 100


def get(call: Call) -> Any:
    """GET a message, with fresh links."""
    channel = call.channel()
    need(call, channel, "read_message_history")
    return call.chat.shown(call.message(channel))


def history(call: Call) -> Any:
    """GET a page of messages, newest first."""
    channel = call.channel()
    need(call, channel)
    if channel.kind == FORUM:
        raise Refusal(50008)
    limit = int(call.query.get("limit", 50))
    if not 1 <= limit <= HISTORY_LIMIT:
        raise bad_form("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
    if not may(call.world.bot, channel, "read_message_history"):
        return []
    page = pick(channel.public(), call.query, limit)
    return [call.chat.shown(message) for message in reversed(page)]


def pick(messages: list[Message], query: dict[str, str], limit: int) -> list[Message]:
    """The page, oldest first: those just after, just before, or around an id."""
    if "after" in query:
        return [m for m in messages if m.id > int(query["after"])][:limit]
    if "before" in query:
        return [m for m in messages if m.id < int(query["before"])][-limit:]
    if "around" in query:
        middle = int(query["around"])
        older = [m for m in messages if m.id < middle]
        older = older[max(0, len(older) - limit // 2) :]
        newer = [m for m in messages if m.id >= middle][: limit - len(older)]
        return older + newer
    return messages[-limit:]


def react(call: Call) -> None:
    """PUT one's reaction."""
    channel = call.channel()
    need(call, channel, "read_message_history")
    message = call.message(channel)
    emoji = unquote(call.params["emoji"])
    if emoji.isascii() and ":" not in emoji:
        raise Refusal(10014)
    if emoji not in message.reactions:
        need(call, channel, "add_reactions")
    call.chat.react(message, call.world.bot, emoji)


def unreact(call: Call) -> None:
    """DELETE one's reaction."""
    channel = call.channel()
    need(call, channel)
    emoji = unquote(call.params["emoji"])
    call.chat.react(call.message(channel), call.world.bot, emoji, on=False)


def typing(call: Call) -> None:
    """POST that the bot types."""
    channel = call.channel()
    need_to_write(call, channel)
    call.chat.type_in(channel, call.world.bot)


AT = "/channels/{channel_id}/messages"
ENDPOINTS = [
    Endpoint("GET", AT, history, "reads"),
    Endpoint("GET", AT + "/{message_id}", get, "reads"),
    Endpoint("PUT", AT + "/{message_id}/reactions/{emoji}/@me", react, "reactions"),
    Endpoint("DELETE", AT + "/{message_id}/reactions/{emoji}/@me", unreact, "reactions"),
    Endpoint("POST", "/channels/{channel_id}/typing", typing, "typing"),
]
