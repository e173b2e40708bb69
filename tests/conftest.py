"""Shared by all tests."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from bot.cli import cli
from tests.fakes.platform import ScriptedChat
from tests.fakes.postgres import Missing, PostgresServer, postgres_server
from tests.fakes.responses_api import FakeResponsesApi, Say, responses_api

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """What a program started in a test does with the logs ends with it, as its stderr does."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def recordings() -> Path:
    """The folder of recorded traffic; a test that needs it is skipped where it is missing."""
    if not (SHARED / "recordings").is_dir():
        pytest.skip("the recordings are not here")
    return SHARED / "recordings"


@pytest.fixture
def chat() -> ScriptedChat:
    """A scripted chat."""
    return ScriptedChat()


@pytest.fixture
async def api() -> AsyncIterator[FakeResponsesApi]:
    """A scripted engine that says "Done." until it is told otherwise."""
    async with responses_api(lambda body: [Say("Done.")]) as fake:
        yield fake


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; a test that needs it is skipped where there is none."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except Missing as missing:
            pytest.skip(f"no PostgreSQL: {missing}")
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    address = postgres.create()
    yield address
    postgres.drop(address)


@pytest.fixture(scope="session")
def upgraded(postgres: PostgresServer) -> str:
    """The name of a database with all tables in it, to be copied: making them takes a second."""
    address = postgres.create()
    with ThreadPoolExecutor(1) as thread:  # the tests' own loop may run in this one
        upgrade = partial(CliRunner().invoke, cli, ["db", "upgrade"], env={"DATABASE_URL": address})
        result = thread.submit(upgrade).result()
    assert result.exit_code == 0, result.output
    return postgres.name_of(address)


@pytest.fixture(autouse=True)
def _on_postgresql(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """With TESTS_ON=postgresql, tests that say nothing of databases have one of their own there."""
    if os.environ.get("TESTS_ON") != "postgresql" or "database_url" in request.fixturenames:
        yield
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    address = server.create(request.getfixturevalue("upgraded"))
    monkeypatch.setenv("DATABASE_URL", address)
    yield
    server.drop(address)


@pytest.fixture
def on_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test that looks into SQLite's files, whatever TESTS_ON says."""
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str | None]:
    """DATABASE_URL, as it is set in the test's environment: not at all, which means SQLite, and
    then to a PostgreSQL database of the test's own."""
    if request.param == "sqlite":
        monkeypatch.delenv("DATABASE_URL", raising=False)
        yield None
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    address = server.create(request.getfixturevalue("upgraded"))
    monkeypatch.setenv("DATABASE_URL", address)
    yield address
    server.drop(address)
