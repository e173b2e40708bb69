"""Rows of the adapter's tables as records, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row

from adapters.web.records import Conversation, Message, MessageState, Role, StoredFile
from bot.domain import Artifact, Attachment, Post

_POST = TypeAdapter(Post)
_ATTACHMENTS = TypeAdapter(tuple[Attachment, ...])


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def conversation_of(row: Row[Any]) -> Conversation:
    """A row of web_conversations."""
    return Conversation(row.id, row.title, _utc(row.created_at), _utc(row.updated_at))


def message_of(row: Row[Any]) -> Message:
    """A row of web_messages."""
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        role=Role(row.role),
        text=row.text,
        attachments=_ATTACHMENTS.validate_python(row.attachments),
        turn_id=row.turn_id,
        post=None if row.post is None else _POST.validate_python(row.post),
        state=MessageState(row.state),
        created_at=_utc(row.created_at),
        good=row.good,
    )


def file_of(row: Row[Any]) -> StoredFile:
    """A row of web_uploads or web_artifacts."""
    return StoredFile(row.id, row.name, row.media_type, row.size_bytes, row.sha256)


def values_of_file(conversation_id: str, file: StoredFile) -> dict[str, Any]:
    """The columns that web_uploads and web_artifacts share."""
    return {
        "id": file.id,
        "conversation_id": conversation_id,
        "name": file.name,
        "media_type": file.media_type,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
    }


def stored_artifact(artifact: Artifact) -> StoredFile:
    """An artifact of an answer as a file to download."""
    return StoredFile(
        artifact.id,
        artifact.name,
        artifact.media_type,
        artifact.blob.size_bytes,
        artifact.blob.sha256,
    )


def post_json(post: Post) -> Any:
    """A post as JSON-able data."""
    return _POST.dump_python(post, mode="json")


def attachments_json(attachments: Sequence[Attachment]) -> Any:
    """Attachments as JSON-able data."""
    return _ATTACHMENTS.dump_python(tuple(attachments), mode="json")


def _utc(moment: datetime) -> datetime:
    """SQLite gives times back without their zone, PostgreSQL in the session's."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
