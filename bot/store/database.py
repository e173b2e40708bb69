"""Opening the database and bringing its schema up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

CORE_MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(path: Path, *, timeout_seconds: float) -> AsyncEngine:
    """The core's database: SQLite in WAL mode, where a commit survives a power cut.

    Args:
        path: the database file; its folder must exist.
        timeout_seconds: how long a statement waits for another writer.
    """
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    set_durable(engine.sync_engine, timeout_seconds=timeout_seconds)
    return engine


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
    """Bring the core's tables, then each adapter's, up to date."""
    await upgrade(engine)
    for name, migrations in packages:
        await upgrade(engine, name=name, migrations=migrations)


def ensure_folder(path: Path) -> None:
    """Make a private folder where it is missing."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)


async def ensure_folders(*paths: Path) -> None:
    """Make private folders without blocking the loop."""
    for path in paths:
        await asyncio.to_thread(ensure_folder, path)
