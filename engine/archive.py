"""Stored responses: their JSON, what was asked, and the chain of `previous_response_id`."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import InvalidRequest, response_not_found
from engine.planner.protocol import Exchange
from engine.response_body import ResponseBody, answer_text, codes
from engine.storage import Database
from engine.stream import to_json

UNFINISHED = ("queued", "in_progress")
PURGE_MAX = 1000

_CHAIN = """
WITH RECURSIVE chain(id, previous_id, question, body, depth) AS (
    SELECT id, previous_id, question, body, 1 FROM responses WHERE id = ?
    UNION ALL
    SELECT older.id, older.previous_id, older.question, older.body, depth + 1
    FROM responses AS older JOIN chain ON older.id = chain.previous_id WHERE depth < ?
)
SELECT question, body FROM chain ORDER BY depth DESC
"""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response as it was last stored. `finished_at` is None while it is worked on."""

    id: str
    background: bool
    stored: bool
    container_id: str | None
    finished_at: float | None
    body: ResponseBody

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> StoredResponse:
        """A response as the database knows it."""
        flags = (bool(row["background"]), bool(row["stored"]))
        times = (row["container_id"], row["finished_at"])
        return cls(row["id"], *flags, *times, json.loads(row["body"]))


class Archive:
    """The responses in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, body: ResponseBody, *, question: str, items: Sequence[dict[str, Any]]
    ) -> None:
        """Store a new response, with its question and its input items (first to last)."""
        sql = (
            "INSERT INTO responses (id, created_at, status, background, stored, previous_id,"
            " question, body, input) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        values = (
            body["id"],
            time.time(),
            body["status"],
            body["background"],
            body["store"],
            body["previous_response_id"],
            question,
            to_json(body),
            to_json(items),
        )
        await self._database.execute(sql, values)

    async def update(self, body: ResponseBody, *, container_id: str | None, finished: bool) -> None:
        """Store how a response stands now."""
        sql = (
            "UPDATE responses SET status = ?, body = ?, container_id = ?, finished_at = ?"
            " WHERE id = ?"
        )
        finished_at = time.time() if finished else None
        values = (body["status"], to_json(body), container_id, finished_at, body["id"])
        await self._database.execute(sql, values)

    async def get(self, response_id: str) -> StoredResponse:
        """A response that clients may see. Raises NotFound."""
        sql = "SELECT * FROM responses WHERE id = ? AND stored"
        row = await self._database.row(sql, (response_id,))
        if row is None:
            raise response_not_found(response_id)
        return StoredResponse.from_row(row)

    async def previous(self, response_id: str) -> StoredResponse:
        """The response that a new one goes on from.

        Raises:
            InvalidRequest: unknown, or not finished yet.
        """
        sql = "SELECT * FROM responses WHERE id = ? AND stored"
        row = await self._database.row(sql, (response_id,))
        if row is None:
            raise InvalidRequest(
                f"Previous response with id '{response_id}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        if row["status"] in UNFINISHED:
            text = f"Previous response with id '{response_id}' is still in progress."
            raise InvalidRequest(text, param="previous_response_id")
        return StoredResponse.from_row(row)

    async def history(self, response_id: str, most: int) -> list[Exchange]:
        """The last exchanges up to a response, oldest first."""
        if most == 0:
            return []
        rows = await self._database.rows(_CHAIN, (response_id, most))
        bodies = [(row["question"], json.loads(row["body"])) for row in rows]
        return [Exchange(question, answer_text(body), codes(body)) for question, body in bodies]

    async def input_items(self, response_id: str) -> list[dict[str, Any]]:
        """What was asked, first to last. Raises NotFound."""
        sql = "SELECT input FROM responses WHERE id = ? AND stored"
        row = await self._database.row(sql, (response_id,))
        if row is None:
            raise response_not_found(response_id)
        items: list[dict[str, Any]] = json.loads(row["input"])
        return items

    async def delete(self, response_id: str) -> None:
        """Remove a response and its events; unknown ones are fine."""
        await self._database.run(lambda connection: _delete(connection, response_id))

    async def unfinished(self) -> list[StoredResponse]:
        """Responses that a server before this one left behind."""
        sql = "SELECT * FROM responses WHERE status IN (?, ?) AND stored"
        return [StoredResponse.from_row(row) for row in await self._database.rows(sql, UNFINISHED)]

    async def purge(self, kept_seconds: float, *, unstored: bool = False) -> None:
        """Remove what is too old, and on request all that nobody may retrieve."""
        sql = "SELECT id FROM responses WHERE created_at < ? OR (? AND NOT stored) LIMIT ?"
        values = (time.time() - kept_seconds, unstored, PURGE_MAX)
        for row in await self._database.rows(sql, values):
            await self.delete(row["id"])


def _delete(connection: sqlite3.Connection, response_id: str) -> None:
    connection.execute("DELETE FROM events WHERE response_id = ?", (response_id,))
    connection.execute("DELETE FROM responses WHERE id = ?", (response_id,))
