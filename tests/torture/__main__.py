"""`make torture`: many messages and many faults; prints what was lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from pathlib import Path

import typer

from tests.fakes.postgres import postgres_server
from tests.torture.harm import torture


def main(messages: int = 1_000, faults: int = 200, seed: int = 1) -> None:
    """Three workers on one PostgreSQL, until every message was said and every fault happened."""
    chance = random.Random(seed)
    with postgres_server() as server, tempfile.TemporaryDirectory() as folder:
        work = torture(
            Path(folder), server.create(), messages=messages, faults=faults, chance=chance
        )
        report = asyncio.run(work)
    print(f"{report.said} messages, {report.asked} requests to the engine, {report.seconds:.0f} s")
    print(", ".join(f"{name} {times}" for name, times in sorted(report.faults.items())))
    print("\n".join(report.wrong) or "each answered once, in its thread, in order")
    sys.exit(bool(report.wrong))


typer.run(main)
