"""What people thought of answers: one word a person and turn, the last one counts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import Author
from bot.store.tables import feedback, turns


@dataclass(frozen=True, slots=True)
class Opinions:
    """How many found answers good, and how many bad."""

    good: int = 0
    bad: int = 0


class Feedback:
    """Queries on opinions. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def give(self, turn_id: str, author: Author, *, good: bool) -> None:
        """A person's opinion of a turn, in place of an earlier one."""
        mine = (feedback.c.turn_id == turn_id) & (feedback.c.author_id == author.id)
        values = {"turn_id": turn_id, "author_id": author.id}
        async with self._database.begin() as db:
            await db.execute(sa.delete(feedback).where(mine))
            await db.execute(
                sa.insert(feedback).values(**values, good=good, created_at=time.time())
            )

    async def count(self, below: str) -> Opinions:
        """All opinions of a thread (its key), a channel or a workspace (how its keys begin)."""
        here = (turns.c.thread == below) | turns.c.thread.startswith(f"{below}/", autoescape=True)
        query = (
            sa.select(feedback.c.good, sa.func.count())
            .join(turns, turns.c.id == feedback.c.turn_id)
            .where(here)
            .group_by(feedback.c.good)
        )
        async with self._database.connect() as db:
            counted = {good: count for good, count in await db.execute(query)}
        return Opinions(good=counted.get(True, 0), bad=counted.get(False, 0))
