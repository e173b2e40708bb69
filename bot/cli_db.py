"""`threadlab db`: bringing the database up to date, and moving it to PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import belonging, doctor, plugins
from bot.assembly import blobs_of
from bot.database_copy import Copied, copy_database
from bot.durable import upgrade_workflows
from bot.errors import SettingsError, ThreadlabError
from bot.settings import Settings
from bot.store.database import open_database, upgrade_all
from bot.store.folder import claimed
from bot.store.marks import Marks
from bot.store.refusals import reason_of

db = typer.Typer(help="The database: its tables, and moving to PostgreSQL.", no_args_is_help=True)


@db.command()
def upgrade() -> None:
    """Bring the tables up to date; `threadlab run` does so by itself."""
    settings = _settings()
    asyncio.run(_guarded(_upgrade(settings)))
    typer.echo("The tables are up to date.")


@db.command()
def copy() -> None:
    """Copy everything from the SQLite file in DATA_DIR to the PostgreSQL database DATABASE_URL."""
    copied = asyncio.run(_guarded(_copy(_settings())))
    for table in copied:
        typer.echo(f"{table.rows:>9,} {table.table}")
    total = sum(table.rows for table in copied)
    typer.echo(f"{total:,} rows were copied and compared. The SQLite file is as it was.")


@db.command()
def adopt() -> None:
    """Go on without the files of this database, when they are lost for good."""
    asyncio.run(_guarded(_adopt(_settings())))
    typer.echo("The files from now on belong to this database.")


async def _adopt(settings: Settings) -> list[Copied]:
    database = _open(settings, settings.database)
    try:
        await upgrade_all(database, _packages())
        marks, blobs = Marks(database), blobs_of(settings)
        await belonging.adopt(marks, blobs)
        await belonging.ensure_together(settings, marks, blobs)
    finally:
        await database.dispose()
    return []


async def _upgrade(settings: Settings) -> list[Copied]:
    database = _open(settings, settings.database)
    try:
        await upgrade_all(database, _packages())
    finally:
        await database.dispose()
    if isinstance(settings.database, str):
        await asyncio.to_thread(upgrade_workflows, settings.database)
    return []


async def _copy(settings: Settings) -> list[Copied]:
    if not settings.shared:
        raise SettingsError("Set DATABASE_URL to the PostgreSQL database to copy to.")
    if not await asyncio.to_thread(settings.database_path.exists):
        raise SettingsError(f"There is no SQLite database at {settings.database_path}.")
    async with claimed(settings.data_dir, "end it first."):
        source, target = _open(settings, settings.database_path), _open(settings, settings.database)
        try:
            await upgrade_all(source, _packages())
            await upgrade_all(target, _packages())
            return await copy_database(source, target)
        finally:
            await source.dispose()
            await target.dispose()


def _open(settings: Settings, where: Path | str) -> AsyncEngine:
    return open_database(where, timeout_seconds=settings.database_timeout_seconds)


def _packages() -> list[tuple[str, Path]]:
    """Every adapter's tables, whether or not its chat is in use just now."""
    adapters = plugins.load(plugins.ADAPTERS).values()
    return [(each.name, each.migrations) for each in adapters if each.migrations is not None]


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as invalid:
        for finding in doctor.invalid(invalid):
            typer.echo(finding.sentence, err=True)
        raise typer.Exit(2) from None


async def _guarded(work: Coroutine[Any, Any, list[Copied]]) -> list[Copied]:
    try:
        return await work
    except ThreadlabError as refused:
        typer.echo(str(refused), err=True)
    except DBAPIError as error:
        typer.echo(f"The database refused: {reason_of(error)}", err=True)
    raise typer.Exit(2) from None
