"""Messages that a message passes on: who wrote them, and what they say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Payload = Mapping[str, Any]

_MARKS = ("is_share", "is_msg_unfurl", "message_blocks")


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody said elsewhere; author and text are in Slack's markup."""

    author: str
    markup: str


def quotes_of(message: Payload) -> tuple[Quote, ...]:
    """The messages that were forwarded with a message, or linked in it; other attachments are
    previews of pages, and cards of apps."""
    attachments: Sequence[Payload] = message.get("attachments") or ()
    shared = [one for one in attachments if any(one.get(mark) for mark in _MARKS)]
    found = [Quote(_author(one), _markup(one).strip()) for one in shared]
    return tuple(quote for quote in found if quote.markup)


def quoted(author: str, text: str) -> str:
    """A quote as Markdown."""
    return "\n".join(f"> {line}" for line in f"{author}: {text}".splitlines())


def _author(shared: Payload) -> str:
    name = shared.get("author_name") or shared.get("author_subname")
    if name:
        return str(name)
    return f"<@{shared['author_id']}>" if shared.get("author_id") else "somebody"


def _markup(shared: Payload) -> str:
    if shared.get("text"):
        return str(shared["text"])
    blocks = [part.get("message") or {} for part in shared.get("message_blocks") or ()]
    lines = [
        "".join(_leaves(element))
        for message in blocks
        for block in message.get("blocks") or ()
        for element in block.get("elements") or (block,)
    ]
    # A fallback begins with a date and a name, and is better than nothing.
    return "\n".join(lines) or str(shared.get("fallback") or "")


def _leaves(element: Payload) -> Iterator[str]:
    """The words of a block's element, those inside it in order."""
    match element.get("type"):
        case "user":
            yield f"<@{element.get('user_id')}>"
        case "channel":
            yield f"<#{element.get('channel_id')}>"
        case "emoji":
            yield f":{element.get('name')}:"
        case "link":
            yield str(element.get("text") or element.get("url") or "")
        case _:
            text = element.get("text")
            if isinstance(text, Mapping):
                yield from _leaves(text)
            elif text:
                yield str(text)
            for inner in element.get("elements") or ():
                yield from _leaves(inner)
