"""`threadlab run` where it can't work: one sentence, no traceback."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


MAIN = "from bot.cli import main; main()"
CRASH = """
import bot.cli

def crash(settings):
    token = "".join(["xoxb", "-secret"])
    raise RuntimeError(f"odd after {len(token)}")

bot.cli._run = crash
bot.cli.main()
"""


def threadlab(
    folder: Path, *arguments: str, program: str = MAIN, **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PATH": "/nowhere"}, "bubblewrap is not installed"),
        ({"ENGINE_POOL_SIZE": "-1"}, "ENGINE_POOL_SIZE is not valid"),
        ({"TURNS_AT_ONCE": "many"}, "TURNS_AT_ONCE"),
        ({"WEB_HOST": "0.0.0.0"}, "set WEB_TOKEN"),
        ({"DISCORD_TOKEN": "x"}, "ENGINE=embedded"),
        (
            {"DISCORD_TOKEN": "x", "ENGINE": "embedded", "DISCORD_SHARDS": "-1"},
            "DISCORD_SHARDS is not valid",
        ),
    ],
)
def test_says_why(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    """It ends with 2 and says what to change."""
    done = threadlab(tmp_path, "run", **environ)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [["run"], ["db", "upgrade"]])
def test_tables_of_a_newer_version(tmp_path: Path, command: list[str]) -> None:
    """Over tables of a newer version it ends with 2, and says to start that one."""
    (tmp_path / "data").mkdir()
    assert threadlab(tmp_path, "db", "upgrade").returncode == 0
    with closing(sqlite3.connect(tmp_path / "data" / "threadlab.db")) as db, db:
        db.execute("UPDATE alembic_version_core SET version_num = '9999'")

    done = threadlab(tmp_path, *command, ENGINE="embedded")

    assert done.returncode == 2
    assert "start that version" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_crash(tmp_path: Path) -> None:
    """A fault of the program's own is a plain traceback, never with what its variables hold."""
    done = threadlab(tmp_path, "run", program=CRASH)

    assert done.returncode == 1
    assert "RuntimeError: odd after 11" in done.stderr
    assert "xoxb-secret" not in done.stderr
    assert "│" not in done.stderr
