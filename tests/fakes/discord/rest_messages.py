"""Messages, reactions and typing over REST."""

from __future__ import annotations

import mimetypes
import re
from typing import Any
from urllib.parse import unquote

from tests.fakes.discord.permissions import may
from tests.fakes.discord.records import (
    CATEGORY,
    COMPONENTS_V2,
    FORUM,
    LOADING,
    REPLY,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    THREAD_STARTER,
    Channel,
    Message,
    StoredFile,
)
from tests.fakes.discord.refusal import Refusal, bad_form
from tests.fakes.discord.rules import check_message
from tests.fakes.discord.server import Call, Endpoint

SETTABLE_FLAGS = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2
UNSAFE_IN_NAME = re.compile(r"[^\w.\-]+")
HISTORY_LIMIT = 100


def need(call: Call, channel: Channel, *names: str) -> None:
    """50001 where the bot cannot see the channel, 50013 where it may not do this in it."""
    if not may(call.world.bot, channel, "view_channel"):
        raise Refusal(50001)
    if names and not may(call.world.bot, channel, *names):
        raise Refusal(50013)


def need_to_write(call: Call, channel: Channel) -> None:
    """Whether the bot may post here, now."""
    if channel.kind in (FORUM, CATEGORY):
        raise Refusal(50008)
    need(call, channel, "send_messages_in_threads" if channel.thread else "send_messages")
    if channel.thread is not None and channel.thread.archived:
        raise Refusal(50083)
    if channel.thread is not None and channel.thread.locked:
        need(call, channel, "manage_threads")


def uploads(call: Call, channel: Channel, listed: list[dict[str, Any]] | None) -> list[StoredFile]:
    """The request's files, kept on the CDN; 40005 for one over the limit."""
    world = call.world
    named = {str(entry["id"]): entry for entry in listed or []}
    stored = []
    for index, upload in sorted(call.files.items()):
        if len(upload.content) > channel.file_limit_bytes:
            raise Refusal(40005)
        entry = named.get(str(index), {})
        name = unquote(entry.get("filename") or upload.filename).rsplit("/", 1)[-1]
        name = UNSAFE_IN_NAME.sub("_", name) or "file"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = StoredFile(
            world.ids.next(), channel.id, name, upload.content, kind, entry.get("description")
        )
        stored.append(world.cdn.keep(file))
    return stored


def embeds_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Embeds as Discord gives them back."""
    return [{"type": "rich"} | embed for embed in body.get("embeds") or []]


def is_empty(message: Message) -> bool:
    """Whether there is nothing to show."""
    return not (message.content or message.embeds or message.attachments or message.components)


def create(call: Call) -> Any:
    """POST a message; the same nonce again gives back the first one."""
    world, channel = call.world, call.channel()
    need_to_write(call, channel)
    check_message(call.body, len(call.files), world.effects)
    repeated = known_nonce(call)
    if repeated is not None:
        call.repeated, call.message_id = True, repeated.id
        if repeated.channel is not channel:
            world.effects.complain(f"nonce {call.body['nonce']} was used in another channel")
        return call.chat.shown(repeated) | {"nonce": call.body["nonce"]}
    message = compose(call, channel)
    reference = call.body.get("message_reference")
    if reference:
        answer_to(call, message, reference)
    if call.files:
        need(call, channel, "attach_files")
        message.attachments = uploads(call, channel, call.body.get("attachments"))
    if is_empty(message):
        raise Refusal(50006)
    remember_nonce(call, message)
    call.message_id = message.id
    call.chat.post(message)
    nonce = {} if message.nonce is None else {"nonce": message.nonce}
    return call.chat.shown(message) | nonce


def compose(call: Call, channel: Channel) -> Message:
    """The bot's message out of the body, without its files."""
    body = call.body
    message = call.chat.new(
        channel,
        call.world.bot,
        body.get("content") or "",
        embeds=embeds_of(body) if may(call.world.bot, channel, "embed_links") else [],
        components=numbered(body.get("components") or []),
        flags=(body.get("flags") or 0) & SETTABLE_FLAGS,
        nonce=body.get("nonce"),
    )
    silence(message, body.get("allowed_mentions"))
    return message


def silence(message: Message, allowed: dict[str, Any] | None) -> None:
    """Only the mentions that are allowed ping."""
    parse = ["users", "roles", "everyone"] if allowed is None else allowed.get("parse") or []
    named = {int(user) for user in (allowed or {}).get("users") or []}
    everyone = "@everyone" in message.content or "@here" in message.content
    message.mentions_everyone = everyone and "everyone" in parse
    if "users" not in parse:
        message.mentions = [user for user in message.mentions if user.id in named]


