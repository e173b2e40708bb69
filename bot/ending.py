"""The process's end in bounded time. Python waits for every thread, however long it takes."""

from __future__ import annotations

import os
import threading

import structlog

log = structlog.get_logger()

REST_SECONDS = 30.0  # beyond what running answers get
THREADS_SECONDS = 3.0  # when all else has ended


def end_within(seconds: float, code: int = 0) -> None:
    """Have the process be over after so long, whatever still stands: the library of workflows has
    threads that wait for a database that is gone, without a bound.

    Args:
        seconds: how long the process may take to end by itself.
        code: its exit code where it does not.
    """
    timer = threading.Timer(seconds, _end, [code])
    timer.daemon = True
    timer.start()


def _end(code: int) -> None:
    log.warning("ended without waiting for what still ran")
    os._exit(code)
