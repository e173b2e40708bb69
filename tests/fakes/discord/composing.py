"""Out of a request's body a message of the bot, where it may post one."""

from __future__ import annotations

import mimetypes
import re
from typing import Any
from urllib.parse import unquote

from tests.fakes.discord.call import Call
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

SETTABLE_FLAGS = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2
UNSAFE_IN_NAME = re.compile(r"[^\w.\-]+")


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
    if any(person.id in call.world.no_dms for person in channel.recipients):
        raise Refusal(50007)
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
        message.mentions = list(dict.fromkeys([*message.mentions, target.author]))


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
