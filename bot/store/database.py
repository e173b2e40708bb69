"""Opening the database and bringing its schema up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import SettingsError
from bot.store.nul import TextWithoutNul, to_json
from bot.store.refusals import in_a_sentence, shown
from bot.store.tables import threads

CORE = "core"
CORE_MIGRATIONS = Path(__file__).parent / "migrations"

# One number for all of Threadlab's migrations, of the core and of adapters.
MIGRATION_LOCK = 7_468_726_561

PROBES = 2  # of a connection in which nothing is sent


@dataclass(frozen=True, slots=True)
class Limits:
    """Of connections to PostgreSQL: how many there are, how long one may take to be made, how
    long a transaction may stand still, and how long the server may be silent. A process that is
    paused in a transaction would hold its locks until it is woken."""

    connections_max: int = 10
    connect_seconds: int = 10
    idle_transaction_seconds: float = 10.0
    silence_seconds: int = 20


def open_database(
    where: Path | str, *, timeout_seconds: float, limits: Limits = Limits()
) -> AsyncEngine:
    """The core's database: SQLite in WAL mode, where a commit survives a power cut; or PostgreSQL.

    Args:
        where: the file of an SQLite database, whose folder must exist; or the address of a
            PostgreSQL database.
        timeout_seconds: how long a statement waits for another writer.
        limits: of connections to PostgreSQL.
    """
    if isinstance(where, str):
        options = _postgresql(timeout_seconds, limits)
        engine = create_async_engine(postgresql_url(where), **options)
        _drop_nul(engine.sync_engine)
        return engine
    engine = _OneWriter(create_async_engine(f"sqlite+aiosqlite:///{where}").sync_engine)
    set_durable(engine.sync_engine, timeout_seconds=timeout_seconds)
    return engine


class _OneWriter(AsyncEngine):
    """Transactions on SQLite, one after the other in their order.

    The file lets one write. Others that want to look again and again, longer and longer apart, so
    that under load some never find it free.
    """

    def __init__(self, sync_engine: sa.Engine) -> None:
        super().__init__(sync_engine)
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, when it is its turn."""
        async with self._writing, super().begin() as connection:
            yield connection


def open_blocking(
    where: Path | str, *, timeout_seconds: float, limits: Limits = Limits()
) -> sa.Engine:
    """The same database for a library that runs in threads of its own."""
    if isinstance(where, str):
        options = _postgresql(timeout_seconds, limits)
        return sa.create_engine(postgresql_url(where), **options)
    engine = sa.create_engine(f"sqlite:///{where}")
    set_durable(engine, timeout_seconds=timeout_seconds)
    return engine


def postgresql_url(address: str) -> sa.URL:
    """The address with our driver's name in it."""
    return sa.make_url(address).set(drivername="postgresql+psycopg")


def _drop_nul(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def adapt(_connection: Any, record: Any) -> None:
        record.driver_connection.adapters.register_dumper(str, TextWithoutNul)


def _postgresql(timeout_seconds: float, limits: Limits) -> dict[str, Any]:
    seconds = {
        "lock_timeout": timeout_seconds,
        "idle_in_transaction_session_timeout": limits.idle_transaction_seconds,
    }
    return {
        "pool_size": limits.connections_max,
        "max_overflow": 0,
        "pool_timeout": timeout_seconds,
        "json_serializer": to_json,
        "pool_pre_ping": True,  # the server may have been restarted
        "connect_args": {
            "connect_timeout": limits.connect_seconds,
            "options": " ".join(f"-c {name}={value * 1000:.0f}" for name, value in seconds.items()),
            **_alive(limits.silence_seconds),
        },
    }


def _alive(seconds: int) -> dict[str, int]:
    """What has a connection break whose server is silent for so long: without it the kernel waits
    for a quarter of an hour, and for hours where nothing was sent. Over a Unix socket it is
    ignored: there the server can't go away silently."""
    interval_seconds = seconds // (2 * PROBES)
    return {
        "keepalives_idle": seconds - PROBES * interval_seconds,
        "keepalives_interval": interval_seconds,
        "keepalives_count": PROBES,
        "tcp_user_timeout": seconds * 1000,
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
    engine: AsyncEngine, *, name: str = CORE, migrations: Path = CORE_MIGRATIONS
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
    _refuse_newer(connection, name, migrations)
    config = _config(migrations)
    config.attributes["connection"] = connection
    config.attributes["version_table"] = f"alembic_version_{name}"
    command.upgrade(config, "head")


def _config(migrations: Path) -> Config:
    config = Config()
    # One env.py serves every package; only the versions differ.
    config.set_main_option("script_location", str(CORE_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("version_locations", str(migrations / "versions").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


def _refuse_newer(connection: sa.Connection, name: str, migrations: Path) -> None:
    table = {"version_table": f"alembic_version_{name}"}
    there = MigrationContext.configure(connection, opts=table).get_current_heads()
    scripts = ScriptDirectory.from_config(_config(migrations)).walk_revisions()
    if not {script.revision for script in scripts}.issuperset(there):
        whose = "" if name == CORE else f" of {name}"
        raise SettingsError(
            f"The tables{whose} in {shown(connection.engine.url)} are of a newer version of "
            "Threadlab: start that version, or restore a backup from before its first start."
        )


async def refuse_newer(engine: AsyncEngine, packages: Iterable[tuple[str, Path]]) -> None:
    """See that no tables are newer than this program.

    Raises:
        SettingsError: the core's are, or those of one of the packages.
    """
    async with engine.connect() as connection:
        for name, migrations in [(CORE, CORE_MIGRATIONS), *packages]:
            await connection.run_sync(_refuse_newer, name, migrations)


async def upgrade_all(engine: AsyncEngine, packages: Iterable[tuple[str, Path]]) -> None:
    """Bring the core's tables, then each adapter's, up to date.

    Raises:
        SettingsError: the database can't be reached, lets us in but not make tables, or has newer
            ones.
    """
    with in_a_sentence(engine.url):
        await upgrade(engine)
        for name, migrations in packages:
            await upgrade(engine, name=name, migrations=migrations)


def ensure_folder(path: Path) -> None:
    """Make a private folder where it is missing. Raises SettingsError where it can't be made."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"{path} can't be used as a folder ({error.strerror}).") from error


async def ensure_folders(*paths: Path) -> None:
    """Make private folders without blocking the loop."""
    for path in paths:
        await asyncio.to_thread(ensure_folder, path)


async def probe(engine: AsyncEngine) -> None:
    """See that the database can be written to; raises where it can't. Changes nothing."""
    nothing = sa.update(threads).where(sa.false()).values(generation=threads.c.generation)
    async with engine.begin() as db:
        await db.execute(nothing)
