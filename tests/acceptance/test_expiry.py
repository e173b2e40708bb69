"""A container that ended for being idle: the next question goes on where the work was."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.fakes.browser import Person, chromium, needs_chromium
from tests.fakes.program import Program, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

IDLE_SECONDS = "2"
CSV = b"region,revenue\nNorth,10\nSouth,20\nNorth,12\n"
MAKE = """```python
import pandas as pd
pd.DataFrame({"team": ["red", "blue", "red"], "points": [3, 4, 5]}).to_csv(
    "/mnt/data/scores.csv", index=False)
kept_in_memory = 1
```"""


async def expired(program: Program, talk: str) -> None:
    """Wait until the conversation's container counts as ended."""
    async with asyncio.timeout(30):
        while (await program.workspace(talk))["state"] != "expired":
            await asyncio.sleep(0.1)


def folders(program: Program) -> int:
    """How many containers' folders the engine keeps."""
    return len(list((program.data_dir / "engine" / "containers").iterdir()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    idle = {"CONTAINER_IDLE_SECONDS": IDLE_SECONDS, "ENGINE_CONTAINER_IDLE_SECONDS": IDLE_SECONDS}
    async with running(tmp_path_factory.mktemp("program"), **idle) as started:
        yield started


@needs_chromium
async def test_the_work_goes_on_in_a_fresh_container(program: Program) -> None:
    """Files of people and of earlier code are there again, with the right numbers; the answer
    says so in one line, and the chip tells how the container is."""
    async with chromium() as browser:
        talk = await program.create()
        first = await program.ask(talk, MAKE, {"sales.csv": CSV})
        person = await Person.visit(browser, f"{program.url}/c/{talk}")
        chip = person.page.locator("#container")

        await expired(program, talk)
        await expect(chip).to_have_attribute("data-state", "expired")
        await person.screenshot("expired")
        made = await program.ask(talk, "use scores.csv: total points by team")
        await expect(chip).to_have_attribute("data-state", "running")
        await person.screenshot("restored")
        sent = await program.ask(talk, "total revenue by region in sales.csv")
        gone = await program.ask(talk, "```python\nkept_in_memory\n```")

        assert [file["name"] for file in first["files"]] == ["scores.csv"]
        assert first["notes"] == []
        (note,) = made["notes"]
        assert "fresh container" in note
        assert "variables are gone" in note
        assert "| red | 8 |" in made["text"]
        assert "| blue | 4 |" in made["text"]
        assert "| North | 22 |" in sent["text"]
        assert "NameError" in gone["text"]
        assert folders(program) == 1
        assert person.errors == []


async def test_over_and_over(program: Program) -> None:
    """What code changes in a rebuilt container is there after the next rebuilding as well."""
    count = """```python
from pathlib import Path
log = Path("/mnt/data/log.txt")
lines = log.read_text() if log.exists() else ""
log.write_text(lines + "one more\\n")
print(len(log.read_text().splitlines()))
```"""
    talk = await program.create()
    counts = []
    for _ in range(3):
        answer = await program.ask(talk, count)
        counts.append(answer["runs"][-1]["logs"])
        await expired(program, talk)

    assert counts == ["1", "2", "3"]
