"""chat.startStream, appendStream, stopStream: a message that grows, and dies after 5 minutes."""

from __future__ import annotations

from typing import Any

from tests.fakes.slack import events
from tests.fakes.slack.agents import STATUSES
from tests.fakes.slack.blocks import check_message
from tests.fakes.slack.chat import checked_metadata, expire, keep, new_message
from tests.fakes.slack.growth import checked_chunks, grow
from tests.fakes.slack.methods import ApiError, Call, method
from tests.fakes.slack.records import Json, Message

# [facts: slack] a stream dies after about so long, even while active
STREAM_LIFE_SECONDS = 300.0
_GROWTH: dict[str, type] = {"markdown_text": str, "chunks": list}


@method(
    "chat.startStream",
    scope="chat:write",
    tier=2,
    required={"channel": str},
    optional=_GROWTH
    | {
        "thread_ts": str,
        "recipient_team_id": str,
        "recipient_user_id": str,
        "task_display_mode": str,
        "username": str,
        "icon_emoji": str,
        "icon_url": str,
    },
)
async def start(call: Call) -> Json:
    channel = call.channel()
    if channel.kind != "im":
        for name in ("recipient_user_id", "recipient_team_id"):
            if not call.get(name):
                raise ApiError(f"missing_{name}")
    recipient, team = call.get("recipient_user_id"), call.get("recipient_team_id")
    if recipient is not None and recipient not in call.slack.users:
        raise ApiError("user_not_found")
    if team is not None and team not in call.slack.teams:
        raise ApiError("team_not_found")
    if recipient is not None and team not in (None, call.slack.users[recipient].team):
        call.slack.violate(call.method, "recipient_team_id is not the recipient's own team")
    if call.get("task_display_mode", "plan") not in ("timeline", "plan", "dense"):
        raise ApiError("invalid_arguments", "task_display_mode")
    if channel.kind == "im" and call.get("thread_ts") is None:
        raise ApiError("invalid_arguments", "missing required field: thread_ts")
    growth = _growth(call)
    said: Json = {"plain": "", "blocks": [], "metadata": None}
    message = new_message(call, channel, call.thread(channel), said)
    message.streaming = True
    message.stream_ends_at = call.slack.clock.now() + STREAM_LIFE_SECONDS
    grow(message, growth)
    keep(call, channel, message)
    return {"channel": channel.id, "ts": message.ts}


@method(
    "chat.appendStream",
    scope="chat:write",
    tier=4,
    required={"channel": str, "ts": str},
    optional=_GROWTH,
)
async def append(call: Call) -> Json:
    message = _live(call)
    growth = _growth(call)
    if not growth:
        raise ApiError("no_text")
    grow(message, growth)
    return {"channel": message.channel, "ts": message.ts}


@method(
    "chat.stopStream",
    scope="chat:write",
    tier=2,
    required={"channel": str, "ts": str},
    optional=_GROWTH | {"blocks": list, "metadata": dict, "session_status": str},
)
async def stop(call: Call) -> Json:
    message = _live(call)
    growth = _growth(call)
    blocks = check_message(call.get("blocks") or [])
    metadata = checked_metadata(call.get("metadata"))
    status = call.get("session_status")
    if status is not None and status not in STATUSES:
        raise ApiError("invalid_arguments", "session_status")
    grow(message, growth, blocks)
    message.metadata = metadata
    message.streaming = False
    if status is not None:
        call.slack.sessions_of(message.channel, message.thread_ts).set_status(status)
    channel = call.slack.channels[message.channel]
    call.slack.tell(events.changed(call.slack, channel, message))
    return {
        "channel": message.channel,
        "ts": message.ts,
        "message": events.message_json(message),
    }


def _live(call: Call) -> Message:
    channel = call.channel()
    message = call.message(channel)
    if message.user != call.team.bot_user_id:
        raise ApiError("message_not_owned_by_app")
    expire(call.slack, message)
    if not message.streaming:
        raise ApiError("message_not_in_streaming_state")
    return message


def _growth(call: Call) -> list[Json]:
    chunks: list[Any] = list(call.get("chunks") or ())
    markdown = call.get("markdown_text")
    if markdown is not None and chunks:
        raise ApiError("invalid_arguments", "markdown_text and chunks exclude each other")
    if markdown:
        chunks = [{"type": "markdown_text", "text": markdown}]
    return checked_chunks(chunks)
