"""What is kept of each reply: where it is shown, and which of its posts were sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.slack.tables import replies

# What is kept besides turns is under ids of its own.
ORDER = "order:"  # of the answer to a command
ASKED = "asked:"  # where the question of a modal stands
BEGUN = "begun:"  # what a first mention quotes
_KINDS = (ORDER, ASKED, BEGUN)


@dataclass(frozen=True, slots=True)
class KeptReply:
    """A row of `slack_replies`."""

    turn_id: str
    ts: str | None
    begun: bool
    posts: Mapping[str, str]


class Replies:
    """Reads and writes them."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def open(self, turn_id: str, thread: str) -> KeptReply:
        """The row of a turn, made at the first call."""
        found = await self.get(turn_id)
        if found is not None:
            return found
        try:
            async with self._database.begin() as connection:
                values = {"turn_id": turn_id, "thread": thread, "begun": False, "posts": {}}
                await connection.execute(sa.insert(replies).values(**values))
        except IntegrityError:  # opened twice at the same moment
            pass
        return await self.get(turn_id) or KeptReply(turn_id, None, False, {})

    async def get(self, turn_id: str) -> KeptReply | None:
        """The row of a turn, or None."""
        async with self._database.connect() as connection:
            query = sa.select(replies).where(replies.c.turn_id == turn_id)
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        return KeptReply(turn_id, row["ts"], bool(row["begun"]), dict(row["posts"]))

    async def are_in(self, thread: str) -> bool:
        """Whether something was answered in a thread."""
        return bool(await self._of_turns(thread))

    async def are_open_in(self, thread: str) -> bool:
        """Whether an answer is shown in a thread that was not published yet, here or elsewhere."""
        return any(not posts for posts in await self._of_turns(thread))

    async def begin(self, turn_id: str) -> None:
        """A message is about to be posted: should a crash come now, it has to be looked for."""
        await self._update(turn_id, begun=True)

    async def shown(self, turn_id: str, ts: str | None) -> None:
        """Where the reply is shown now; None where it is gone."""
        await self._update(turn_id, ts=ts, begun=ts is not None)

    async def sent(self, turn_id: str, posts: Mapping[str, str]) -> None:
        """Which posts were sent, and where they are."""
        await self._update(turn_id, posts=dict(posts))

    async def forget(self, thread: str) -> None:
        """Nothing of a thread is kept any more."""
        async with self._database.begin() as connection:
            await connection.execute(sa.delete(replies).where(replies.c.thread == thread))

    async def _of_turns(self, thread: str) -> Sequence[Mapping[str, str]]:
        """The posts of each turn of a thread."""
        others = [~replies.c.turn_id.startswith(kind) for kind in _KINDS]
        query = sa.select(replies.c.posts).where(replies.c.thread == thread, *others)
        async with self._database.connect() as connection:
            return (await connection.execute(query)).scalars().all()

    async def _update(self, turn_id: str, **values: object) -> None:
        async with self._database.begin() as connection:
            query = sa.update(replies).where(replies.c.turn_id == turn_id).values(**values)
            await connection.execute(query)
