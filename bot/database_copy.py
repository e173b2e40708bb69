"""Moving a database to another one: every row of every table, counted and compared."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import ThreadlabError
from bot.store.nul import without_nul

ROWS_AT_ONCE = 500
VERSION_TABLES = "alembic_version_"


class CopyRefused(ThreadlabError):
    """The databases are not such that one can be copied to the other, or the copy differs."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A table, and how many rows of it were copied."""

    table: str
    rows: int


async def copy_database(source: AsyncEngine, target: AsyncEngine) -> list[Copied]:
    """Copy all rows. Both databases have their tables, at their newest, and nobody uses them.

    It is one transaction: the target has everything or nothing.

    Raises:
        CopyRefused: the target is not empty, or has not got every row as it was.
    """
    async with source.connect() as old, target.begin() as new:
        olds, news = await _tables(old), await _tables(new)
        if set(olds) != set(news):
            raise CopyRefused("The databases have different tables: upgrade both first.")
        await _refuse_full(new, list(news.values()))
        # Rows that others refer to come first.
        return [await _copy(old, olds[name], new, table) for name, table in news.items()]


async def _tables(db: AsyncConnection) -> dict[str, sa.Table]:
    found = sa.MetaData()
    await db.run_sync(found.reflect)
    return {t.name: t for t in found.sorted_tables if not t.name.startswith(VERSION_TABLES)}


async def _refuse_full(db: AsyncConnection, tables: Sequence[sa.Table]) -> None:
    for table in tables:
        if await db.scalar(sa.select(sa.literal(1)).select_from(table).limit(1)):
            raise CopyRefused(f"The target is not empty: there are rows in {table.name}.")


async def _copy(old: AsyncConnection, was: sa.Table, new: AsyncConnection, is_: sa.Table) -> Copied:
    _plain_nulls(is_)
    sent, copied = 0, 0
    async for rows in _batches(old, was, is_):
        await new.execute(sa.insert(is_), rows)
        sent += sum(map(_digest, rows))
        copied += len(rows)
    await _set_sequences(new, is_)
    kept, arrived = 0, 0
    async for rows in _batches(new, is_, is_):
        kept += sum(map(_digest, rows))
        arrived += len(rows)
    if (sent, copied) != (kept, arrived):
        raise CopyRefused(f"{is_.name}: {copied} rows were copied, and the copy is not the same.")
    return Copied(is_.name, copied)


def _plain_nulls(table: sa.Table) -> None:
    """Have a missing value stay NULL, rather than become JSON's null."""
    for column in table.columns:
        if isinstance(column.type, sa.JSON):
            column.type = sa.JSON(none_as_null=True)


async def _batches(
    db: AsyncConnection, table: sa.Table, like: sa.Table
) -> AsyncIterator[list[dict[str, Any]]]:
    """All rows of a table, with values as the columns of `like` take them."""
    stream = await db.stream(sa.select(table))
    async for rows in stream.mappings().partitions(ROWS_AT_ONCE):
        yield [{name: _value(like.c[name], row[name]) for name in like.c.keys()} for row in rows]  # noqa: SIM118


def _value(column: sa.Column[Any], value: Any) -> Any:
    if isinstance(value, datetime) and getattr(column.type, "timezone", False):
        # SQLite gives times back without their zone, PostgreSQL in the session's.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return without_nul(value)


def _digest(row: dict[str, Any]) -> int:
    """A number for a row's content; those of all rows are added up, as their order may differ."""
    content = repr([row[name] for name in sorted(row)]).encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:16])


async def _set_sequences(db: AsyncConnection, table: sa.Table) -> None:
    """Have the numbers that PostgreSQL gives out go on after the highest one."""
    column = table.autoincrement_column
    if db.dialect.name != "postgresql" or column is None:
        return
    sequence = sa.func.pg_get_serial_sequence(
        db.dialect.identifier_preparer.format_table(table), column.name
    )
    highest = sa.select(sa.func.max(column)).scalar_subquery()
    await db.execute(
        sa.select(sa.func.setval(sequence, highest)).where(
            highest.is_not(None), sequence.is_not(None)
        )
    )
