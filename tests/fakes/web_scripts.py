"""Turns for the page's tests: what a good answer, a failed one and a long one look like."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import cache

from matplotlib.figure import Figure

from bot.domain import (
    Action,
    Answer,
    Artifact,
    CodeRun,
    IncomingMessage,
    Progress,
    RunState,
    ThreadKey,
)
from tests.fakes.core import FakeCore

CODE = """# Total revenue by region
import pandas as pd

table = pd.read_csv("/mnt/data/file-1-sales.csv", parse_dates=["date"])
totals = table.groupby("region")["revenue"].sum().sort_values(ascending=False)
print(totals.to_string())

axes = totals.plot.bar(title="Revenue by region", ylabel="revenue")
axes.figure.savefig("/mnt/data/revenue_by_region.png", dpi=150)
"""
LOGS = "region\nNorth    182400.50\nWest     151210.00\nSouth     98760.25\nEast      74105.75\n"
TEXT = """**North** leads with **182,400.50**, more than a third of all revenue.

| Region | Revenue | Share |
|---|---:|---:|
| North | 182,400.50 | 36.0 % |
| West | 151,210.00 | 29.8 % |
| South | 98,760.25 | 19.5 % |
| East | 74,105.75 | 14.6 % |

The sum of the four, **506,476.50**, equals the sum of the column. The table is in
[totals.csv](artifact:totals), computed with `groupby("region")`.
"""


@cache
def chart() -> bytes:
    """A bar chart as PNG."""
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    axes.bar(["North", "West", "South", "East"], [182, 151, 99, 74], color="#5753c6")
    axes.set_title("Revenue by region (thousands)")
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def data_url(png: bytes) -> str:
    """A PNG as the engine gives it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


async def artifact(
    core: FakeCore, key: ThreadKey, artifact_id: str, name: str, media_type: str, content: bytes
) -> Artifact:
    """A file in the thread's blobs, as the turn keeps it."""

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    blob = await core.blobs.put(key, chunks(), limit_bytes=10_000_000)
    return Artifact(artifact_id, name, media_type, blob)


class SalesTurn:
    """The whole of a good answer; stands still at the running code and the growing text until
    `go_on` is set."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(
        self, core: FakeCore, message: IncomingMessage
    ) -> AsyncIterator[Progress | Answer]:
        run = CodeRun("run-1", CODE, RunState.WRITING)
        yield Progress(status="reading sales.csv…")
        yield Progress(status="writing Python…", runs=(replace(run, code=CODE[:150]),))
        yield Progress(status="running Python…", runs=(replace(run, state=RunState.RUNNING),))
        await self.go_on.wait()
        done = replace(run, state=RunState.DONE, logs=LOGS, images=(data_url(chart()),))
        yield Progress(status="writing the answer…", runs=(done,), text=TEXT[:60])
        await asyncio.sleep(0.05)
        yield Progress(status="writing the answer…", runs=(done,), text=TEXT[:280])
        await asyncio.sleep(0.05)
        files = (
            await artifact(
                core, message.key, "chart", "revenue_by_region.png", "image/png", chart()
            ),
            await artifact(core, message.key, "totals", "totals.csv", "text/csv", LOGS.encode()),
        )
        yield Answer(
            f"turn-{message.id}-{core.attempts}",
            TEXT,
            (done,),
            files,
            ("Started a fresh container with the same files.",),
        )


class ManyRuns:
    """An answer after four runs of code, the third of which ended in an exception; stands still
    at the last until `go_on` is set."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(
        self, core: FakeCore, message: IncomingMessage
    ) -> AsyncIterator[Progress | Answer]:
        del core
        error = "Traceback (most recent call last):\n  File \"x\", line 1\nKeyError: 'region'\n"
        logs = ("1", "2", error, "4")
        runs = tuple(
            CodeRun(f"run-{number}", f"# Step {number}\nx", RunState.DONE, text)
            for number, text in enumerate(logs, 1)
        )
        yield Progress(runs=(*runs[:3], replace(runs[3], state=RunState.RUNNING)))
        await self.go_on.wait()
        yield Answer(f"turn-{message.id}", "Four steps.", runs)


async def failing(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    """Fails at the first attempt, answers at the second."""
    turn_id = f"turn-{message.id}-{core.attempts}"
    yield Progress(status="thinking…")
    if core.attempts:
        yield Answer(turn_id, "Now it worked: **42**.")
        return
    yield Answer(
        turn_id,
        "The engine could not be reached. Nothing was lost; try again in a minute.",
        notes=("Details are in the log under 7f3a91.",),
        actions=(Action("retry", "Retry"),),
        failed=True,
    )
