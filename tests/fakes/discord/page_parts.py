"""What hangs on a message: files, embeds, buttons, reactions, its thread."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from tests.fakes.discord.page_markdown import Name, markdown
from tests.fakes.discord.records import Message, StoredFile

ROW, BUTTON, SECTION, TEXT, GALLERY, FILE, LINE, CONTAINER = 1, 2, 9, 10, 12, 13, 14, 17
LINK = 5
BYTE_UNITS = ("bytes", "KB", "MB")


def files(message: Message) -> str:
    """Images in the flow, other files as cards."""
    return "".join(_file(file) for file in message.attachments)


def _file(file: StoredFile) -> str:
    name = escape(file.filename)
    if file.content_type.startswith("image/"):
        data = base64.b64encode(file.content).decode()
        return f'<img class="picture" alt="{name}" src="data:{file.content_type};base64,{data}">'
    ending = escape(file.filename.rsplit(".", 1)[-1][:4].upper())
    return (
        f'<div class="card"><span class="sheet">{ending}</span>'
        f"<span><a>{name}</a><small>{size(len(file.content))}</small></span></div>"
    )


def size(count: int) -> str:
    """A size as Discord shows it."""
    value, unit = float(count), BYTE_UNITS[0]
    for unit in BYTE_UNITS:
        if value < 1024 or unit == BYTE_UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == BYTE_UNITS[0] else f"{value:.2f} {unit}"


def embeds(message: Message, name: Name) -> str:
    """The embeds, each a card with its colour."""
    return "".join(_embed(embed, name) for embed in message.embeds)


def _embed(embed: dict[str, Any], name: Name) -> str:
    parts = []
    if embed.get("author"):
        parts.append(f"<div>{escape(embed['author']['name'])}</div>")
    if embed.get("title"):
        parts.append(f'<div class="title">{escape(embed["title"])}</div>')
    if embed.get("description"):
        parts.append(f'<div class="text">{markdown(embed["description"], name)}</div>')
    fields = [
        f'<div class="{"inline" if f.get("inline") else ""}"><b>{escape(f["name"])}</b>'
        f"{markdown(f['value'], name)}</div>"
        for f in embed.get("fields") or []
    ]
    if fields:
        parts.append(f'<div class="fields">{"".join(fields)}</div>')
    if embed.get("footer"):
        parts.append(f"<footer>{escape(embed['footer']['text'])}</footer>")
    colour = f"#{embed.get('color') or 0x1E1F22:06x}"
    return f'<div class="embed" style="border-color:{colour}">{"".join(parts)}</div>'


def components(parts: list[dict[str, Any]], name: Name) -> str:
    """Rows of buttons, menus, and the second kind of components."""
    return "".join(_component(part, name) for part in parts)


def _component(part: dict[str, Any], name: Name) -> str:
    kind = part["type"]
    inside = components(part.get("components") or [], name)
    if kind == ROW:
        return f'<div class="row">{inside}</div>'
    if kind == BUTTON:
        return _button(part)
    if kind == TEXT:
        return f'<div class="text">{markdown(part["content"], name)}</div>'
    if kind == SECTION:
        return f'<div class="row">{inside}{components([part["accessory"]], name)}</div>'
    if kind == CONTAINER:
        return f'<div class="box">{inside}</div>'
    if kind == LINE:
        return '<div class="line"></div>'
    if kind in (GALLERY, FILE):
        return ""
    chosen = part.get("placeholder") or "Make a selection"
    return f'<div class="select">{escape(chosen)}</div>'


def _button(part: dict[str, Any]) -> str:
    emoji = escape((part.get("emoji") or {}).get("name") or "")
    label = escape(part.get("label") or "") + (" ↗" if part.get("style") == LINK else "")
    off = " off" if part.get("disabled") else ""
    shown = "".join(f"<span>{text}</span>" for text in (emoji, label) if text)
    return f'<span class="button s{part.get("style", 2)}{off}">{shown}</span>'


def reactions(message: Message, viewer_id: int) -> str:
    """The reactions with their counts."""
    shown = "".join(
        f'<span class="reaction{" mine" if viewer_id in users else ""}">'
        f"{escape(emoji)} {len(users)}</span>"
        for emoji, users in message.reactions.items()
    )
    return f'<div class="row">{shown}</div>' if shown else ""


def thread(message: Message) -> str:
    """The thread that hangs on the message."""
    if message.thread is None:
        return ""
    count = len([m for m in message.thread.public() if m.kind != 21])
    noun = "Message" if count == 1 else "Messages"
    return f'<div class="thread"><b>{escape(message.thread.name)}</b><i>{count} {noun} ›</i></div>'
