"""The app's home: what the bot is for, recent threads, usage, settings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.slack.blocks import Block
from adapters.slack.menus import state_of
from adapters.slack.mrkdwn import escaped, mrkdwn
from adapters.slack.teams import Team
from adapters.slack.titles import titled
from bot.commands.hello import CAPABILITIES
from bot.domain import ContainerState, ThreadSummary

SETTINGS_BUTTON = "threadlab_home_settings"
_TITLE_CHARS = 120
_THREADS_MAX = 40  # two blocks each, of a hundred
_SECTION_CHARS = 3_000
_DOTS = {
    ContainerState.RUNNING: ":large_green_circle:",
    ContainerState.EXPIRED: ":white_circle:",
    ContainerState.NONE: ":white_circle:",
}


def home_view(
    team: Team, threads: Sequence[ThreadSummary], usage: str, *, admin: bool, note: str = ""
) -> dict[str, Any]:
    """The home tab of somebody.

    Args:
        team: their workspace.
        threads: their threads with the bot, the newest first.
        usage: what the command `usage` says, as Markdown.
        admin: whether they may change settings.
        note: what the operator's engine says of itself.
    """
    blocks = [_header("Threadlab"), _section(escaped(CAPABILITIES))]
    if note:
        blocks.append({"type": "context", "elements": [_mrkdwn(escaped(note))]})
    blocks += [{"type": "divider"}, _header("Your threads")]
    if threads:
        shown = threads[:_THREADS_MAX]
        blocks += [block for thread in shown for block in _thread(team, thread)]
    else:
        blocks.append(_section("None yet. Mention me in a channel, or write to me in *Messages*."))
    if usage:
        blocks += [{"type": "divider"}, _header("Usage"), _section(mrkdwn(usage))]
    if admin:
        blocks += [{"type": "divider"}, _header("Settings"), _settings()]
    return {"type": "home", "blocks": blocks[:100]}


def _thread(team: Team, thread: ThreadSummary) -> list[Block]:
    title = titled(thread.title, _TITLE_CHARS, "Files without a question")
    key, view = thread.key, thread.workspace
    where = "Direct message" if key.channel.startswith("D") else f"<#{key.channel}>"
    link = f"<{team.link(key.channel, key.thread)}|{escaped(title)}>"
    files = f"{view.file_count} file{'' if view.file_count == 1 else 's'}"
    dot = ":large_yellow_circle:" if thread.busy else _DOTS[view.state]
    line = [where, _when(thread.last_active_at), f"{dot} {state_of(thread)}", files]
    return [
        _section(f"*{link}*"),
        {"type": "context", "elements": [_mrkdwn("  ·  ".join(line))]},
    ]


def _when(at: datetime) -> str:
    """A moment as each reader's own clock shows it."""
    otherwise = f"{at:%Y-%m-%d %H:%M} UTC"
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}}, {{time}}|{otherwise}>"


def _settings() -> Block:
    text = "Model, memory, budgets, who may ask: for each channel."
    button = {
        "type": "button",
        "action_id": SETTINGS_BUTTON,
        "text": {"type": "plain_text", "text": "Change a channel's settings"},
    }
    return _section(text) | {"accessory": button}


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text[:_SECTION_CHARS])}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}
