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
    # `ThreadKey.place`, for lists; the title is how the first question begins.
    sa.Column("place", sa.String, nullable=False, server_default=""),
    sa.Column("title", sa.String, nullable=False, server_default=""),
    sa.Column("last_active_at", sa.Float, nullable=False, server_default="0"),
    sa.Column("last_message_id", sa.String, nullable=False, server_default=""),
    sa.Column("container_created_at", sa.Float),
    sa.Column("container_mode", sa.String),
    # In which container code ran last: in any other one its variables are gone.
    sa.Column("ran_container", sa.String),
    # What people chose for the thread; where NULL, the channel's settings hold.
    sa.Column("memory_limit", sa.String),
    sa.Column("mode", sa.String),
    sa.Column("model", sa.String),
    sa.Column("effort", sa.String),
    sa.Index("ix_threads_place", "place", "last_active_at"),
)

# Who has written in a thread, also without being answered.
participants = sa.Table(
    "participants",
    metadata,
    sa.Column("thread", sa.String, sa.ForeignKey("threads.key"), primary_key=True),
    sa.Column("author_id", sa.String, primary_key=True),
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
    sa.Column("intent", sa.String, nullable=False, server_default="ask"),  # ask | files
    # Deleted in the chat while it waited. The row stays, so that a redelivery changes nothing.
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
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
    # Which worker has it, and which of that worker's executions counts; NULL where there is one.
    sa.Column("worker", sa.String),
    sa.Column("execution", sa.String),
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
    sa.Column("author_name", sa.String),
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
    # A person deleted this version, and it stays deleted.
    sa.Column("deleted_at", sa.Float),
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

# Messages that are nothing but a command. Once answered, a row says no more than that it was.
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("thread", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("author_id", sa.String, nullable=False),
    sa.Column("author_name", sa.String, nullable=False),
    sa.Column("admin", sa.Boolean, nullable=False),
    sa.Column("command", sa.String, nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("locator", sa.JSON, nullable=False),
    sa.Column("sent_at", sa.Float, nullable=False),
    # Which process follows it.
    sa.Column("worker", sa.String, nullable=False),
    sa.Column("answered_at", sa.Float),
    sa.Index("ix_orders_answered_at", "answered_at"),
)

# Uploads to the engine that have begun and of which no id was noted yet. `fingerprint` tells a
# file by name and size, without keeping a person's file name.
uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("fingerprint", sa.String, nullable=False),
    sa.Column("begun_at", sa.Float, nullable=False),
    sa.Index("ix_uploads_begun_at", "begun_at"),
)

# The mark that the files of this database bear; one row.
blob_marks = sa.Table(
    "blob_marks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("mark", sa.String, nullable=False),
)

# What each turn cost. `thread` is emptied when the thread is forgotten: the books stay right.
usage = sa.Table(
    "usage",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),  # the order of booking
    sa.Column("turn_id", sa.String, nullable=False),
    sa.Column("thread", sa.String),
    sa.Column("place", sa.String, nullable=False),
    sa.Column("workspace", sa.String, nullable=False),
    sa.Column("author_id", sa.String, nullable=False),
    sa.Column("author_name", sa.String, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("cached_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("code_runs", sa.Integer, nullable=False),
    sa.Column("container_id", sa.String),
    sa.Column("container_minutes", sa.Float, nullable=False),
    # Since when the container lives, as far as we know: it is paid by its life.
    sa.Column("container_since", sa.Float),
    # What is known of the cost; `unpriced` where the price table lacks the model or the tier.
    sa.Column("cost_usd", sa.Float, nullable=False),
    sa.Column("unpriced", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.UniqueConstraint("turn_id"),
    sa.Index("ix_usage_container", "container_id"),
    sa.Index("ix_usage_workspace", "workspace", "created_at"),
    sa.Index("ix_usage_thread", "thread"),
)

# What admins set for a channel, one row a setting.
channel_settings = sa.Table(
    "channel_settings",
    metadata,
    sa.Column("place", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
    sa.Column("set_by", sa.String, nullable=False),
    sa.Column("set_at", sa.Float, nullable=False),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("turn_id", sa.String, sa.ForeignKey("turns.id"), primary_key=True),
    sa.Column("author_id", sa.String, primary_key=True),
    sa.Column("good", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
)

# What is still to be deleted elsewhere (the engine, the blob store…), until it is done.
erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("ref", sa.String, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
)

# The engine's pace, one row for all workers (bot/store/pace.py).
engine_pace = sa.Table(
    "engine_pace",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("free_at", sa.Float, nullable=False),
    sa.Column("paused_until", sa.Float, nullable=False),
    sa.Column("lap", sa.Integer, nullable=False),
)

# Turns that wait to ask the engine.
engine_queue = sa.Table(
    "engine_queue",
    metadata,
    sa.Column("turn_id", sa.String, primary_key=True),
    sa.Column("place", sa.String, nullable=False),
    sa.Column("lap", sa.Integer, nullable=False),
    sa.Column("queued_at", sa.Float, nullable=False),
    # A worker that died leaves its places behind; they count no more from then on.
    sa.Column("alive_until", sa.Float, nullable=False),
    sa.Index("ix_engine_queue_lap", "lap", "queued_at"),
)

# Processes on this database; a row is deleted when its worker ends, or is given up by the others.
workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
)

# What only one worker at a time may do. A lease ends with its worker.
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("worker", sa.String, sa.ForeignKey("workers.id", ondelete="CASCADE"), nullable=False),
)
