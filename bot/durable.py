"""Durable workflows (DBOS): a turn's finished steps are never run again, whatever crashes."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    SetWorkflowID,
    StepOptions,
    WorkflowSerializationFormat,
    error,
)

from bot.errors import Undeliverable
from bot.store.database import Limits, open_blocking, postgresql_url
from bot.store.fencing import TakenOver, current
from bot.store.patience import patiently
from bot.store.refusals import in_a_sentence

T = TypeVar("T")

# Recovery matches both; DBOS's own version is a hash of the source, which an upgrade changes and
# which would leave turns behind for ever [facts: durability].
EXECUTOR_ID = "threadlab"
APPLICATION_VERSION = "1"

# A turn that waits long meets many restarts; given up by the library, it would not be answered.
RECOVERIES_MAX = 10_000

FIRST_PAUSE_SECONDS = 0.5

_run_turn: Callable[[str], Awaitable[None]] | None = None
_patience_seconds = 0.0
_running: dict[str, asyncio.Task[Any]] = {}


@DBOS.workflow(
    name="turn",
    serialization_type=WorkflowSerializationFormat.PORTABLE,
    max_recovery_attempts=RECOVERIES_MAX,
)
async def _turn_workflow(turn_id: str) -> None:
    # DBOS finds workflows by name, so what they need hangs on the module.
    assert _run_turn is not None
    task = asyncio.current_task()
    assert task is not None
    if turn_id in _running:  # taken over by ourselves: the earlier execution counts no more
        _running[turn_id].cancel()
        await asyncio.wait([_running[turn_id]])
    _running[turn_id] = task
    try:
        await _run_turn(turn_id)
    finally:
        if _running.get(turn_id) is task:
            del _running[turn_id]


async def step(
    name: str, work: Callable[..., Awaitable[T]], *arguments: Any, attempts: int = 1
) -> T:
    """Run one step of a workflow and checkpoint what it returns (JSON).

    While the database is gone it is tried again, like the library's own records of steps.

    Args:
        name: the step's name, as it is stored.
        work: what to do, with its arguments.
        arguments: JSON.
        attempts: how often a failing step is tried, with growing pauses; an answer that the chat
            refuses for good once only.
    """

    async def checkpointed() -> T:
        return await patiently(partial(work, *arguments), seconds=_patience_seconds)

    options: StepOptions = {"name": name}
    if attempts > 1:
        options |= {
            "retries_allowed": True,
            "max_attempts": attempts,
            "interval_seconds": FIRST_PAUSE_SECONDS,
            "should_retry": lambda failure: not isinstance(failure, Undeliverable),
        }
    try:
        return await DBOS.run_step_async(options, checkpointed)
    except error.DBOSWorkflowConflictIDError as conflict:
        if (execution := current()) is not None:
            execution.over = True
        raise TakenOver(str(conflict)) from conflict


def upgrade_workflows(address: str) -> None:
    """Bring the library's own tables in PostgreSQL up to date; blocks.

    Raises:
        SettingsError: the database can't be reached, or lets us in but not make them.
    """
    url = postgresql_url(address)
    with in_a_sentence(url):
        DBOS.migrate(url.render_as_string(hide_password=False))


def _is_not_raised(record: logging.LogRecord) -> bool:
    """Whether a line of the library's is more than the traceback of what it raises as well."""
    return not record.getMessage().startswith("DBOS failed to launch")


class WorkflowState(StrEnum):
    """How far a workflow is."""

    UNKNOWN = "unknown"  # never started
    UNDER_WAY = "under way"  # running, or recovered in a moment
    OVER = "over"


_UNDER_WAY = ("PENDING", "ENQUEUED", "DELAYED")
_OVER = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


