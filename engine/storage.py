"""SQLite under the data folder: what is known of files, containers, responses and their events."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from engine.errors import NotFound

Result = TypeVar("Result")
Order = Literal["asc", "desc"]

BUSY_TIMEOUT_SECONDS = 30.0

# `seq` orders a list as its rows were made, also within one second.
SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, filename TEXT NOT NULL,
    purpose TEXT NOT NULL, bytes INTEGER NOT NULL, created_at REAL NOT NULL, expires_at REAL
);
CREATE TABLE IF NOT EXISTS containers (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    memory_limit TEXT NOT NULL, idle_minutes INTEGER NOT NULL, created_at REAL NOT NULL,
    last_active_at REAL NOT NULL, expired INTEGER NOT NULL DEFAULT 0, data_dir TEXT
);
CREATE TABLE IF NOT EXISTS container_files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, container_id TEXT NOT NULL,
    path TEXT NOT NULL, source TEXT NOT NULL, bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    created_at REAL NOT NULL, UNIQUE (container_id, path)
);
CREATE TABLE IF NOT EXISTS responses (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at REAL NOT NULL,
    finished_at REAL, status TEXT NOT NULL, background INTEGER NOT NULL, stored INTEGER NOT NULL,
    previous_id TEXT, container_id TEXT, question TEXT NOT NULL, body TEXT NOT NULL,
    input TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS responses_by_status ON responses (status);
CREATE TABLE IF NOT EXISTS events (
    response_id TEXT NOT NULL, sequence_number INTEGER NOT NULL, type TEXT NOT NULL,
    payload TEXT NOT NULL, PRIMARY KEY (response_id, sequence_number)
) WITHOUT ROWID;
"""


class Database:
    """One SQLite connection on a thread of its own: each call is one transaction, in call order."""

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine-database")
        self._connection = self._thread.submit(_connect, path).result()
        self.folder = path.parent.resolve()

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do `work` in one transaction; an exception rolls it back."""

        def transaction() -> Result:
            with self._connection:
                return work(self._connection)

        return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)

    async def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query; the query bounds their number."""
        return await self.run(lambda connection: connection.execute(sql, values).fetchall())

    async def row(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""

        def first(connection: sqlite3.Connection) -> sqlite3.Row | None:
            found: sqlite3.Row | None = connection.execute(sql, values).fetchone()
            return found

        return await self.run(first)

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run one statement; the number of rows it changed."""
        return await self.run(lambda connection: connection.execute(sql, values).rowcount)

    async def close(self) -> None:
        """Finish what was asked and close."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    # A power cut may lose the last commits, never the file: responses can be asked again.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(SCHEMA)
    return connection


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page of a list a client asks for; `after` is the id of the last object it has."""

    limit: int = 20
    order: Order = "desc"
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of rows, and whether more follow."""

    rows: Sequence[sqlite3.Row]
    has_more: bool


async def read_page(
    database: Database, table: str, query: PageQuery, where: str = "1", values: Sequence[Any] = ()
) -> Page:
    """One page of a table's rows, ordered by their making.

    Arguments:
        table, where: SQL of our own, never a client's text.
        values: what the placeholders of `where` stand for.

    Raises:
        NotFound: `after` names no object of this list.
    """

    def work(connection: sqlite3.Connection) -> Page:
        condition, bound = where, list(values)
        if query.after is not None:
            cursor = f"SELECT seq FROM {table} WHERE id = ? AND {where}"  # noqa: S608
            last = connection.execute(cursor, [query.after, *values]).fetchone()
            if last is None:
                raise NotFound(f"No object with id '{query.after}' in this list.", param="after")
            condition = f"{where} AND seq {'>' if query.order == 'asc' else '<'} ?"
            bound.append(last["seq"])
        sql = f"SELECT * FROM {table} WHERE {condition} ORDER BY seq {query.order} LIMIT ?"  # noqa: S608
        rows = connection.execute(sql, [*bound, query.limit + 1]).fetchall()
        return Page(rows[: query.limit], len(rows) > query.limit)

    return await database.run(work)
