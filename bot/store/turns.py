"""Turns: which may run, what it answers, how it ended. The thread's order is kept here."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain import IncomingMessage, ThreadKey
from bot.events import Outcome
from bot.followups import Intent
from bot.store.fencing import still_ours
from bot.store.messages import from_row
from bot.store.patience import patiently
from bot.store.tables import messages, threads, turns


class TurnState(StrEnum):
    """How far a turn is."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


OVER = (TurnState.DONE, TurnState.FAILED, TurnState.STOPPED)


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer in the making, or made."""

    id: str
    key: ThreadKey
    state: TurnState
    generation: int
    reply_ref: str | None
    response_id: str | None
    stop_requested: bool
    outcome: Outcome | None
    notes: tuple[str, ...]
    created_at: float  # seconds since 1970


class Turns:
    """Queries on turns and the messages they answer. Each method is one transaction."""

    def __init__(self, database: AsyncEngine, *, patience_seconds: float = 0) -> None:
        self._database = database
        self._patience_seconds = patience_seconds

    async def get(self, turn_id: str) -> Turn:
        """The turn; KeyError where there is none."""
        query = sa.select(turns).where(turns.c.id == turn_id)
        async with self._database.connect() as db:
            row = (await db.execute(query)).mappings().one_or_none()
        if row is None:
            raise KeyError(turn_id)
        return Turn(
            id=row["id"],
            key=ThreadKey.parse(row["thread"]),
            state=TurnState(row["state"]),
            generation=row["generation"],
            reply_ref=row["reply_ref"],
            response_id=row["response_id"],
            stop_requested=row["stop_requested"],
            outcome=Outcome.from_json(row["outcome"]) if row["outcome"] else None,
            notes=tuple(row["notes"]),
            created_at=row["created_at"],
        )

    async def collect(self, turn_id: str) -> None:
        """Give the turn the messages it answers: the first that waits, and what the same author
        wrote after it before anybody else did; by the chat's time, as several workers may take
        them in in another order. Running it twice takes no message away; once the engine was
        asked it adds none, as the answer would not know of it."""
        thread = sa.select(turns.c.thread).where(turns.c.id == turn_id).scalar_subquery()
        never = turns.c.response_id.is_(None) & turns.c.outcome.is_(None)
        unasked = sa.exists().where(turns.c.id == turn_id, never)
        async with self._database.begin() as db:
            await still_ours(db, turn_id)
            free = (messages.c.turn_id.is_(None) & unasked) | (messages.c.turn_id == turn_id)
            query = (
                sa.select(messages.c.seq, messages.c.author_id, messages.c.turn_id)
                .where(messages.c.thread == thread, free, messages.c.withdrawn.is_(False))
                .order_by(messages.c.sent_at, messages.c.seq)
            )
            found = (await db.execute(query)).all()
            taken = [row.seq for row in found if row.turn_id is not None]
            # What comes late and was written before them is another turn's.
            first = next((n for n, row in enumerate(found) if row.turn_id is not None), 0)
            mine = leading_run([(row.seq, row.author_id) for row in found[first:]]) + taken
            await db.execute(
                sa.update(messages)
                .where(messages.c.seq.in_(mine), messages.c.withdrawn.is_(False))
                .values(turn_id=turn_id)
            )
            await db.execute(
                sa.update(turns).where(turns.c.id == turn_id).values(state=TurnState.RUNNING)
            )

    async def asked(self, turn_id: str) -> tuple[Intent | None, tuple[IncomingMessage, ...]]:
        """The messages that a turn answers, oldest first, and what they ask for together."""
        query = sa.select(messages).where(messages.c.turn_id == turn_id)
        query = query.order_by(messages.c.sent_at, messages.c.seq)
        async with self._database.connect() as db:
            rows = (await db.execute(query)).mappings().all()
        intents = {row["intent"] for row in rows}
        asks = Intent.ASK if Intent.ASK in intents else Intent.FILES
        return asks if intents else None, tuple(from_row(row) for row in rows)

    async def messages(self, turn_id: str) -> tuple[IncomingMessage, ...]:
        """The messages that a turn answers, oldest first."""
        return (await self.asked(turn_id))[1]

    async def update(self, turn_id: str, **values: Any) -> None:
        """Set columns of a turn; while the database is gone, this waits: what the engine said
        is nowhere else."""
        await patiently(partial(self._update, turn_id, values), seconds=self._patience_seconds)

    async def _update(self, turn_id: str, values: dict[str, Any]) -> None:
        async with self._database.begin() as db:
            await still_ours(db, turn_id)
            await db.execute(sa.update(turns).where(turns.c.id == turn_id).values(**values))

    async def settle(self, turn_id: str, state: TurnState) -> tuple[str | None, Outcome]:
        """End a turn and claim the thread's next one. Settling it again changes nothing.

        Args:
            turn_id: the turn, whose response the next question continues, unless the thread was
                reset meanwhile.
            state: one of OVER.

        Returns:
            The next turn's id, if a message waits; and the turn's outcome.
        """
        async with self._database.begin() as db:
            await still_ours(db, turn_id)
            mine = turns.c.id == turn_id
            ended = {"state": state, "finished_at": time.time()}
            first = await db.execute(
                sa.update(turns).where(mine, turns.c.state.not_in(OVER)).values(**ended)
            )
            turn = (await db.execute(sa.select(turns).where(mine))).one()
            outcome = Outcome.from_json(turn.outcome) if turn.outcome else Outcome()
            here = threads.c.key == turn.thread
            if not first.rowcount:
                return await db.scalar(sa.select(threads.c.running_turn).where(here)), outcome
            same = threads.c.generation == turn.generation
            chain = outcome.response_id or threads.c.last_response_id
            values = {
                "running_turn": None,
                "last_response_id": sa.case((same, chain), else_=threads.c.last_response_id),
            }
            await db.execute(sa.update(threads).where(here).values(**values))
            return await claim(db, turn.thread), outcome

    async def unsettled(self, limit: int) -> Sequence[str]:
        """Turns that are not over, oldest first."""
        query = (
            sa.select(turns.c.id)
            .where(turns.c.state.not_in(OVER))
            .order_by(turns.c.created_at)
            .limit(limit)
        )
        async with self._database.connect() as db:
            return (await db.scalars(query)).all()

    async def ended_before(self, turn_ids: Sequence[str], when: float) -> Sequence[str]:
        """Which of these turns were over before a time (seconds since 1970), or are gone."""
        needed = turns.c.state.not_in(OVER) | (turns.c.finished_at >= when)
        query = sa.select(turns.c.id).where(turns.c.id.in_(turn_ids), needed)
        async with self._database.connect() as db:
            kept = set(await db.scalars(query))
        return [turn_id for turn_id in turn_ids if turn_id not in kept]

    async def latest(self, key: ThreadKey) -> str | None:
        """The thread's newest turn that has begun to answer a question."""
        asks = sa.select(messages.c.turn_id).where(
            messages.c.thread == str(key), messages.c.intent == Intent.ASK
        )
        query = (
            sa.select(turns.c.id)
            .where(turns.c.thread == str(key), turns.c.state != TurnState.ACCEPTED)
            .where(turns.c.id.in_(asks))
            .order_by(turns.c.created_at.desc())
            .limit(1)
        )
        async with self._database.connect() as db:
            return await db.scalar(query)

    async def answered(self, key: ThreadKey, limit: int) -> Sequence[str]:
        """The thread's newest turns that the engine has answered, newest first."""
        query = (
            sa.select(turns.c.id)
            .where(turns.c.thread == str(key), turns.c.outcome.is_not(None))
            .order_by(turns.c.created_at.desc())
            .limit(limit)
        )
        async with self._database.connect() as db:
            return (await db.scalars(query)).all()

    async def context(self, key: ThreadKey, generation: int) -> tuple[int, int]:
        """How many questions the model's context has, and the input tokens of the last one."""
        mine = (turns.c.thread == str(key)) & (turns.c.generation == generation)
        answered = mine & turns.c.outcome["response_id"].as_string().is_not(None)
        tokens = turns.c.outcome["usage"]["input_tokens"].as_integer()
        last = sa.select(tokens).where(answered).order_by(turns.c.created_at.desc()).limit(1)
        count = sa.select(sa.func.count()).select_from(turns).where(answered)
        async with self._database.connect() as db:
            return await db.scalar(count) or 0, await db.scalar(last) or 0

    async def recent(self, key: ThreadKey, limit: int) -> Sequence[str]:
        """The thread's newest turns that are over, newest first."""
        query = (
            sa.select(turns.c.id)
            .where(turns.c.thread == str(key), turns.c.state.in_(OVER))
            .order_by(turns.c.created_at.desc())
            .limit(limit)
        )
        async with self._database.connect() as db:
            return (await db.scalars(query)).all()


async def claim(db: AsyncConnection, thread: str) -> str | None:
    """Make the turn of the first waiting message, if the thread is free; the turn's id."""
    here = threads.c.key == thread
    waits = sa.exists().where(
        messages.c.thread == thread,
        messages.c.turn_id.is_(None),
        messages.c.withdrawn.is_(False),
    )
    query = sa.select(threads.c.generation, threads.c.running_turn, waits.label("waits"))
    row = (await db.execute(query.where(here))).one()
    if row.running_turn is not None or not row.waits:
        return None
    turn_id = f"turn_{secrets.token_hex(8)}"
    await db.execute(
        sa.insert(turns).values(
            id=turn_id,
            thread=thread,
            state=TurnState.ACCEPTED,
            generation=row.generation,
            created_at=time.time(),
        )
    )
    await db.execute(sa.update(threads).where(threads.c.key == thread).values(running_turn=turn_id))
    return turn_id


def leading_run(waiting: Sequence[tuple[int, str]]) -> list[int]:
    """The numbers at the front of (number, author) pairs that share the first one's author."""
    mine: list[int] = []
    for seq, author in waiting:
        if author != waiting[0][1]:
            break
        mine.append(seq)
    return mine
