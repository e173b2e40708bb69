"""Waiting for a database that is locked, or gone for a while."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

log = structlog.get_logger()

Result = TypeVar("Result")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


async def patiently(work: Callable[[], Awaitable[Result]], *, seconds: float) -> Result:
    """Do what is safe to do twice, again and again while the database can't be had.

    Args:
        work: what to do.
        seconds: for how long; then the database's error is raised.
    """
    until, pause_seconds = time.monotonic() + seconds, FIRST_PAUSE_SECONDS
    while True:
        try:
            return await work()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() + pause_seconds > until:
                raise
            log.warning("database not available", error=" ".join(str(error.orig).split()))
        await asyncio.sleep(pause_seconds * random.uniform(0.5, 1))  # noqa: S311
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
