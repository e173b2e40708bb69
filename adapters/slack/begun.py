"""What first mentions quote of their threads' beginnings: kept, as mentions may be edited later."""

from __future__ import annotations

import json
from collections.abc import Sequence

from adapters.slack.quotes import Quote
from adapters.slack.replies import BEGUN, Replies
from bot.domain import ThreadKey

_QUOTES = "quotes"


class Beginnings:
    """Reads and writes them, by thread and message."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies

    async def keep(self, key: ThreadKey, ts: str, quotes: Sequence[Quote]) -> None:
        """What a message quotes."""
        if quotes:
            kept = json.dumps([[quote.author, quote.markup] for quote in quotes])
            await self._replies.open(_id(key, ts), str(key))
            await self._replies.sent(_id(key, ts), {_QUOTES: kept})

    async def of(self, key: ThreadKey, ts: str) -> tuple[Quote, ...]:
        """The quotes of a message; most have none."""
        found = await self._replies.get(_id(key, ts))
        kept = json.loads(found.posts[_QUOTES]) if found and found.posts else []
        return tuple(Quote(str(author), str(markup)) for author, markup in kept)


def _id(key: ThreadKey, ts: str) -> str:
    return f"{BEGUN}{key}:{ts}"
