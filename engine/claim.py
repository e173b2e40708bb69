"""The data folder is used by one engine at a time."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

LOCK_NAME = "lock"


class FolderInUse(Exception):
    """Another engine works on the data folder; the text says so in a sentence."""


@asynccontextmanager
async def claimed(data_dir: Path) -> AsyncIterator[None]:
    """Hold a folder that exists until the block ends; the system lets go when the process dies.

    Two engines would fail each other's responses and remove each other's containers.

    Raises:
        FolderInUse: another engine holds it.
        OSError: it can't be written to.
    """
    lock = await asyncio.to_thread(_claim, data_dir)
    try:
        yield
    finally:
        os.close(lock)


def _claim(data_dir: Path) -> int:
    lock = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise FolderInUse(
            f"An engine runs already over {data_dir}: end it first, or use another folder."
        ) from error
    except OSError:
        os.close(lock)
        raise
    return lock
