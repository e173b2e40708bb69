"""Menus: the thread that a command is for, and values that an argument may have. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from adapters.slack.blocks import Block
from adapters.slack.mrkdwn import escaped
from bot.domain import ContainerState, ThreadSummary
from bot.ports import Choice

PICK = "threadlab_pick"
COMPLETE = "threadlab_complete"
TOO_LONG = "That is too long to be kept in a menu. In the thread, write `@Threadlab {command} …`."
NO_THREADS = (
    "You have no thread with me in this conversation yet. Mention me in a message to begin one."
)

_OPTION_CHARS = 75
_VALUE_CHARS = 150
ARGUMENTS_CHARS = 100  # a block's id has 255
STATES = {
    ContainerState.NONE: "no container",
    ContainerState.RUNNING: "running",
    ContainerState.EXPIRED: "container ended",
}


def thread_menu(command: str, arguments: str, threads: Sequence[ThreadSummary]) -> list[Block]:
    """A select of threads for a command."""
    shown = f"`{escaped(command)}`"
    return [
        {
            "type": "section",
            "block_id": _id(command, arguments),
            "text": {"type": "mrkdwn", "text": f"Which thread is {shown} for?"},
            "accessory": {
                "type": "static_select",
                "action_id": PICK,
                "placeholder": _plain("Your threads here"),
                "options": [
                    {"text": _plain(thread_label(thread)), "value": thread.key.thread}
                    for thread in threads
                ],
            },
        }
    ]


def picked_command(block_id: str) -> tuple[str, str]:
    """The command and its arguments of a menu."""
    command, arguments = json.loads(block_id)
    return str(command), str(arguments)


def thread_label(thread: ThreadSummary) -> str:
    """A thread in a line: its beginning, when it was used, and its container."""
    state = STATES[thread.workspace.state]
    when = f"{day(thread.last_active_at)}, {state}"
    room = _OPTION_CHARS - len(when) - 3
    title = " ".join(thread.title.split()) or "files only"
    title = title if len(title) <= room else title[: room - 1] + "…"
    return f"{title} · {when}"


def value_menu(command: str, arguments: str, argument: str, thread: str) -> list[Block]:
    """A select whose values the core suggests while somebody types."""
    return [
        {
            "type": "section",
            "block_id": _id(command, arguments, argument, thread),
            "text": {
                "type": "mrkdwn",
                "text": f"`{escaped(f'{command} {arguments}'.strip())}`: which {argument}?",
            },
            "accessory": {
                "type": "external_select",
                "action_id": COMPLETE,
                "placeholder": _plain(f"Pick a {argument}"),
                "min_query_length": 0,
            },
        }
    ]


def value_of(block_id: str) -> tuple[str, str, str, str]:
    """The command, its arguments so far, the argument in question, and the thread."""
    command, arguments, argument, thread = json.loads(block_id)
    return str(command), str(arguments), str(argument), str(thread)


def options(choices: Sequence[Choice]) -> list[Block]:
    """Suggested values; those too long for Slack are left out."""
    return [
        {"text": _plain(choice.label), "value": choice.value}
        for choice in choices
        if 0 < len(choice.value) <= _VALUE_CHARS
    ]


def day(at: datetime) -> str:
    """A date, short."""
    return f"{at.day} {at:%b}"


def _id(*parts: str) -> str:
    """What a menu has to remember, in its block's id."""
    return json.dumps(parts, ensure_ascii=False)


def _plain(text: str) -> Block:
    short = text if len(text) <= _OPTION_CHARS else text[: _OPTION_CHARS - 1] + "…"
    return {"type": "plain_text", "text": short}
