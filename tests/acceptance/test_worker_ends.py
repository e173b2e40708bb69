"""SIGTERM while PostgreSQL is gone, or silent: the worker ends all the same."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.lost_host import route
from tests.fakes.postgres import PostgresServer
from tests.fakes.responses_api import FakeResponsesApi, Say, Wait
from tests.fakes.workers import crew

pytestmark = pytest.mark.slow

SILENCE_SECONDS = 4


@pytest.mark.parametrize("silent", [False, True], ids=["gone", "silent"])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
async def test_sigterm(
    api: FakeResponsesApi,
    tmp_path: Path,
    postgres: PostgresServer,
    postgres_url: str,
    silent: bool,
    busy: bool,
) -> None:
    """It ends with exit code 0 in bounded time, also where an answer is being made."""
    gate = asyncio.Event()
    api.script = lambda body: [Wait(gate), Say("Done.")]
    settings: dict[str, Any] = {
        "OPENAI_BASE_URL": api.base_url,
        "DATABASE_SILENCE_SECONDS": str(SILENCE_SECONDS),
        "DATABASE_CONNECT_SECONDS": "2",
        "SHUTDOWN_SECONDS": "2",
    }
    async with (
        route(postgres, postgres_url) as way,
        crew(tmp_path, 1, DATABASE_URL=way.address, **settings) as found,
    ):
        (worker,) = found.workers
        await found.leased(1)
        if busy:
            found.say("a", "hello")
            async with asyncio.timeout(30):
                while not api.responses:
                    await asyncio.sleep(0.02)
        if silent:
            way.lose()
        else:
            postgres.shut(postgres_url)
        code = await worker.end(signal.SIGTERM)
        postgres.reopen(postgres_url)

    assert code == 0
    assert "Traceback" not in worker.log
