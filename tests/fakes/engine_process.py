"""`threadlab engine` as a real process."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEY = "process-key"
START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class EngineProcess:
    """A running engine."""

    process: asyncio.subprocess.Process
    base_url: str

    def peak_kb(self) -> int:
        """The most memory it has had so far, in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1])


@asynccontextmanager
async def engine_process(data_dir: Path, **environ: str) -> AsyncIterator[EngineProcess]:
    """Start the engine on a free port; kill it at the block's end, if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import typer; from engine.cli import engine; typer.run(engine)",
        *("--port", "0", "--data", str(data_dir)),
        cwd=ROOT,
        env={**os.environ, "ENGINE_KEYS": KEY, "PYTHONUNBUFFERED": "1", **environ},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        base_url = await asyncio.wait_for(_address(process), START_SECONDS)
        yield EngineProcess(process, base_url)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        words = line.decode().split()
        if words[:2] == ["Engine", "at"]:
            return words[2]
    raise AssertionError("the engine ended before it listened")
