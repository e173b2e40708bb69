"""Opening the database and bringing its schema up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from psycopg.types.string import StrDumperUnknown
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.errors import SettingsError
from bot.store.tables import threads

CORE_MIGRATIONS = Path(__file__).parent / "migrations"

CONNECTIONS_MAX = 10
CONNECT_SECONDS = 10
# A process that is paused in a transaction would hold its locks until it is woken.
IDLE_TRANSACTION_SECONDS = 10
# One number for all of Threadlab's migrations, of the core and of adapters.
MIGRATION_LOCK = 7_468_726_561


def open_database(
    where: Path | str, *, timeout_seconds: float, connections_max: int = CONNECTIONS_MAX
) -> AsyncEngine:
    """The core's database: SQLite in WAL mode, where a commit survives a power cut; or PostgreSQL.

    Args:
        where: the file of an SQLite database, whose folder must exist; or the address of a
            PostgreSQL database.
        timeout_seconds: how long a statement waits for another writer.
        connections_max: connections to PostgreSQL.
    """
    if isinstance(where, str):
        options = _postgresql(timeout_seconds, connections_max)
        engine = create_async_engine(postgresql_url(where), **options)
        _drop_nul(engine.sync_engine)
        return engine
    engine = create_async_engine(f"sqlite+aiosqlite:///{where}")
    set_durable(engine.sync_engine, timeout_seconds=timeout_seconds)
    return engine


def open_blocking(
    where: Path | str, *, timeout_seconds: float, connections_max: int = CONNECTIONS_MAX
) -> sa.Engine:
    """The same database for a library that runs in threads of its own."""
    if isinstance(where, str):
        options = _postgresql(timeout_seconds, connections_max)
        return sa.create_engine(postgresql_url(where), **options)
    engine = sa.create_engine(f"sqlite:///{where}")
    set_durable(engine, timeout_seconds=timeout_seconds)
    return engine


def postgresql_url(address: str) -> sa.URL:
    """The address with our driver's name in it."""
    return sa.make_url(address).set(drivername="postgresql+psycopg")


class _WithoutNul(StrDumperUnknown):
    """Texts as PostgreSQL takes them: it has no room for the character NUL, which people and
    programs may write."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", ""))


def _drop_nul(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def adapt(_connection: Any, record: Any) -> None:
        record.driver_connection.adapters.register_dumper(str, _WithoutNul)


def _postgresql(timeout_seconds: float, connections_max: int) -> dict[str, Any]:
    limits = {
        "lock_timeout": timeout_seconds,
        "idle_in_transaction_session_timeout": IDLE_TRANSACTION_SECONDS,
    }
    return {
        "pool_size": connections_max,
        "max_overflow": 0,
        "pool_timeout": timeout_seconds,
        "pool_pre_ping": True,  # the server may have been restarted
        "connect_args": {
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value * 1000:.0f}" for name, value in limits.items()),
        },
    }


def set_durable(engine: sa.Engine, *, timeout_seconds: float) -> None:
    """Set WAL, synchronous FULL and foreign keys on each connection of an SQLite engine.

    A transaction takes the write lock with its first INSERT, UPDATE or DELETE, and waits for it;
    what it read before that may have changed, as on PostgreSQL.

    Args:
        engine: the engine, before its first connection.
        timeout_seconds: how long a statement waits for another writer.
    """

    @sa.event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        # The default, a deferred BEGIN, fails instead of waiting when two write.
        connection.isolation_level = "IMMEDIATE"
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(timeout_seconds * 1000)}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # What is deleted is overwritten, so that forgetting a thread leaves nothing in the file.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()


async def upgrade(
    engine: AsyncEngine, *, name: str = "core", migrations: Path = CORE_MIGRATIONS
) -> None:
    """Run a package's migrations to their newest.

    Args:
        engine: the database.
        name: whose tables these are; each package has a version table of its own.
        migrations: a folder with `versions/` in it.
    """
    async with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # Of several workers that start together, one does it.
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        await connection.run_sync(_upgrade, name, migrations)
        await connection.commit()


def _upgrade(connection: sa.Connection, name: str, migrations: Path) -> None:
    config = Config()
    # One env.py serves every package; only the versions differ.
    config.set_main_option("script_location", str(CORE_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("version_locations", str(migrations / "versions").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = f"alembic_version_{name}"
    command.upgrade(config, "head")


async def upgrade_all(engine: AsyncEngine, packages: Iterable[tuple[str, Path]]) -> None:
    """Bring the core's tables, then each adapter's, up to date.

    Raises:
        SettingsError: the database can't be reached, or lets us in but not make tables.
    """
    try:
        await upgrade(engine)
        for name, migrations in packages:
            await upgrade(engine, name=name, migrations=migrations)
    except (OperationalError, ProgrammingError) as error:
        raise SettingsError(
            f"The database {engine.url.render_as_string()} can't be used: {reason_of(error)}"
        ) from error


def reason_of(error: DBAPIError) -> str:
    """What the database says went wrong, in one line."""
    return " ".join(str(error.orig).split())


def ensure_folder(path: Path) -> None:
    """Make a private folder where it is missing."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)


async def ensure_folders(*paths: Path) -> None:
    """Make private folders without blocking the loop."""
    for path in paths:
        await asyncio.to_thread(ensure_folder, path)


async def probe(engine: AsyncEngine) -> None:
    """See that the database can be written to; raises where it can't. Changes nothing."""
    nothing = sa.update(threads).where(sa.false()).values(generation=threads.c.generation)
    async with engine.begin() as db:
        await db.execute(nothing)
