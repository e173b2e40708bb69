"""Which files a conversation may hand out: those people sent, those it was given."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.web import rows
from adapters.web.records import StoredFile
from adapters.web.tables import artifacts, uploads
from bot.domain import Artifact


class FileStore:
    """The files of the page's conversations. Each method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def add_upload(self, conversation_id: str, file: StoredFile) -> None:
        """Keep a file that a person sent."""
        values = rows.values_of_file(conversation_id, file) | {"created_at": rows.now()}
        async with self._database.begin() as connection:
            await connection.execute(insert(uploads).values(**values))

    async def upload(self, conversation_id: str, upload_id: str) -> StoredFile | None:
        """A file sent in this conversation, or None."""
        return await self._file(uploads, conversation_id, upload_id)

    async def hand_out(self, conversation_id: str, files: Sequence[Artifact]) -> None:
        """From here on, these files can be downloaded in this conversation."""
        async with self._database.begin() as connection:
            await put_artifacts(connection, conversation_id, files)

    async def artifact(self, conversation_id: str, artifact_id: str) -> StoredFile | None:
        """A file handed out in this conversation, or None."""
        return await self._file(artifacts, conversation_id, artifact_id)

    async def _file(self, table: Table, conversation_id: str, file_id: str) -> StoredFile | None:
        mine = (table.c.conversation_id == conversation_id) & (table.c.id == file_id)
        async with self._database.connect() as connection:
            row = (await connection.execute(select(table).where(mine))).first()
        return None if row is None else rows.file_of(row)


async def put_artifacts(
    connection: AsyncConnection, conversation_id: str, files: Sequence[Artifact]
) -> None:
    """Note files as handed out; one with the same id is replaced."""
    stored = {artifact.id: rows.stored_artifact(artifact) for artifact in files}
    known = (artifacts.c.conversation_id == conversation_id) & artifacts.c.id.in_(stored)
    await connection.execute(delete(artifacts).where(known))
    for file in stored.values():
        values = rows.values_of_file(conversation_id, file)
        await connection.execute(insert(artifacts).values(**values))
