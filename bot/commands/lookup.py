"""Answers that commands name."""

from __future__ import annotations

from bot.domain import ThreadKey
from bot.store.turns import Turn, Turns

UNKNOWN_ANSWER = "There is no such answer in this thread."


async def turn_of(turns: Turns, key: ThreadKey, turn_id: str) -> Turn | None:
    """A turn of this thread, and of no other."""
    try:
        turn = await turns.get(turn_id)
    except KeyError:
        return None
    return turn if turn.key == key else None
