"""Messages written over REST: posted, edited, deleted."""

from __future__ import annotations

from typing import Any

from tests.fakes.discord.call import Call, Endpoint
from tests.fakes.discord.composing import (
    answer_to,
    change,
    compose,
    is_empty,
    need,
    need_to_write,
    uploads,
)
from tests.fakes.discord.records import Channel, Message
from tests.fakes.discord.refusal import Refusal
from tests.fakes.discord.rules import check_message


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
    if call.files:
        need(call, channel, "attach_files")
    change(call, message)
    return call.chat.shown(message)


def count_old_edit(call: Call, channel: Channel) -> None:
    """30046 [discord.py shows it as a 429] once the channel's old edits are used up."""
    used = call.world.old_edits.get(channel.id, 0)
    if used >= call.world.limits.old_edits:
        text = "Maximum number of edits to messages older than 1 hour reached. Try again later."
        raise Refusal(30046, status=429, message=text, retry_after=0.01)
    call.world.old_edits[channel.id] = used + 1


def delete(call: Call) -> None:
    """DELETE a message: one's own, or with Manage Messages another's."""
    channel = call.channel()
    need(call, channel)
    message = call.message(channel)
    if message.author is not call.world.bot:
        need(call, channel, "manage_messages")
    call.chat.delete(message)


AT = "/channels/{channel_id}/messages"
ENDPOINTS = [
    Endpoint("POST", AT, create, "messages"),
    Endpoint("PATCH", AT + "/{message_id}", edit, "edits"),
    Endpoint("DELETE", AT + "/{message_id}", delete, "deletes"),
]
