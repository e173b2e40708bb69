"""The real program killed, paused and cut off again and again: the short form of `make torture`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.plan import Plan
from tests.torture.run import Torture

pytestmark = pytest.mark.slow

SEED = 20_260_521


async def test_one_worker_on_sqlite(tmp_path: Path) -> None:
    """Each message of both chats is answered once, in its thread and in order, whatever fails."""
    plan = Plan(seed=SEED, messages=40, kills=6, per_minute=120, limit_seconds=60)

    report = await Torture(plan, tmp_path).run()

    assert not report.found, str(report)
    assert report.messages >= plan.messages
    assert report.kills >= plan.kills
    print(report)


async def test_three_workers_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    """So it is where three workers share a database, and die one by one or together."""
    plan = Plan(
        seed=SEED,
        messages=40,
        kills=6,
        workers=3,
        database_url=postgres_url,
        per_minute=120,
        limit_seconds=60,
    )

    report = await Torture(plan, tmp_path).run()

    assert not report.found, str(report)
    assert report.messages >= plan.messages
    assert report.kills >= plan.kills
    print(report)
