"""The adapter's own tables."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, MetaData, String, Table, Text

metadata = MetaData()

# What the bot posted: an answer's posts and the surfaces of turns, by their ids in the core.
posts = Table(
    "discord_posts",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("thread", String(512), nullable=False, index=True),
    Column("channel_id", String(32), nullable=False),
    Column("message_id", String(32), nullable=False, index=True),
    Column("created_at", Float, nullable=False),
)

# Where a conversation's answers go; `chained`: as replies in a channel, no thread being possible.
places = Table(
    "discord_places",
    metadata,
    Column("thread", String(512), primary_key=True),
    Column("channel_id", String(32), nullable=False),
    Column("chained", Boolean, nullable=False),
)

# Commands by which the bot answers where it is not a member; a token lives for 15 minutes.
invocations = Table(
    "discord_invocations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("thread", String(512), nullable=False, index=True),
    Column("application_id", String(32), nullable=False),
    Column("token", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("message_id", String(32)),  # of a question: where it is shown, and as what
    Column("question", Text),
)

# Commands that were followed: where two workers listen for a moment, one follows each.
claims = Table(
    "discord_claims",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("created_at", Float, nullable=False, index=True),
)

# Single values: the registered commands' fingerprint, up to where messages were seen.
state = Table(
    "discord_state",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("value", Text, nullable=False),
)
