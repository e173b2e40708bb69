"""An answer's code runs in a message that is no stream (any more): Slack's plan block. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.slack.blocks import MORE_CODE, Block, cut, step
from adapters.slack.outgoing_text import neutral
from adapters.slack.settings import SlackSettings
from bot.domain import CodeRun

_MESSAGE_CHARS = 13_000  # of all blocks [facts: slack]


def title_of(runs: Sequence[CodeRun]) -> str:
    """What stands above the steps once the answer has ended."""
    return f"Ran code {len(runs)} times" if len(runs) > 1 else "Ran code" if runs else ""


def plan_of(settings: SlackSettings, runs: Sequence[CodeRun], others_chars: int) -> list[Block]:
    """The steps as a block; none where there is no room for them.

    Args:
        settings: how much of a run is shown.
        runs: the code runs.
        others_chars: how long the rest of the message is.
    """
    tasks = [_task(run) for run in runs[: settings.slack_steps]]
    left = _MESSAGE_CHARS - others_chars - sum(len(task["title"]) for task in tasks)
    if not tasks or left < 0:
        return []
    left = min(left, settings.slack_steps_bytes)
    for task, run in zip(tasks, runs, strict=False):
        for name, content, limit_chars, more in (
            ("details", run.code, settings.slack_code_chars, MORE_CODE),
            ("output", run.logs, settings.slack_log_chars, "…"),
        ):
            shown = neutral(cut(content.rstrip(), limit_chars, more))
            if shown.strip() and len(shown) <= left:
                left -= len(shown)
                task[name] = _preformatted(shown)
    return [{"type": "plan", "title": title_of(runs), "tasks": tasks}]


def _task(run: CodeRun) -> Block:
    shown = step(run)
    return {
        "type": "task_card",
        "task_id": shown["id"],
        "title": shown["title"],
        "status": shown["status"],
    }


def _preformatted(text: str) -> Block:
    words = {"type": "text", "text": text}
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [words]}],
    }
