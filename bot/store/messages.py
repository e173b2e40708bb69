"""Messages, as rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Addressing, Attachment, Author, IncomingMessage, ThreadKey


def as_row(message: IncomingMessage) -> dict[str, Any]:
    """A message as the table `messages` takes it."""
    return {
        "thread": str(message.key),
        "id": message.id,
        "author_id": message.author.id,
        "author_name": message.author.name,
        "text": message.text,
        "attachments": [asdict(attachment) for attachment in message.attachments],
        "addressed": message.addressed.value,
        "sent_at": message.sent_at.timestamp(),
        "accepted_at": time.time(),
    }


def from_row(row: Mapping[Any, Any]) -> IncomingMessage:
    """The inverse of `as_row`."""
    return IncomingMessage(
        key=ThreadKey.parse(row["thread"]),
        id=row["id"],
        author=Author(row["author_id"], row["author_name"]),
        text=row["text"],
        attachments=tuple(Attachment(**stored) for stored in row["attachments"]),
        addressed=Addressing(row["addressed"]),
        sent_at=datetime.fromtimestamp(row["sent_at"], UTC),
    )


async def insert_once(db: AsyncConnection, table: sa.Table, **values: Any) -> bool:
    """Insert a row unless its key is taken; whether it was inserted."""
    dialect = postgresql if db.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    # Without the option PostgreSQL's count of inserted rows is lost.
    done = await db.execute(statement, execution_options={"preserve_rowcount": True})
    return done.rowcount > 0
