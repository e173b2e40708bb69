"""The adapter's own tables."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, MetaData, String, Table, Text

metadata = MetaData()

# Where a turn is shown. `begun`: a message was asked for, its `ts` may have been lost with a crash.
# `posts`: what was sent, by the posts' ids.
replies = Table(
    "slack_replies",
    metadata,
    Column("turn_id", String(255), primary_key=True),
    Column("thread", String(512), nullable=False, index=True),
    Column("ts", String(32)),
    Column("begun", Boolean, nullable=False),
    Column("posts", JSON, nullable=False),
)

# `workspace` is a team's id, or an organisation's where it installed the app as a whole.
installations = Table(
    "slack_installations",
    metadata,
    Column("workspace", String(64), primary_key=True),
    Column("installed_at", Float, nullable=False),
    Column("sealed", Text, nullable=False),
)

states = Table(
    "slack_states",
    metadata,
    Column("state", String(64), primary_key=True),
    Column("expires_at", Float, nullable=False),
)
