"""`threadlab run` where it can't work: one sentence, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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
    done = subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", "run"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