def numbered(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Components with the ids that Discord gives them."""
    count = iter(range(1, 1000))

    def number(part: dict[str, Any]) -> dict[str, Any]:
        inner = (
            {"components": [number(p) for p in part["components"]]} if "components" in part else {}
        )
        return {"id": next(count)} | part | inner

    return [number(part) for part in components]


def answer_to(call: Call, message: Message, reference: dict[str, Any]) -> None:
    """Makes the message a reply."""
    if not may(call.world.bot, message.channel, "read_message_history"):
        raise Refusal(160002)
    target = message.channel.messages.get(int(reference["message_id"]))
    if target is None:
        if reference.get("fail_if_not_exists", True):
            raise bad_form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return
    if target.kind == THREAD_STARTER:
        raise bad_form("message_reference", "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "System.")
    message.kind, message.reference = REPLY, target
    if (call.body.get("allowed_mentions") or {"replied_user": True}).get("replied_user"):
        message.mentions.append(target.author)


def known_nonce(call: Call) -> Message | None:
    """The message that was made with this nonce in the past minutes."""
    nonce = call.body.get("nonce")
    if nonce is None or not call.body.get("enforce_nonce"):
        return None
    at, message = call.world.nonces.get(str(nonce), (0.0, None))
    recent = call.world.clock.now() - at < call.world.limits.nonce_seconds
    return message if recent else None


def remember_nonce(call: Call, message: Message) -> None:
    """Keeps the nonce for a while."""
    if message.nonce is not None:
        call.world.nonces[str(message.nonce)] = (call.world.clock.now(), message)


def edit(call: Call) -> Any:
    """PATCH one's own message."""
    world, channel = call.world, call.channel()
    need(call, channel)
    message = call.message(channel)
    if message.author is not world.bot:
        raise Refusal(50005)
    if channel.thread is not None and channel.thread.archived:
        raise Refusal(50083)
    if world.clock.now() - message.created_at > world.limits.old_edit_seconds:
        count_old_edit(call, channel)
    change(call, message)
    return call.chat.shown(message)


def count_old_edit(call: Call, channel: Channel) -> None:
    """30046 [discord.py shows it as a 429] once the channel's old edits are used up."""
    used = call.world.old_edits.get(channel.id, 0)
    if used >= call.world.limits.old_edits:
        text = "Maximum number of edits to messages older than 1 hour reached. Try again later."
        raise Refusal(30046, status=429, message=text, retry_after=0.01)
    call.world.old_edits[channel.id] = used + 1


def change(call: Call, message: Message) -> None:
    """Puts the body's fields in place of the message's."""
    body = call.body
    loading = message.loading
    check_message(body | {"flags": body.get("flags") or message.flags}, len(call.files),
                  call.world.effects)  # fmt: skip
    before = message.content
    if "content" in body:
        fresh = call.chat.new(message.channel, message.author, body["content"] or "")
        silence(fresh, body.get("allowed_mentions"))
        message.content, message.mentions = fresh.content, fresh.mentions
    if "embeds" in body:
        message.embeds = embeds_of(body)
    if "components" in body:
        message.components = numbered(body["components"] or [])
    if body.get("flags") is not None:
        message.flags = (message.flags & ~SUPPRESS_EMBEDS) | (body["flags"] & SETTABLE_FLAGS)
    added = uploads(call, message.channel, body.get("attachments"))
    if "attachments" in body:
        kept = {int(entry["id"]) for entry in body["attachments"] or []}
        message.attachments = [file for file in message.attachments if file.id in kept]
    message.attachments += added
    message.flags &= ~LOADING
    if is_empty(message):
        raise Refusal(50006)
    call.chat.edited(message, before, counts=not loading)


def delete(call: Call) -> None:
    """DELETE a message: one's own, or with Manage Messages another's."""
    channel = call.channel()
    need(call, channel)
    message = call.message(channel)
    if message.author is not call.world.bot:
        need(call, channel, "manage_messages")
    call.chat.delete(message)


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
        older = [m for m in messages if m.id < middle][-(limit // 2) :]
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
    Endpoint("POST", AT, create, "messages"),
    Endpoint("GET", AT, history, "reads"),
    Endpoint("GET", AT + "/{message_id}", get, "reads"),
    Endpoint("PATCH", AT + "/{message_id}", edit, "edits"),
    Endpoint("DELETE", AT + "/{message_id}", delete, "deletes"),
    Endpoint("PUT", AT + "/{message_id}/reactions/{emoji}/@me", react, "reactions"),
    Endpoint("DELETE", AT + "/{message_id}/reactions/{emoji}/@me", unreact, "reactions"),
    Endpoint("POST", "/channels/{channel_id}/typing", typing, "typing"),
]
