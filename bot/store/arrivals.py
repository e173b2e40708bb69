"""What people write, as it arrives: accepted once, changed or withdrawn while it waits."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain import IncomingMessage, ThreadKey
from bot.followups import Followups, Intent, intent_of
from bot.markup import without_code
from bot.store.messages import as_row, insert_once
from bot.store.tables import messages, participants, threads, turns
from bot.store.turns import OVER, claim

TITLE_CHARACTERS_MAX = 80


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of a message: `intent` None where it is known already or not for us; the turn
    to start, if the thread was idle."""

    intent: Intent | None = None
    turn_id: str | None = None


class Arrivals:
    """Queries on arriving messages. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def accept(self, message: IncomingMessage, rule: Followups) -> Arrival:
        """Commit a message, if it is for us; who wrote is noted in any case."""
        async with self._database.begin() as db:
            if not message.addressed.overheard:
                await _begin(db, message.key)
            elif not await _ours(db, message.key):
                return Arrival()
            people = await _join(db, message)
            intent = intent_of(message, people=people, ours=True, rule=rule)
            if intent is None:
                return Arrival()
            if not await insert_once(db, messages, **as_row(message), intent=intent):
                return Arrival()
            await _touch(db, message)
            return Arrival(intent, await claim(db, str(message.key)))

    async def revise(self, key: ThreadKey, message_id: str, text: str) -> bool:
        """Give a waiting message its new text; False where it waits no more."""
        return await self._change(key, message_id, text=text)

    async def withdraw(self, key: ThreadKey, message_id: str) -> bool:
        """Take a waiting message back; False where it waits no more."""
        return await self._change(key, message_id, withdrawn=True)

    async def desert(self, key: ThreadKey, message_id: str) -> str | None:
        """A message was deleted while it was answered: the turn, where it has no other, which is
        then to be stopped."""
        mine = (messages.c.thread == str(key)) & (messages.c.id == message_id)
        async with self._database.begin() as db:
            gone = sa.update(messages).where(mine).values(withdrawn=True)
            turn_id = await db.scalar(gone.returning(messages.c.turn_id))
            others = sa.exists().where(
                messages.c.turn_id == turn_id, messages.c.withdrawn.is_(False)
            )
            running = (turns.c.id == turn_id) & turns.c.state.not_in(OVER)
            stop = sa.update(turns).where(running, ~others).values(stop_requested=True)
            stopped: str | None = await db.scalar(stop.returning(turns.c.id))
        return stopped

    async def _change(self, key: ThreadKey, message_id: str, **values: object) -> bool:
        mine = (messages.c.thread == str(key)) & (messages.c.id == message_id)
        waiting = messages.c.turn_id.is_(None) & messages.c.withdrawn.is_(False)
        async with self._database.begin() as db:
            change = sa.update(messages).where(mine, waiting).values(**values)
            return bool((await db.execute(change)).rowcount)


async def _begin(db: AsyncConnection, key: ThreadKey) -> None:
    """Have the thread: one that is erased at this very moment begins anew."""
    while not await _ours(db, key):
        await insert_once(db, threads, key=str(key), created_at=time.time())


async def _ours(db: AsyncConnection, key: ThreadKey) -> bool:
    """Whether the thread is known; it is not erased before the transaction ends."""
    query = sa.select(threads.c.key).where(threads.c.key == str(key)).with_for_update()
    return await db.scalar(query) is not None


async def _join(db: AsyncConnection, message: IncomingMessage) -> set[str]:
    """Note who wrote; everybody who has."""
    thread = str(message.key)
    for author_id in sorted({message.author.id, *message.others}):  # else two may lock each other
        await insert_once(db, participants, thread=thread, author_id=author_id)
    query = sa.select(participants.c.author_id).where(participants.c.thread == thread)
    return set(await db.scalars(query))


async def _touch(db: AsyncConnection, message: IncomingMessage) -> None:
    title = sa.case((threads.c.title == "", _title(message)), else_=threads.c.title)
    values = {
        "place": message.key.place,
        "title": title,
        "last_active_at": time.time(),
        "last_message_id": message.id,
    }
    await db.execute(sa.update(threads).where(threads.c.key == str(message.key)).values(**values))


def _title(message: IncomingMessage) -> str:
    words = without_code(message.text)
    if not words and message.attachments:
        words = message.attachments[0].name
    return words if len(words) <= TITLE_CHARACTERS_MAX else f"{words[: TITLE_CHARACTERS_MAX - 1]}…"