class Workflows:
    """The durable workflows of this process. One at a time: DBOS is a singleton."""

    def __init__(
        self,
        where: Path | str,
        *,
        timeout_seconds: float,
        poll_seconds: float,
        limits: Limits,
    ) -> None:
        global _patience_seconds
        _patience_seconds = timeout_seconds
        self._engine = open_blocking(where, timeout_seconds=timeout_seconds, limits=limits)
        logging.getLogger("dbos").setLevel(logging.WARNING)
        DBOS(
            config=DBOSConfig(
                name="threadlab",
                system_database_url=self._engine.url.render_as_string(hide_password=False),
                system_database_engine=self._engine,
                # Of several on one database, none recovers the others' turns at its start.
                executor_id=EXECUTOR_ID if isinstance(where, Path) else secrets.token_hex(8),
                application_version=APPLICATION_VERSION,
                log_level="WARNING",
                notification_listener_polling_interval_sec=poll_seconds,
            )
        )

    def launch(self, run_turn: Callable[[str], Awaitable[None]]) -> None:
        """Begin, on the running loop, and take unfinished turns up where they stood.

        Raises:
            SettingsError: the database lets us in, but not make the library's own tables.
        """
        global _run_turn
        _run_turn = run_turn
        logging.getLogger("dbos").addFilter(_is_not_raised)
        with in_a_sentence(self._engine.url):
            DBOS.launch()

    async def start(self, turn_id: str) -> None:
        """Start a turn; one that was started before is left alone."""
        with SetWorkflowID(turn_id):
            await DBOS.start_workflow_async(_turn_workflow, turn_id)

    async def state(self, turn_id: str) -> WorkflowState:
        """How far the turn's workflow is."""
        status = await DBOS.get_workflow_status_async(turn_id)
        if status is None:
            return WorkflowState.UNKNOWN
        return WorkflowState.UNDER_WAY if status.status in _UNDER_WAY else WorkflowState.OVER

    async def resume(self, turn_id: str) -> None:
        """Have some worker go on with a turn whose worker is gone; one that is over stays so."""
        if await self.state(turn_id) is WorkflowState.UNDER_WAY:
            await DBOS.resume_workflow_async(turn_id)

    async def resume_after_close(self, turn_ids: Sequence[str]) -> None:
        """Have another worker go on with turns that were cut off here."""
        await asyncio.to_thread(self._resume_for_others, turn_ids)

    def _resume_for_others(self, turn_ids: Sequence[str]) -> None:
        client = DBOSClient(system_database_engine=self._engine)
        try:
            known = client.list_workflows(workflow_ids=list(turn_ids), status=list(_UNDER_WAY))
            for workflow in known:
                client.resume_workflow(workflow.workflow_id)
        finally:
            client.destroy()
            self._engine.dispose()

    def abandon(self, turn_id: str) -> None:
        """End a turn here that is another worker's now; its records stay as they are."""
        if turn_id in _running:
            _running[turn_id].cancel()

    async def delete(self, turn_ids: Sequence[str]) -> None:
        """Delete all records of turns that are over: their steps and what these returned."""
        await DBOS.delete_workflows_async(list(turn_ids))

    async def shred(self) -> None:
        """See that what was deleted does not live on in the write-ahead log of SQLite."""

        def checkpoint() -> None:
            with self._engine.connect() as db:
                db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

        if self._engine.dialect.name == "sqlite":
            await asyncio.to_thread(checkpoint)

    async def finished_before(self, when: datetime, limit: int) -> list[str]:
        """Turns whose workflows ended before a time."""
        found = await DBOS.list_workflows_async(
            status=list(_OVER),
            completed_before=when.isoformat(),
            limit=limit,
            load_input=False,
            load_output=False,
        )
        return [workflow.workflow_id for workflow in found]

    async def unfinished_since(self, when: datetime, limit: int, skip: int) -> list[str]:
        """Turns whose workflows began before a time and have not ended, the oldest first."""
        found = await DBOS.list_workflows_async(
            status=list(_UNDER_WAY),
            end_time=when.isoformat(),
            limit=limit,
            offset=skip,
            load_input=False,
            load_output=False,
        )
        return [workflow.workflow_id for workflow in found]

    async def close(self) -> None:
        """End the library's threads. Turns still running are taken up at the next launch."""
        # Cancelled, a workflow leaves its state as it is; failing, it would be over. The library
        # warns of each, though it is meant.
        logging.getLogger("dbos").setLevel(logging.ERROR)
        cut_off = list(_running.values())
        for task in cut_off:
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)
        await asyncio.to_thread(DBOS.destroy)
        # DBOS made its own executor the loop's default, and has shut it down.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        self._engine.dispose()
