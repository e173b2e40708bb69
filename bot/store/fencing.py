"""Fencing: an execution of a turn that another worker has taken over changes nothing more.

Each execution has a token of its own, and the turn's row says which one counts. What an execution
does to the turn checks that in its own transaction. With one worker, on SQLite, there are no
tokens, and nothing is checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import turns


class TakenOver(asyncio.CancelledError):
    """Another worker has the turn: this execution ends as if it were cancelled, and leaves no
    trace of its end."""


@dataclass
class Execution:
    """One worker's work on one turn.

    `is_certain` says, without asking the database, that nobody can have taken the turn over yet.
    """

    token: str
    is_certain: Callable[[], bool]
    over: bool = False

    def is_ours(self) -> bool:
        """Whether the turn is still this execution's, as far as can be told from here."""
        return not self.over and self.is_certain()

    def end(self) -> None:
        """Note that the turn is another worker's. Raises TakenOver."""
        self.over = True
        raise TakenOver(self.token)


_current: ContextVar[Execution | None] = ContextVar("execution", default=None)


@contextmanager
def executing(execution: Execution) -> Iterator[None]:
    """Whatever runs in the block belongs to the execution."""
    before = _current.set(execution)
    try:
        yield
    finally:
        _current.reset(before)


def current() -> Execution | None:
    """The execution to which the running code belongs, if any."""
    return _current.get()


async def still_ours(db: AsyncConnection, turn_id: str) -> None:
    """Hold the turn's row until the transaction ends. Raises TakenOver where it isn't ours."""
    execution = _current.get()
    if execution is None:
        return
    query = sa.select(turns.c.execution).where(turns.c.id == turn_id).with_for_update()
    if await db.scalar(query) != execution.token:
        execution.end()


def is_certainly_ours() -> bool:
    """Whether no other worker can have the turn, asked without the database."""
    execution = _current.get()
    return execution is None or execution.is_ours()


def certainly_ours() -> None:
    """Check without the database, straight before something that can't be taken back.

    Raises:
        TakenOver: another worker has the turn, or may have it: this one has not been heard of for
            too long.
    """
    execution = _current.get()
    if execution is not None and not execution.is_ours():
        execution.end()
