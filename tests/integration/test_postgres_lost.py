"""A PostgreSQL server that goes away without a word: its host is lost, or the network between."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import Limits, open_blocking, open_database
from tests.fakes.lost_host import Route, route
from tests.fakes.postgres import PostgresServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="packets are lost by its filters")

WITHIN_SECONDS = 40  # far below the kernel's quarter of an hour
LIMITS = Limits(connect_seconds=2, silence_seconds=4)


@pytest.fixture
async def way(postgres: PostgresServer, postgres_url: str) -> AsyncIterator[Route]:
    async with route(postgres, postgres_url) as made:
        yield made


@pytest.fixture
async def database(way: Route) -> AsyncIterator[AsyncEngine]:
    opened = open_database(way.address, timeout_seconds=5, limits=LIMITS)
    yield opened
    await opened.dispose()


async def asleep(database: AsyncEngine, seconds: int) -> None:
    async with database.connect() as db:
        await db.execute(sa.text(f"SELECT pg_sleep({seconds})"))


async def test_before_it_is_asked(way: Route, database: AsyncEngine) -> None:
    """A statement that never arrives fails."""
    async with database.connect() as db:
        await db.scalar(sa.text("SELECT 1"))

        way.lose()

        with pytest.raises(OperationalError):
            async with asyncio.timeout(WITHIN_SECONDS):
                await db.scalar(sa.text("SELECT 1"))


async def test_while_it_works(way: Route, database: AsyncEngine) -> None:
    """A statement whose answer never comes fails."""
    asking = asyncio.create_task(asleep(database, 600))
    await way.passed("pg_sleep")

    way.lose()

    with pytest.raises(OperationalError):
        async with asyncio.timeout(WITHIN_SECONDS):
            await asking


async def test_for_workflows(way: Route) -> None:
    """The library of workflows gets an error as well."""
    engine = open_blocking(way.address, timeout_seconds=5, limits=LIMITS)

    def ask() -> None:
        with engine.connect() as db:
            db.scalar(sa.text("SELECT 1"))
            way.lose()
            db.scalar(sa.text("SELECT 1"))

    with pytest.raises(OperationalError):
        async with asyncio.timeout(WITHIN_SECONDS):
            await asyncio.to_thread(ask)
    engine.dispose()


async def test_patient_server(way: Route, database: AsyncEngine) -> None:
    """A server that is there may take longer than that for a statement."""
    await asleep(database, LIMITS.silence_seconds + 2)
