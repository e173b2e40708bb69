"""Threads, messages, turns, files, outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "threads",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("running_turn", sa.String(), nullable=True),
        sa.Column("container_id", sa.String(), nullable=True),
        sa.Column("container_memory", sa.String(), nullable=True),
        sa.Column("container_used_at", sa.Float(), nullable=True),
        sa.Column("last_response_id", sa.String(), nullable=True),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_threads")),
    )
    op.create_table(
        "files",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("engine_file_id", sa.String(), nullable=True),
        sa.Column("engine_expires_at", sa.Float(), nullable=True),
        sa.Column("container_id", sa.String(), nullable=True),
        sa.Column("container_file_id", sa.String(), nullable=True),
        sa.Column("container_path", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["thread"], ["threads.key"], name=op.f("fk_files_thread_threads")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    op.create_index("ix_files_thread", "files", ["thread", "created_at"], unique=False)
    op.create_table(
        "messages",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("author_name", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.Column("addressed", sa.String(), nullable=False),
        sa.Column("sent_at", sa.Float(), nullable=False),
        sa.Column("accepted_at", sa.Float(), nullable=False),
        sa.Column("turn_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["thread"], ["threads.key"], name=op.f("fk_messages_thread_threads")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_messages")),
        sa.UniqueConstraint("thread", "id", name=op.f("uq_messages_thread_id")),
    )
    op.create_index("ix_messages_waiting", "messages", ["thread", "turn_id", "seq"], unique=False)
    op.create_table(
        "turns",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("reply_ref", sa.String(), nullable=True),
        sa.Column("response_id", sa.String(), nullable=True),
        sa.Column("stop_requested", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=True),
        sa.Column("notes", sa.JSON(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(["thread"], ["threads.key"], name=op.f("fk_turns_thread_threads")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
    )
    op.create_index("ix_turns_state", "turns", ["state"], unique=False)
    op.create_index("ix_turns_thread", "turns", ["thread", "created_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("tried_at", sa.Float(), nullable=True),
        sa.Column("sent_at", sa.Float(), nullable=True),
        sa.Column("ref", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_outbox_turn_id_turns")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_turn", "outbox", ["turn_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_outbox_turn", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index("ix_turns_thread", table_name="turns")
    op.drop_index("ix_turns_state", table_name="turns")
    op.drop_table("turns")
    op.drop_index("ix_messages_waiting", table_name="messages")
    op.drop_table("messages")
    op.drop_index("ix_files_thread", table_name="files")
    op.drop_table("files")
    op.drop_table("threads")
