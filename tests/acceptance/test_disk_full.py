"""The disk of a real worker is full for longer than anything is tried again (SQLite)."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fakes.program import running
from tests.fakes.responses_api import FakeResponsesApi, Say, Wait

pytestmark = [pytest.mark.slow, pytest.mark.alone]

# All patience of the program is over long before there is room again.
HASTY = {
    "DATABASE_TIMEOUT_SECONDS": "1",
    "STEP_ATTEMPTS": "2",
    "POST_ATTEMPTS": "2",
    "SETTLE_ATTEMPTS": "2",
    "SWEEP_SECONDS": "2",
    "WORKER_STRAY_SECONDS": "3",
}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB; a test that needs it is skipped where none can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


async def test_there_is_room_again(api: FakeResponsesApi, small_disk: Path, tmp_path: Path) -> None:
    """An answer that could not be written down is finished once there is room, without a restart,
    and the thread goes on."""
    gate = asyncio.Event()
    api.script = lambda body: [Wait(gate), Say("The answer.")]
    address = {"OPENAI_BASE_URL": api.base_url, "OPENAI_API_KEY": "sk-test"}
    async with running(tmp_path, DATA_DIR=str(small_disk / "data"), **address, **HASTY) as program:
        conversation = await program.create()
        await program.say(conversation, "one")
        async with asyncio.timeout(30):
            while not api.asked:
                await asyncio.sleep(0.05)
        fill = small_disk / "fill"
        with fill.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        gate.set()
        await asyncio.sleep(12)  # nothing can be awaited: nothing can be written down

        fill.unlink()
        first = await program.answer(conversation)
        await program.say(conversation, "two")
        second = await program.answer(conversation, 1)

    assert first["state"] == second["state"] == "done"
    assert "The answer." in second["html"]
