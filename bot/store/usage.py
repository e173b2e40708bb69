"""The books: what each answer cost, one row a turn, and sums over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain import Author, ThreadKey
from bot.store.messages import insert_once
from bot.store.tables import usage


@dataclass(frozen=True, slots=True)
class Entry:
    """What a turn cost. `container_minutes` is what it was charged for the container, which
    lives since `container_since` (seconds since 1970, as `created_at`, when it was booked).

    `unpriced`: the price table lacks something, and the cost is more than `cost_usd`. `seq` is
    its place in the order of booking.
    """

    turn_id: str
    thread: str
    place: str
    workspace: str
    author_id: str
    author_name: str
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    code_runs: int
    container_id: str | None
    container_minutes: float
    container_since: float | None
    cost_usd: float
    unpriced: bool
    created_at: float
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose usage: of a workspace, and within it of a channel, a thread or a person."""

    workspace: str
    place: str | None = None
    thread: str | None = None
    author_id: str | None = None

    @classmethod
    def of_workspace(cls, key: ThreadKey) -> Scope:
        """The workspace in which a thread lies."""
        return cls(workspace_of(key))

    @classmethod
    def of_channel(cls, key: ThreadKey) -> Scope:
        """The channel in which a thread lies."""
        return cls(workspace_of(key), place=key.place)

    @classmethod
    def of_thread(cls, key: ThreadKey) -> Scope:
        """The thread."""
        return cls(workspace_of(key), place=key.place, thread=str(key))

    @classmethod
    def of_person(cls, key: ThreadKey, author: Author) -> Scope:
        """A person, all over the workspace in which a thread lies."""
        return cls(workspace_of(key), author_id=author.id)

    @property
    def rows(self) -> list[sa.ColumnElement[bool]]:
        """The conditions that its rows meet."""
        return [usage.c[name] == value for name, value in asdict(self).items() if value is not None]


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of entries. `unpriced` counts answers whose cost is not wholly known."""

    answers: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    code_runs: int = 0
    container_minutes: float = 0.0
    cost_usd: float = 0.0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """One person's part of a sum."""

    author_id: str
    author_name: str
    total: Total


class Ledger:
    """Queries on the books. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def add(self, entry: Entry) -> Entry:
        """Book a turn; one that is booked already stays as it is. As it stands in the books."""
        values = {name: value for name, value in asdict(entry).items() if name != "seq"}
        async with self._database.begin() as db:
            await insert_once(db, usage, **values)
            row = (await db.execute(_of_turn(entry.turn_id))).mappings().one()
        return _entry(row)

    async def get(self, turn_id: str) -> Entry | None:
        """A turn's entry."""
        async with self._database.connect() as db:
            row = (await db.execute(_of_turn(turn_id))).mappings().one_or_none()
        return None if row is None else _entry(row)

    async def container(self, container_id: str) -> tuple[float | None, float]:
        """Since when a container lives, None for a new one; and the minutes it was charged for."""
        minutes = sa.func.coalesce(sa.func.sum(usage.c.container_minutes), 0.0)
        query = sa.select(sa.func.min(usage.c.container_since), minutes)
        async with self._database.connect() as db:
            since, charged = (
                await db.execute(query.where(usage.c.container_id == container_id))
            ).one()
        return since, charged

    async def charge(self, container_id: str, minutes: float, cost_usd: float | None) -> None:
        """Add minutes of a container to the last answer that used it; without a price it counts
        as unpriced."""
        last = sa.select(sa.func.max(usage.c.seq)).where(usage.c.container_id == container_id)
        values: dict[str, Any] = {
            "container_minutes": usage.c.container_minutes + minutes,
            "cost_usd": usage.c.cost_usd + (cost_usd or 0.0),
        }
        if cost_usd is None:
            values["unpriced"] = True
        change = sa.update(usage).where(usage.c.seq == last.scalar_subquery()).values(**values)
        async with self._database.begin() as db:
            await db.execute(change)

    async def total(self, scope: Scope, since: float = 0) -> Total:
        """All of a scope since a time (seconds since 1970)."""
        query = sa.select(*_SUMS).where(*scope.rows, usage.c.created_at >= since)
        async with self._database.connect() as db:
            return _total((await db.execute(query)).mappings().one())

    async def spent(self, scope: Scope, since: float, *, until: Entry | None = None) -> float:
        """USD of a scope since a time; in the order of booking up to an entry, if given."""
        query = sa.select(sa.func.coalesce(sa.func.sum(usage.c.cost_usd), 0.0))
        query = query.where(*scope.rows, usage.c.created_at >= since)
        if until is not None:
            query = query.where(usage.c.seq <= until.seq)
        async with self._database.connect() as db:
            return float((await db.scalar(query)) or 0.0)

    async def shares(self, scope: Scope, since: float, *, limit: int) -> Sequence[Share]:
        """What each person used, those who cost most first."""
        name = sa.func.max(usage.c.author_name).label("author_name")
        query = (
            sa.select(usage.c.author_id, name, *_SUMS)
            .where(*scope.rows, usage.c.created_at >= since)
            .group_by(usage.c.author_id)
            .order_by(sa.desc("cost_usd"), sa.desc("input_tokens"), usage.c.author_id)
            .limit(limit)
        )
        async with self._database.connect() as db:
            rows = (await db.execute(query)).mappings().all()
        return [Share(row["author_id"], row["author_name"], _total(row)) for row in rows]


def workspace_of(key: ThreadKey) -> str:
    """The workspace that a thread lies in, as one string: its platform and its id."""
    return key.place.rpartition("/")[0]


def _of_turn(turn_id: str) -> sa.Select[Any]:
    return sa.select(usage).where(usage.c.turn_id == turn_id)


def _entry(row: Any) -> Entry:
    return Entry(**{**row, "thread": row["thread"] or ""})  # emptied where it was forgotten


def _sum(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(sa.func.sum(column), 0).label(name)


_SUMMED = (
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "code_runs",
    "container_minutes",
    "cost_usd",
)
_SUMS = (
    sa.func.count().label("answers"),
    *(_sum(usage.c[name], name) for name in _SUMMED),
    _sum(sa.cast(usage.c.unpriced, sa.Integer), "unpriced"),
)


def _total(row: Any) -> Total:
    return Total(**{column.name: row[column.name] for column in fields(Total)})
