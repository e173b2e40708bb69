"""The data folder: made where it is missing, used by one process at a time."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.errors import SettingsError

LOCK_NAME = "lock"
ANOTHER_FOLDER = "end it first, or set DATA_DIR to another folder."


@asynccontextmanager
async def claimed(data_dir: Path, advice: str = ANOTHER_FOLDER) -> AsyncIterator[None]:
    """Hold the folder until the block ends; the system lets go of it when the process dies.

    Two processes would both take up the same unfinished turns.

    Args:
        data_dir: the folder.
        advice: what helps where another process holds it.

    Raises:
        SettingsError: it can't be written to, or another process holds it.
    """
    lock = await asyncio.to_thread(_claim, data_dir, advice)
    try:
        yield
    finally:
        os.close(lock)


def _claim(data_dir: Path, advice: str) -> int:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(
            f"DATA_DIR={data_dir} can't be used ({error.strerror}): set it to a folder of your own."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SettingsError(f"Threadlab runs already over DATA_DIR={data_dir}: {advice}") from error
    return lock
