"""Uploaded files (`/v1/files`): a row and a file on disk each, until deleted or expired."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import file_not_found
from engine.ids import new_file_id
from engine.storage import Database, Page, PageQuery, read_page
from engine.uploads import ReceivedFile


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An uploaded file. `filename` is for display; on disk it is found by `id`."""

    id: str
    filename: str
    purpose: str
    size_bytes: int
    created_at: float
    expires_at: float | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> StoredFile:
        """A file as the database knows it."""
        times = (row["created_at"], row["expires_at"])
        return cls(row["id"], row["filename"], row["purpose"], row["bytes"], *times)

    def as_json(self) -> dict[str, object]:
        """Schema `OpenAIFile`."""
        body: dict[str, object] = {
            "object": "file",
            "id": self.id,
            "purpose": self.purpose,
            "filename": self.filename,
            "bytes": self.size_bytes,
            "created_at": int(self.created_at),
            "status": "processed",
        }
        if self.expires_at is not None:
            body["expires_at"] = int(self.expires_at)
        return body


class FileStore:
    """Keeps uploaded files in `folder`."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder, and remove uploads that a server before this one left half-done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob("incoming-*"):
            leftover.unlink(missing_ok=True)

    async def add(self, received: ReceivedFile, purpose: str, seconds: int | None) -> StoredFile:
        """Take a received file over; it expires after `seconds`, or never."""
        now = time.time()
        expires_at = now + seconds if seconds is not None else None
        file = StoredFile(
            new_file_id(), received.name, purpose, received.size_bytes, now, expires_at
        )
        await asyncio.to_thread(received.path.rename, self.path(file.id))
        await self._database.execute(
            "INSERT INTO files (id, filename, purpose, bytes, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (file.id, file.filename, purpose, file.size_bytes, now, expires_at),
        )
        return file

    def path(self, file_id: str) -> Path:
        """Where a known file's bytes lie."""
        return self.folder / file_id

    async def get(self, file_id: str, *, param: str = "id") -> StoredFile:
        """A file that has not expired.

        Raises:
            NotFound: naming `param` as the parameter at fault.
        """
        sql = "SELECT * FROM files WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)"
        row = await self._database.row(sql, (file_id, time.time()))
        if row is None:
            raise file_not_found(file_id, param)
        return StoredFile.from_row(row)

    async def get_all(self, file_ids: Sequence[str], *, param: str) -> list[StoredFile]:
        """Several files, in order and each once. Raises NotFound for the first unknown one."""
        return [await self.get(file_id, param=param) for file_id in dict.fromkeys(file_ids)]

    async def page(self, query: PageQuery, purpose: str | None) -> Page:
        """One page of the files, of one purpose or of all."""
        where = "(expires_at IS NULL OR expires_at > ?) AND (? IS NULL OR purpose = ?)"
        values = (time.time(), purpose, purpose)
        return await read_page(self._database, "files", query, where, values)

    async def delete(self, file_id: str) -> None:
        """Remove a file; copies in containers stay. Raises NotFound."""
        await self.get(file_id)
        await self._database.execute("DELETE FROM files WHERE id = ?", (file_id,))
        await asyncio.to_thread(self.path(file_id).unlink, missing_ok=True)

    async def sweep(self) -> None:
        """Remove what has expired."""
        sql = "SELECT id FROM files WHERE expires_at <= ? LIMIT 1000"
        for row in await self._database.rows(sql, (time.time(),)):
            await asyncio.to_thread(self.path(row["id"]).unlink, missing_ok=True)
            await self._database.execute("DELETE FROM files WHERE id = ?", (row["id"],))
