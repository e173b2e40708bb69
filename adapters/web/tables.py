"""The adapter's own tables."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

conversations = Table(
    "web_conversations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("title", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

# `position` orders a conversation; clocks may step back.
messages = Table(
    "web_messages",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("conversation_id", ForeignKey("web_conversations.id"), nullable=False),
    Column("role", String(16), nullable=False),
    Column("author", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Column("attachments", JSON, nullable=False),
    Column("turn_id", String(255), unique=True),
    Column("post_id", String(255), unique=True),
    Column("post", JSON),
    Column("state", String(16), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("good", Boolean),  # what the person thinks of an answer
    Index("web_messages_conversation", "conversation_id", "position"),
)

uploads = Table(
    "web_uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("conversation_id", ForeignKey("web_conversations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

# Only what was posted or handed out in a conversation can be downloaded there.
artifacts = Table(
    "web_artifacts",
    metadata,
    Column("conversation_id", ForeignKey("web_conversations.id"), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("name", Text, nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)
