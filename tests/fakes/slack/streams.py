"""chat.startStream, appendStream, stopStream: a message that grows, and dies after 5 minutes."""

from __future__ import annotations

from typing import Any

from tests.fakes.slack import events
from tests.fakes.slack.agents import STATUSES
from tests.fakes.slack.blocks import MARKDOWN_LIMIT, TOTAL_LIMIT, characters, check_message
from tests.fakes.slack.chat import checked_metadata, keep, new_message
from tests.fakes.slack.methods import ApiError, Call, method
from tests.fakes.slack.records import Json, Message

# [facts: slack] a stream dies after about so long, even while active
STREAM_LIFE_SECONDS = 300.0
_TASK_STATUSES = ("pending", "in_progress", "complete", "error")
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
    if call.get("task_display_mode", "plan") not in ("timeline", "plan", "dense"):
        raise ApiError("invalid_arguments", "task_display_mode")
    if channel.kind == "im" and call.get("thread_ts") is None:
        raise ApiError("invalid_arguments", "missing required field: thread_ts")
    growth = _growth(call)
    said: Json = {"plain": "", "blocks": [], "metadata": None}
    message = new_message(call, channel, call.thread(channel), said)
    message.streaming = True
    message.stream_ends_at = call.slack.clock.now() + STREAM_LIFE_SECONDS
    _grow(message, growth)
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
    _grow(message, growth)
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
    if len(message.streamed) + _length(growth) + sum(map(characters, blocks)) > TOTAL_LIMIT:
        raise ApiError("msg_blocks_too_long")
    _grow(message, growth)
    message.blocks = [*message.blocks, *blocks]
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
    if message.streaming and call.slack.clock.now() >= message.stream_ends_at:
        message.streaming = False
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
    for chunk in chunks:
        _check_chunk(chunk)
    return chunks


def _check_chunk(chunk: Any) -> None:
    match chunk:
        case {"type": "markdown_text", "text": str(text)}:
            if len(text) > MARKDOWN_LIMIT:
                raise ApiError("msg_too_long")
        case {"type": "task_update", "id": str(), "title": str(title), "status": str(status)}:
            if status not in _TASK_STATUSES or not title:
                raise ApiError("invalid_chunks", "task_update")
        case {"type": "plan_update", "title": str()}:
            pass
        case {"type": "blocks", "blocks": list(blocks)}:
            check_message(blocks)
        case _:
            raise ApiError("invalid_chunks", str(chunk)[:100])


def _length(chunks: list[Json]) -> int:
    return sum(len(chunk["text"]) for chunk in chunks if chunk["type"] == "markdown_text")


def _grow(message: Message, chunks: list[Json]) -> None:
    if len(message.streamed) + _length(chunks) > TOTAL_LIMIT:
        raise ApiError("msg_too_long")
    for chunk in chunks:
        match chunk["type"]:
            case "markdown_text":
                message.streamed += chunk["text"]
                if message.pieces and "markdown" in message.pieces[-1]:
                    message.pieces[-1]["markdown"] += chunk["text"]
                else:
                    message.pieces.append({"markdown": chunk["text"]})
            case "task_update":
                _update_task(message, chunk)
            case "plan_update":
                message.plan_title = chunk["title"]
            case "blocks":
                blocks = check_message(chunk["blocks"])
                message.pieces.append({"blocks": blocks})


def _update_task(message: Message, chunk: Json) -> None:
    if chunk["id"] not in message.tasks:
        message.pieces.append({"task": chunk["id"]})
    given = {key: value for key, value in chunk.items() if key != "type" and value is not None}
    task = message.tasks.setdefault(chunk["id"], {})
    # details and output of a task are streamed too: a later update adds to them
    for name in ("details", "output"):
        if name in given and name in task:
            given[name] = task[name] + given[name]
    task.update(given)
