"""The core's tables. Every change is a migration in `migrations/versions` as well."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

threads = sa.Table(
    "threads",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("created_at", sa.Float, nullable=False),
    # The one turn that may run now: the lock that keeps a thread in order.
    sa.Column("running_turn", sa.String),
    sa.Column("container_id", sa.String),
    sa.Column("container_memory", sa.String),
    sa.Column("container_used_at", sa.Float),
    sa.Column("last_response_id", sa.String),
    # Counts resets: a turn that began before one must not bring its container back.
    sa.Column("generation", sa.Integer, nullable=False, server_default="0"),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("thread", sa.String, sa.ForeignKey("threads.key"), nullable=False),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("author_id", sa.String, nullable=False),
    sa.Column("author_name", sa.String, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("attachments", sa.JSON, nullable=False),
    sa.Column("addressed", sa.String, nullable=False),
    sa.Column("sent_at", sa.Float, nullable=False),
    sa.Column("accepted_at", sa.Float, nullable=False),
    sa.Column("turn_id", sa.String),
    sa.UniqueConstraint("thread", "id"),
    sa.Index("ix_messages_waiting", "thread", "turn_id", "seq"),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("thread", sa.String, sa.ForeignKey("threads.key"), nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("finished_at", sa.Float),
    sa.Column("reply_ref", sa.String),
    sa.Column("response_id", sa.String),
    sa.Column("stop_requested", sa.Boolean, nullable=False, server_default=sa.false()),
    # What the engine answered: text, code runs, citations, usage (bot/events.py Outcome).
    sa.Column("outcome", sa.JSON),
    sa.Column("notes", sa.JSON, nullable=False, server_default="[]"),
    sa.Index("ix_turns_state", "state"),
    sa.Index("ix_turns_thread", "thread", "created_at"),
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("thread", sa.String, sa.ForeignKey("threads.key"), nullable=False),
    sa.Column("turn_id", sa.String, nullable=False),
    sa.Column("origin", sa.String, nullable=False),  # person | code
    sa.Column("author_id", sa.String),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("media_type", sa.String, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    # The copy at the engine, if it still has one.
    sa.Column("engine_file_id", sa.String),
    sa.Column("engine_expires_at", sa.Float),
    # Where the file lies in a container, and which one: rebuilt containers have it elsewhere.
    sa.Column("container_id", sa.String),
    sa.Column("container_file_id", sa.String),
    sa.Column("container_path", sa.String),
    sa.Index("ix_files_thread", "thread", "created_at"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("turn_id", sa.String, sa.ForeignKey("turns.id"), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    # Set before the first try: from then on a repeat looks the post up first.
    sa.Column("tried_at", sa.Float),
    sa.Column("sent_at", sa.Float),
    sa.Column("ref", sa.String),
    sa.Index("ix_outbox_turn", "turn_id"),
)
