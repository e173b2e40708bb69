"""Menus: the thread that a command is for, and values that an argument may have. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from adapters.slack.blocks import Block
from adapters.slack.mrkdwn import escaped
from adapters.slack.titles import titled
from bot.commands.files import BUTTONS_MAX
from bot.domain import Action, ContainerState, ThreadSummary
from bot.ports import Choice, CommandSpec

PICK = "threadlab_pick"
COMPLETE = "threadlab_complete"
AMONG = "threadlab_among"  # the same in a message that stays
TOO_LONG = "That is too long to be kept in a menu. In the thread, write `@Threadlab {command} …`."
NOTHING_RUNS = "Nothing is being worked on in your threads here."
NO_THREADS = (
    "You have no thread with me in this conversation yet. Mention me in a message to begin one."
)

_OPTION_CHARS = 75
_VALUE_CHARS = 150
_MINUTES, _HOURS, _DAYS = 60, 24, 14
ARGUMENTS_CHARS = 100  # a block's id has 255
STATES = {
    ContainerState.NONE: "no container",
    ContainerState.RUNNING: "container awake",
    ContainerState.EXPIRED: "container ended",
}
AT_WORK = "at work"


def thread_menu(command: str, arguments: str, threads: Sequence[ThreadSummary]) -> list[Block]:
    """A select of threads for a command."""
    now = datetime.now(UTC)
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
                    {"text": _plain(thread_label(thread, now)), "value": thread.key.thread}
                    for thread in threads
                ],
            },
        }
    ]


def picked_command(block_id: str) -> tuple[str, str]:
    """The command and its arguments of a menu."""
    command, arguments = json.loads(block_id)
    return str(command), str(arguments)


def thread_label(thread: ThreadSummary, now: datetime) -> str:
    """A thread in a line: its beginning, when it was used, and what goes on there."""
    when = f"{ago(thread.last_active_at, now)}, {state_of(thread)}"
    title = titled(thread.title, _OPTION_CHARS - len(when) - 3, "files only")
    return f"{title} · {when}"


def state_of(thread: ThreadSummary) -> str:
    """Whether a thread is being worked on; else what its container does."""
    return AT_WORK if thread.busy else STATES[thread.workspace.state]


def left_open(specs: Sequence[CommandSpec], command: str, arguments: str) -> str | None:
    """The argument that was not given, where the core can suggest its values: `files get`."""
    spec = next((spec for spec in specs if spec.name == command), None)
    given = len(arguments.split())
    if spec is None or not 0 < given < len(spec.arguments):
        return None
    following = spec.arguments[given]
    takes_none = arguments.split()[0] == "zip"  # of all files
    return following.name if following.completes and not takes_none else None


def more_menu(specs: Sequence[CommandSpec], actions: Sequence[Action], thread: str) -> list[Block]:
    """A select beside buttons that may not be all there could be: of files, the newest have one."""
    begun = [(action.command, action.arguments.partition(" ")[0]) for action in actions]
    for command, arguments in dict.fromkeys(begun):
        missing = left_open(specs, command, arguments)
        if missing is not None and begun.count((command, arguments)) >= BUTTONS_MAX:
            return value_menu(command, arguments, missing, thread, action_id=AMONG)
    return []


def value_menu(
    command: str, arguments: str, argument: str, thread: str, *, action_id: str = COMPLETE
) -> list[Block]:
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
                "action_id": action_id,
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


def ago(at: datetime, now: datetime) -> str:
    """How long ago something was: menus know nobody's time zone."""
    minutes = max(0, int((now - at).total_seconds() // 60))
    if minutes < _MINUTES:
        return f"{minutes} min ago" if minutes else "just now"
    hours = minutes // _MINUTES
    if hours < _HOURS:
        return f"{hours} h ago"
    days = hours // _HOURS
    return f"{days} day{'' if days == 1 else 's'} ago" if days < _DAYS else f"{at.day} {at:%b}"


def _id(*parts: str) -> str:
    """What a menu has to remember, in its block's id."""
    return json.dumps(parts, ensure_ascii=False)


def _plain(text: str) -> Block:
    short = text if len(text) <= _OPTION_CHARS else text[: _OPTION_CHARS - 1] + "…"
    return {"type": "plain_text", "text": short}
