"""The program killed and ended in the middle of turns, and started again over its data."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.fakes.program import Program, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

CSV = b"region,revenue\nNorth,10\nSouth,20\nNorth,12\n"
SLOW = """```python
import time
print("begun", flush=True)
time.sleep(1)
open("/mnt/data/made.txt", "w").write("made")
print("ended")
```"""
STEPS = ["collect", "ingest", "prepare", "ask", "keep", "publish", "settle"]
# The embedded engine dies with the program, and with it the response: it is asked anew.
RETRIED = ["ask", "prepare", "ask"]


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    """What a query on an SQLite file gives, without writing to it."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def steps_of(program: Program) -> list[tuple[object, object]]:
    """Each finished step's name and when it was finished, in order."""
    query = "SELECT function_name, completed_at_epoch_ms FROM operation_outputs ORDER BY 2"
    return [(row[0], row[1]) for row in rows(program.data_dir / "workflows.db", query)]


def uploads_of(program: Program) -> int:
    """How many files were ever uploaded to the engine."""
    ((count,),) = rows(program.data_dir / "engine" / "engine.db", "SELECT count(*) FROM files")
    assert isinstance(count, int)
    return count


class TestKill:
    async def test_while_code_runs(self, tmp_path: Path) -> None:
        """The reply completes once, in its place; finished steps and uploads are not repeated."""
        async with running(tmp_path) as program:
            talk = await program.create()
            await program.say(talk, SLOW, {"sales.csv": CSV})
            await program.until_running(talk)
            (_, begun) = await program.messages(talk)
            finished = steps_of(program)
            await program.end(signal.SIGKILL)

            await program.start()
            answer = await program.answer(talk)
            messages = await program.messages(talk)
            made = await program.file(answer, "made.txt")
            await program.end()  # the last step is finished a moment after the answer is there

            assert [name for name, _ in finished] == STEPS[:3]
            assert steps_of(program)[: len(finished)] == finished
            assert [name for name, _ in steps_of(program)] == STEPS[:3] + RETRIED + STEPS[4:]
            assert uploads_of(program) == 1
            assert [message["role"] for message in messages] == ["person", "bot"]
            assert answer["id"] == begun["id"]
            assert not answer["failed"]
            assert "ended" in answer["runs"][-1]["logs"]
            assert made == b"made"

    async def test_straight_after_the_message_was_taken(self, tmp_path: Path) -> None:
        """A message that was taken is answered once, though a second kill hits its recovery."""
        async with running(tmp_path) as program:
            talk = await program.create()
            await program.say(talk, "total revenue by region", {"sales.csv": CSV})
            await program.end(signal.SIGKILL)
            await program.start()
            await program.end(signal.SIGKILL)

            await program.start()
            answer = await program.answer(talk)
            messages = await program.messages(talk)

            assert "| North | 22 |" in answer["text"]
            assert [message["role"] for message in messages] == ["person", "bot"]
            assert uploads_of(program) == 1
            assert len({file["name"] for file in answer["files"]}) == len(answer["files"])


class TestTerminate:
    async def test_in_mid_turn(self, tmp_path: Path) -> None:
        """A polite end lets the running turn finish: the answer is there at the next start."""
        async with running(tmp_path) as program:
            talk = await program.create()
            await program.say(talk, SLOW)
            await program.until_running(talk)
            code = await program.end(signal.SIGTERM)

            await program.start()
            answer = await program.answer(talk)

            assert code == 0
            assert answer["runs"][-1]["logs"].split() == ["begun", "ended"]
            assert answer["notes"] == []

    async def test_longer_than_it_may_take(self, tmp_path: Path) -> None:
        """A turn that outlives the time for ending is taken up at the next start."""
        async with running(tmp_path, SHUTDOWN_SECONDS="0.3") as program:
            talk = await program.create()
            await program.say(talk, SLOW)
            await program.until_running(talk)
            code = await program.end(signal.SIGTERM)

            await program.start()
            answer = await program.answer(talk)

            assert code == 0
            assert "ended" in answer["runs"][-1]["logs"]
            assert len(await program.messages(talk)) == 2
