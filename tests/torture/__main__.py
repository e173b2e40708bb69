"""`python -m tests.torture`: the long form, on SQLite with one worker and PostgreSQL with three."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
from pathlib import Path

from tests.fakes.postgres import postgres_server
from tests.torture.plan import Plan, Report
from tests.torture.run import Torture


def main() -> None:
    """Run both, print the figures; the exit code says whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--minutes", type=float, default=40, help="limit of each of the two")
    parser.add_argument("--keep", type=Path, help="a folder for data and logs")
    chosen = parser.parse_args()
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # of requests that died with us
    print(f"seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="torture-") as made:
        folder = chosen.keep or Path(made)
        reports = []
        if chosen.only != "postgresql":
            reports.append(torture(chosen, folder / "sqlite", workers=1, database_url=None))
        if chosen.only != "sqlite":
            with postgres_server() as server:
                address = server.create()
                reports.append(
                    torture(chosen, folder / "postgresql", workers=3, database_url=address)
                )
    sys.exit(1 if any(report.found for report in reports) else 0)


def torture(
    chosen: argparse.Namespace, folder: Path, *, workers: int, database_url: str | None
) -> Report:
    """One torture, its figures printed."""
    plan = Plan(
        seed=chosen.seed,
        messages=chosen.messages,
        kills=chosen.kills,
        workers=workers,
        database_url=database_url,
        messages_per_second=1.5,
        threads_max=max(20, chosen.messages // 8),
        changes=max(2, chosen.messages // 25),
        per_minute=90,
        limit_seconds=chosen.minutes * 60,
        quiet_seconds=600,
        all_points=chosen.kills >= 100,
    )
    report = asyncio.run(Torture(plan, folder).run())
    print(report, end="\n\n", flush=True)
    return report


if __name__ == "__main__":
    main()
