"""What changed, told to the pages of other workers: NOTIFY and LISTEN of PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.web.events import Event, EventHub

log = structlog.get_logger(__name__)

CHANNEL = "threadlab_web"
PAYLOAD_BYTES_MAX = 7_999  # https://www.postgresql.org/docs/current/sql-notify.html
WAITING_MAX = 1_000
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
_STALE = "stale"  # something changed that can't be told: read everything again


class Relay:
    """Carries the events of one worker's hub to the others', and theirs to this one.

    Args:
        hub: this worker's events.
        database: the database that the workers share.
        look_seconds: how often a silent connection is asked whether it still stands.
    """

    def __init__(self, hub: EventHub, database: AsyncEngine, *, look_seconds: float) -> None:
        self._hub = hub
        self._database = database
        self._look_seconds = look_seconds
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING_MAX)

    async def run(self) -> None:
        """Carry events until cancelled; a lost connection is made again."""
        pause_seconds = FIRST_PAUSE_SECONDS
        self._hub.on_publish = self._put
        try:
            while True:
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._hear())
                        group.create_task(self._tell())
                except* (psycopg.Error, SQLAlchemyError, OSError) as lost:
                    error = " ".join(str(lost.exceptions[0]).split())
                    log.warning("pages not told of other workers", error=error)
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
        finally:
            self._hub.on_publish = None

    def _put(self, event: Event) -> None:
        try:
            self._waiting.put_nowait(self._payload(event))
        except asyncio.QueueFull:  # the database is away: all is read again when it is back
            self._waiting.get_nowait()
            self._waiting.put_nowait(self._stale())

    def _payload(self, event: Event) -> str:
        payload = self._line(event.kind, event.conversation_id, event.data)
        if len(payload.encode()) <= PAYLOAD_BYTES_MAX:
            return payload
        if event.kind == "progress":  # the finished answer is told in any case
            known = json.loads(event.data)
            short = json.dumps({"id": known["id"], "status": known["status"]})
            return self._line(event.kind, event.conversation_id, short)
        return self._stale()

    def _stale(self) -> str:
        return self._line(_STALE, None, "null")

    def _line(self, kind: str, conversation_id: str | None, data: str) -> str:
        return json.dumps([self._hub.epoch, kind, conversation_id, data], ensure_ascii=False)

    async def _tell(self) -> None:
        notify = sa.select(sa.func.pg_notify(CHANNEL, sa.bindparam("payload")))
        while True:
            payload = await self._waiting.get()
            async with self._database.begin() as db:
                await db.execute(notify, {"payload": payload})

    async def _hear(self) -> None:
        address = self._database.url.set(drivername="postgresql")
        connected = await psycopg.AsyncConnection.connect(
            address.render_as_string(hide_password=False),
            autocommit=True,
            application_name=CHANNEL,
        )
        async with connected as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._hub.lose()  # what was told before
            while True:
                async for heard in connection.notifies(timeout=self._look_seconds):
                    self._publish(json.loads(heard.payload))
                await connection.execute("SELECT 1")

    def _publish(self, heard: list[Any]) -> None:
        epoch, kind, conversation_id, data = heard
        if epoch == self._hub.epoch:
            return
        if kind == _STALE:
            self._hub.lose()
            return
        if kind == "forgotten":
            self._hub.forget(json.loads(data)["id"])
        self._hub.add(kind, conversation_id, data)
