"""A thread, a modal and a home tab as pages that look like Slack's, for screenshots."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.slack.block_html import Names, blocks, task
from tests.fakes.slack.icons import FLASK
from tests.fakes.slack.mrkdwn import emoji, markdown, mrkdwn, plain
from tests.fakes.slack.records import File, Message, View

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack

_CSS = (Path(__file__).parent / "page.css").read_text()
_COLOURS = ("#3f51b5", "#c2185b", "#00796b", "#e65100", "#5d4037", "#6a1b9a")
_KINDS = {"csv": "#2e7d32", "xlsx": "#2e7d32", "pdf": "#c62828", "json": "#455a64", "py": "#1565c0"}
_UNITS = ((2**20, "MB"), (2**10, "kB"), (1, "bytes"))


def thread(slack: FakeSlack, channel_id: str, ts: str, viewer: str | None = None) -> str:
    """A thread as a page; with what only `viewer` sees, if given."""
    channel, names = slack.channels[channel_id], _names(slack)
    shown = slack.thread(channel_id, ts)
    private = [m for m in channel.ephemeral if viewer and m.only_for == viewer]
    if channel.kind != "im":
        private = [m for m in private if m.thread_ts in (None, ts)]
    rows = [_message(slack, message, names) for message in shown[:1]]
    if len(shown) > 1:
        word = "reply" if len(shown) == 2 else "replies"
        rows.append(f'<div class="replies">{len(shown) - 1} {word}</div>')
    later = sorted([*shown[1:], *private], key=lambda message: float(message.ts))
    rows += [_message(slack, message, names) for message in later]
    rows.append(_status(slack, channel_id, ts))
    title = slack.sessions_of(channel_id, ts).title
    where = "Threadlab" if channel.kind == "im" else f"# {escape(channel.name)}"
    head = f'<div class="bar">{escape(title or "Thread")} <small>{where}</small></div>'
    composer = '<div class="composer">Reply…</div>'
    return _page(f'{head}<div class="messages">{"".join(rows)}</div>{composer}')


def modal(slack: FakeSlack, view: View) -> str:
    """A modal as a page."""
    body, names = view.body, _names(slack)
    close = (body.get("close") or {"text": "Cancel"})["text"]
    foot = f'<span class="button">{plain(close)}</span>'
    if body.get("submit"):
        foot += f'<span class="button primary">{plain(body["submit"]["text"])}</span>'
    return _page(
        f'<div class="shade"><div class="modal"><div class="head">{plain(body["title"]["text"])}'
        f'</div><div class="inside">{blocks(body["blocks"], names)}</div>'
        f'<div class="foot">{foot}</div></div></div>'
    )


def home(slack: FakeSlack, view: View) -> str:
    """An App Home tab as a page."""
    tabs = '<div class="tabs"><span class="on">Home</span><span>Messages</span><span>About</span>'
    shown = blocks(view.body["blocks"], _names(slack))
    return _page(f'<div class="bar">Threadlab</div>{tabs}</div><div class="home">{shown}</div>')


def _page(body: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Slack</title>'
        f"<style>{_CSS}</style></head><body>{body}</body></html>"
    )


def _names(slack: FakeSlack) -> Names:
    channels = {channel.id: channel.name for channel in slack.channels.values()}
    return channels | {user.id: user.name for user in slack.users.values()}


def _message(slack: FakeSlack, message: Message, names: Names) -> str:
    user = slack.users[message.user]
    badge = '<span class="app">APP</span>' if user.is_bot else ""
    at = datetime.fromtimestamp(float(message.ts), UTC).strftime("%H:%M")
    edited = ' <span class="edited">(edited)</span>' if message.edited else ""
    only = '<div class="only">◉ Only visible to you</div>' if message.only_for else ""
    name = escape(message.username or user.name)
    return (
        f'{only}<div class="message" data-ts="{message.ts}">{_avatar(user.id, user.name, badge)}'
        f'<div class="body"><div><span class="name">{name}</span>{badge}'
        f'<span class="time">{at}</span></div>{_content(message, names)}{edited}'
        f"{''.join(_file(file) for file in message.files)}{_reactions(message)}</div></div>"
    )


def _avatar(user_id: str, name: str, badge: str) -> str:
    colour = "#1f2a44" if badge else _COLOURS[sum(user_id.encode()) % len(_COLOURS)]
    shown = FLASK if badge else escape(name[:1])
    return f'<div class="avatar" style="background:{colour}">{shown}</div>'


def _content(message: Message, names: Names) -> str:
    parts = []
    if message.plan_title:
        parts.append(f'<div class="plan">{plain(message.plan_title)}</div>')
    for piece in message.pieces:
        if "markdown" in piece:
            parts.append(f'<div class="text">{markdown(piece["markdown"], names)}</div>')
        elif "task" in piece:
            parts.append(task(message.tasks[piece["task"]], names))
        else:
            parts.append(blocks(piece["blocks"], names))
    parts.append(blocks(message.blocks, names))
    if message.broken:
        parts.append('<div class="small">⚠ This response was interrupted.</div>')
    if message.streaming:
        parts.append('<span class="caret"></span>')
    if not message.blocks and not message.pieces and message.plain:
        parts.append(f'<div class="text">{mrkdwn(message.plain, names)}</div>')
    return "".join(parts)


def _file(file: File) -> str:
    if file.mode in ("tombstone", "hidden_by_limit"):
        return '<div class="file"><div>This file was deleted or is hidden.</div></div>'
    if file.mimetype.startswith("image/"):
        data = base64.b64encode(file.read()).decode()
        source = f"data:{file.mimetype};base64,{data}"
        label = f'<div class="small">{escape(file.title)} ▾</div>'
        return f'{label}<img class="image" src="{source}" alt="{escape(file.name)}">'
    suffix = Path(file.name).suffix.removeprefix(".")[:5]
    colour = _KINDS.get(suffix, "#1264a3")
    icon = f'<i style="background:{colour}">{escape(suffix.upper() or "FILE")}</i>'
    size = f'<span class="small">{_size(file.size_bytes)}</span>'
    return f'<div class="file">{icon}<div><b>{escape(file.title)}</b>{size}</div></div>'


def _size(size_bytes: int) -> str:
    factor, unit = next((one for one in _UNITS if size_bytes >= one[0]), _UNITS[-1])
    return f"{size_bytes / factor:.3g} {unit}" if factor > 1 else f"{size_bytes} {unit}"


def _reactions(message: Message) -> str:
    shown = [
        f"<span>{emoji(name)} {len(users)}</span>"
        for name, users in message.reactions.items()
        if users
    ]
    return f'<div class="reactions">{"".join(shown)}</div>' if shown else ""


def _status(slack: FakeSlack, channel: str, ts: str) -> str:
    session, status = slack.sessions_of(channel, ts), slack.status(channel, ts)
    stoppable = session.status == "processing" and "agent_session_stopped" in slack.events
    stop = '<span class="button stop">◼ Stop</span>' if stoppable else ""
    words = f"Threadlab {escape(status)}" if status else ""
    return f'<div class="status"><span>{words}</span>{stop}</div>' if words or stop else ""
