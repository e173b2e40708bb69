"""Tasks that somebody owns: failures are logged, and all end together within a bounded time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from bot.errors import SettingsError, ThreadlabError

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class TaskSet:
    """Short background tasks."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Run work in the background; its failure is logged."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background task failed", task=task.get_name(), exc_info=task.exception())

    async def close(self, timeout_seconds: float) -> None:
        """Let the tasks finish, then cancel the rest."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=timeout_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def keep_running(
    name: str,
    run: Callable[[], Awaitable[None]],
    tell: Callable[[str, bool], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Run a platform for ever: what ends it is logged, and it starts again after a pause.

    Args:
        name: the platform's.
        run: what runs it.
        tell: hears whether it runs.
        clock: seconds that only grow.
        sleep: how to wait.

    Raises:
        SettingsError: it can't run with its settings, and never did: the operator looks on.
    """
    wait_seconds, proven = FIRST_PAUSE_SECONDS, False
    while True:
        started = clock()
        tell(name, True)
        try:
            # In a task of its own: a library may leave its task marked as cancelled when it is not.
            await asyncio.create_task(_whole(run), name=name)
            log.warning("platform ended", platform=name)
        except SettingsError as error:
            proven = proven or clock() - started > LONGEST_PAUSE_SECONDS
            if not proven:
                raise
            # What a chat takes back while we run (a token, a right) must not end the others.
            log.error(
                "platform refused", platform=name, why=str(error), again_in_seconds=wait_seconds
            )
        except ThreadlabError as error:  # its words say it all
            log.error(
                "platform failed", platform=name, why=str(error), again_in_seconds=wait_seconds
            )
        except Exception:  # one platform's failure must not take the others down
            log.exception("platform failed", platform=name, again_in_seconds=wait_seconds)
        tell(name, False)
        _heed_cancellation()
        if clock() - started > LONGEST_PAUSE_SECONDS:
            wait_seconds, proven = FIRST_PAUSE_SECONDS, True
        await sleep(wait_seconds)
        wait_seconds = min(wait_seconds * 2, LONGEST_PAUSE_SECONDS)


async def _whole(run: Callable[[], Awaitable[None]]) -> None:
    await run()


def _heed_cancellation() -> None:
    """What failed while it was being cancelled must not go on for that."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
