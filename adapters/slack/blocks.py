"""Block Kit for answers: text, tables, notes, buttons, feedback, steps. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from adapters.slack.grids import first_grid
from adapters.slack.mrkdwn import escaped, mrkdwn
from bot.domain import Action, CodeRun, Post, RunState

Block = dict[str, Any]

DO = "threadlab_do"
FEEDBACK = "threadlab_feedback"
EVENT_TYPE = "threadlab_post"
MORE_CODE = "# … the rest is under the button Code"
ASIDE = "aside"  # what a message carries that is no answer

_FALLBACK_CHARS = 150
_NOTE_CHARS = 3_000
_NOTES_MAX = 10
_LABEL_CHARS = 75
_TITLE_CHARS = 100
_STATUSES = {
    RunState.WRITING: "pending",
    RunState.RUNNING: "in_progress",
    RunState.DONE: "complete",
    RunState.FAILED: "error",
    RunState.STOPPED: "error",
}
_VERBS = {
    RunState.WRITING: "Writing code",
    RunState.RUNNING: "Running code",
    RunState.DONE: "Ran code",
    RunState.FAILED: "Code that failed",
    RunState.STOPPED: "Code that was stopped",
}
_CONFIRMED = {"reset": "The container and its variables go; the files stay."}


def body(text: str, *, tables: bool = True) -> list[Block]:
    """A text's blocks: Markdown, and its first table as Slack's own."""
    grid = first_grid(text) if tables else None
    if grid is None:
        return _markdown(text)
    return [*_markdown(grid.before), grid.as_block(), *_markdown(grid.after)]


def tail(post: Post, thread: str, *, feedback: bool) -> list[Block]:
    """What stands under an answer's text: notes, buttons, and whether it helped."""
    blocks = notes(post.notes)
    if post.actions:
        blocks.append(buttons(post.actions, thread, primary="again" if post.failed else ""))
        if feedback and not post.failed:
            blocks.append(_feedback(post.id.rpartition(":")[0], thread))
    return blocks


def notes(sentences: Sequence[str]) -> list[Block]:
    """Sentences in small print."""
    shown = [mrkdwn(sentence)[:_NOTE_CHARS] for sentence in sentences if sentence.strip()]
    return [
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": note} for note in shown[n : n + _NOTES_MAX]],
        }
        for n in range(0, len(shown), _NOTES_MAX)
    ]


def buttons(
    actions: Sequence[Action], thread: str, *, primary: str = "", once: bool = False
) -> Block:
    """Buttons that give commands in a thread; `once` those that are of no use afterwards."""
    return {
        "type": "actions",
        "elements": [
            _button(action, thread, f"{DO}_{number}", primary == action.command, once)
            for number, action in enumerate(actions[:25])
        ],
    }


def given_command(value: str) -> tuple[str, str, str]:
    """The command, its arguments and the thread in a button's value."""
    found = json.loads(value)
    return str(found["command"]), str(found["arguments"]), str(found["thread"])


def is_once(value: str) -> bool:
    """Whether a button is of no use once it has done something."""
    return bool(json.loads(value).get("once"))


def metadata(post_id: str) -> dict[str, Any]:
    """What a message carries so that it can be found again."""
    return {"event_type": EVENT_TYPE, "event_payload": {"post": post_id}}


def post_of(message: dict[str, Any]) -> str | None:
    """The post that a message carries, if it is one of ours."""
    found = message.get("metadata") or {}
    if found.get("event_type") != EVENT_TYPE:
        return None
    post = found.get("event_payload", {}).get("post")
    return str(post) if post else None


def fallback(text: str) -> str:
    """What a notification says of a message."""
    line = " ".join(text.split())
    short = line if len(line) <= _FALLBACK_CHARS else line[: _FALLBACK_CHARS - 1] + "…"
    return escaped(short) or "Threadlab"


def step(run: CodeRun) -> Block:
    """A code run as a step of the answer, without its code and output."""
    return {
        "type": "task_update",
        "id": run.id,
        "title": f"{_VERBS[run.state]}{_purpose(run.code)}"[:_TITLE_CHARS],
        "status": _STATUSES[run.state],
    }


def cut(content: str, limit_chars: int, more: str = "…") -> str:
    """Code or output, as many whole lines as fit; of a line that does not fit, its beginning.
    `more` ends what is cut."""
    if len(content) <= limit_chars:
        return content
    short = content[: max(0, limit_chars - len(more))]
    lines = short.rpartition("\n")[0]
    return f"{lines}\n{more}" if lines.strip() else f"{short}{more}"


def fenced(content: str, limit_chars: int, language: str = "", more: str = "…") -> str:
    """Code or output between fences that it can't close itself, cut at the limit."""
    content = cut(content.rstrip(), limit_chars, more)
    longest = max((len(run) for run in _backticks(content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def _markdown(text: str) -> list[Block]:
    return [{"type": "markdown", "text": text}] if text.strip() else []


def _button(action: Action, thread: str, action_id: str, primary: bool, once: bool) -> Block:
    value: dict[str, Any] = {
        "command": action.command,
        "arguments": action.arguments,
        "thread": thread,
    }
    if once:
        value["once"] = True
    button: Block = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": action.label[:_LABEL_CHARS]},
        "value": json.dumps(value),
    }
    if primary:
        button["style"] = "primary"
    if action.command in _CONFIRMED:
        button["confirm"] = {
            "title": {"type": "plain_text", "text": f"{action.label}?"},
            "text": {"type": "plain_text", "text": _CONFIRMED[action.command]},
            "confirm": {"type": "plain_text", "text": action.label[:30]},
            "deny": {"type": "plain_text", "text": "Cancel"},
        }
    return button


def _feedback(turn_id: str, thread: str) -> Block:
    def side(label: str, verdict: str) -> Block:
        value = {"command": "feedback", "arguments": f"{turn_id} {verdict}", "thread": thread}
        return {"text": {"type": "plain_text", "text": label}, "value": json.dumps(value)}

    return {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": FEEDBACK,
                "positive_button": side("Good answer", "good"),
                "negative_button": side("Bad answer", "bad"),
            }
        ],
    }


def _purpose(code: str) -> str:
    """The comment with which code begins, as models and planners like to; else its length."""
    first = code.lstrip().partition("\n")[0]
    words = first.lstrip("# ").strip() if first.startswith("#") else ""
    lines = len(code.strip().splitlines())
    counted = f", {lines} line{'' if lines == 1 else 's'}" if lines else ""
    return f": {escaped(words)}" if words else counted


def _backticks(content: str) -> list[str]:
    return [run for run in "".join(c if c == "`" else " " for c in content).split() if run]
