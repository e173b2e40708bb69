"""What a person types, as Slack passes it on: escaped text, and the same as rich text."""

from __future__ import annotations

import re

from tests.fakes.slack.records import Json

_LINK = re.compile(r"(<(?:[@#][A-Z0-9|\w-]+|![\w^|-]+|https?://[^<>\s]+)>)")


def escaped(typed: str) -> str:
    """The text of the message: & < > escaped, except in links and mentions."""
    parts = _LINK.split(typed)
    return "".join(part if number % 2 else _escape(part) for number, part in enumerate(parts))


def rich_text(text: str) -> Json:
    """The rich_text block that goes with a message's (escaped) text."""
    elements: list[Json] = []
    for number, part in enumerate(_LINK.split(text)):
        if number % 2:
            elements.append(_link(part[1:-1]))
        elif part:
            elements.append({"type": "text", "text": _unescape(part)})
    section = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "block_id": "typed", "elements": [section]}


def _link(inner: str) -> Json:
    target, _, label = inner.partition("|")
    match target[0]:
        case "@":
            return {"type": "user", "user_id": target[1:]}
        case "#":
            return {"type": "channel", "channel_id": target[1:]}
        case "!":
            return {"type": "broadcast", "range": target[1:]}
    return {"type": "link", "url": target} | ({"text": label} if label else {})


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
