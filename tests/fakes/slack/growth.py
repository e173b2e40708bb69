"""How a streamed message grows by chunks, and how much it may hold."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

from tests.fakes.slack.blocks import MARKDOWN_LIMIT, characters, check_message
from tests.fakes.slack.methods import ApiError
from tests.fakes.slack.records import Json, Message

_TASK_STATUSES = ("pending", "in_progress", "complete", "error")
_MOST_TASKS = 50
# Measured by others against the live API: text alone stops at some 12,000 characters; beside
# tasks at some 10,600 to 11,300 bytes of UTF-8 in which details and output count twice, and
# only once there is text. Slack documents neither.
_TEXT_CHARACTERS = 12_000
_BYTES_WITH_TASKS = 10_600


def checked_chunks(chunks: list[Any]) -> list[Json]:
    """The chunks of a call.

    Raises:
        ApiError: one is of no known form, or too long.
    """
    for chunk in chunks:
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
    return chunks


def grow(message: Message, chunks: list[Json], last: list[Json] | None = None) -> None:
    """Add chunks, and at the end blocks, to a message; all of it or nothing.

    Raises:
        ApiError: msg_too_long, or the second table.
    """
    grown = replace(message, tasks=deepcopy(message.tasks), pieces=deepcopy(message.pieces))
    for chunk in chunks:
        _add(grown, chunk)
    grown.blocks = [*message.blocks, *(last or ())]
    if sum(block["type"] in ("table", "data_table") for block in grown.all_blocks) > 1:
        raise ApiError("only_one_table_allowed")
    if _is_too_long(grown):
        raise ApiError("msg_too_long")
    message.streamed, message.plan_title = grown.streamed, grown.plan_title
    message.tasks, message.pieces, message.blocks = grown.tasks, grown.pieces, grown.blocks


def _is_too_long(message: Message) -> bool:
    if len(message.tasks) > _MOST_TASKS:
        return True
    shown = len(message.streamed) + sum(map(characters, message.all_blocks))
    if not message.tasks or not shown:
        return shown > _TEXT_CHARACTERS
    once = [message.plan_title or "", *(task["title"] for task in message.tasks.values())]
    twice = [
        task.get(part, "") for task in message.tasks.values() for part in ("details", "output")
    ]
    size_bytes = _bytes(message.streamed) + sum(map(_bytes, once)) + 2 * sum(map(_bytes, twice))
    return size_bytes + sum(map(characters, message.all_blocks)) > _BYTES_WITH_TASKS


def _bytes(text: str) -> int:
    return len(text.encode())


def _add(message: Message, chunk: Json) -> None:
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
            message.pieces.append({"blocks": check_message(chunk["blocks"])})


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
