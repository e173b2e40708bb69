"""Events of responses: kept in SQLite, so that any number of readers follow, now or later."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator, Sequence
from typing import Any

from engine.storage import Database

Event = dict[str, Any]

READ_MAX = 256  # events that a reader holds at once
PIECE_CHARS = 24  # a delta is at least this long, to its word's end
PIECE_CHARS_MAX = 1024
OBFUSCATION_BLOCK = 16  # deltas and their padding fill blocks of this size [seen]

_WORD = re.compile(r"\s*\S+|\s+")


def pieces(text: str) -> list[str]:
    """Cut text into deltas at word ends; joined again they are the text."""
    cut: list[str] = []
    piece = ""
    for word in _WORD.findall(text):
        for start in range(0, len(word), PIECE_CHARS_MAX):
            piece += word[start : start + PIECE_CHARS_MAX]
            if len(piece) >= PIECE_CHARS:
                cut.append(piece)
                piece = ""
    return [*cut, piece] if piece else cut


def encode(kind: str, payload: str, *, obfuscated: bool) -> bytes:
    """One server-sent event; a delta gets `obfuscation`, which hides its length."""
    if obfuscated and kind.endswith(".delta"):
        used = len(json.loads(payload)["delta"])
        padding = secrets.token_urlsafe(OBFUSCATION_BLOCK)[: OBFUSCATION_BLOCK - used % 16]
        payload = f'{payload[:-1]},"obfuscation":"{padding}"}}'
    return f"event: {kind}\ndata: {payload}\n\n".encode()


class Journal:
    """Numbers the events of one response and gathers them until they are stored."""

    def __init__(self, *, kept: bool, first: int = 0) -> None:
        self.kept = kept  # False where nobody can read them: neither streamed nor background
        self._number = first
        self._events: list[Event] = []

    def add(self, kind: str, **fields: Any) -> None:
        """Add an event with the next `sequence_number`."""
        if self.kept:
            self._events.append({"type": kind, "sequence_number": self._number, **fields})
            self._number += 1

    def take(self) -> list[Event]:
        """What was added since the last call."""
        events, self._events = self._events, []
        return events


class EventLog:
    """The events of all responses."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pulses: dict[str, asyncio.Event] = {}

    def open(self, response_id: str) -> None:
        """Let readers of this response wait for more."""
        self._pulses[response_id] = asyncio.Event()

    async def append(self, response_id: str, events: Sequence[Event]) -> None:
        """Store events and wake the readers."""
        if not events:
            return
        rows = [
            (response_id, event["sequence_number"], event["type"], to_json(event))
            for event in events
        ]
        await self._database.run(lambda connection: _insert(connection, rows))
        pulse = self._pulses.get(response_id)
        if pulse is not None:
            self._pulses[response_id] = asyncio.Event()
            pulse.set()

    def close(self, response_id: str) -> None:
        """No more events will come: readers end when they have read all."""
        pulse = self._pulses.pop(response_id, None)
        if pulse is not None:
            pulse.set()

    async def follow(self, response_id: str, after: int = -1) -> AsyncIterator[tuple[str, str]]:
        """Types and payloads of the events after a sequence number, also of those to come."""
        sql = (
            "SELECT sequence_number, type, payload FROM events"
            " WHERE response_id = ? AND sequence_number > ? ORDER BY sequence_number LIMIT ?"
        )
        while True:
            pulse = self._pulses.get(response_id)  # before the read: nothing slips between
            rows = await self._database.rows(sql, (response_id, after, READ_MAX))
            for row in rows:
                after = row["sequence_number"]
                yield row["type"], row["payload"]
            if rows:
                continue
            if pulse is None:
                return
            await pulse.wait()

    async def next_number(self, response_id: str) -> int:
        """The sequence number that follows the stored ones."""
        sql = "SELECT MAX(sequence_number) AS last FROM events WHERE response_id = ?"
        row = await self._database.row(sql, (response_id,))
        return 0 if row is None or row["last"] is None else int(row["last"]) + 1

    async def forget(self, response_id: str) -> None:
        """Remove a response's events."""
        await self._database.execute("DELETE FROM events WHERE response_id = ?", (response_id,))


def to_json(value: object) -> str:
    """Compact JSON; text stays readable."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _insert(connection: sqlite3.Connection, rows: Sequence[tuple[str, int, str, str]]) -> None:
    sql = "INSERT INTO events (response_id, sequence_number, type, payload) VALUES (?, ?, ?, ?)"
    connection.executemany(sql, rows)
