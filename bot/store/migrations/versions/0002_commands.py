"""What commands set and show: threads' own settings, participants, usage, channels, feedback."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("threads") as threads:
        threads.add_column(sa.Column("place", sa.String(), nullable=False, server_default=""))
        threads.add_column(sa.Column("title", sa.String(), nullable=False, server_default=""))
        threads.add_column(
            sa.Column("last_active_at", sa.Float(), nullable=False, server_default="0")
        )
        threads.add_column(
            sa.Column("last_message_id", sa.String(), nullable=False, server_default="")
        )
        threads.add_column(sa.Column("container_created_at", sa.Float(), nullable=True))
        threads.add_column(sa.Column("container_mode", sa.String(), nullable=True))
        threads.add_column(sa.Column("ran_container", sa.String(), nullable=True))
        threads.add_column(sa.Column("memory_limit", sa.String(), nullable=True))
        threads.add_column(sa.Column("mode", sa.String(), nullable=True))
        threads.add_column(sa.Column("model", sa.String(), nullable=True))
        threads.add_column(sa.Column("effort", sa.String(), nullable=True))
        threads.create_index("ix_threads_place", ["place", "last_active_at"])
    with op.batch_alter_table("messages") as messages:
        messages.add_column(sa.Column("intent", sa.String(), nullable=False, server_default="ask"))
        messages.add_column(
            sa.Column("withdrawn", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("files") as files:
        files.add_column(sa.Column("author_name", sa.String(), nullable=True))
        files.add_column(sa.Column("deleted_at", sa.Float(), nullable=True))
    op.create_table(
        "participants",
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["thread"], ["threads.key"], name=op.f("fk_participants_thread_threads")
        ),
        sa.PrimaryKeyConstraint("thread", "author_id", name=op.f("pk_participants")),
    )
    op.create_table(
        "usage",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("author_name", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("code_runs", sa.Integer(), nullable=False),
        sa.Column("container_id", sa.String(), nullable=True),
        sa.Column("container_minutes", sa.Float(), nullable=False),
        sa.Column("container_since", sa.Float(), nullable=True),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("unpriced", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_usage")),
        sa.UniqueConstraint("turn_id", name=op.f("uq_usage_turn_id")),
    )
    op.create_index("ix_usage_container", "usage", ["container_id"])
    op.create_index("ix_usage_workspace", "usage", ["workspace", "created_at"])
    op.create_index("ix_usage_thread", "usage", ["thread"])
    op.create_table(
        "channel_settings",
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("place", "name", name=op.f("pk_channel_settings")),
    )
    op.create_table(
        "feedback",
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("good", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_feedback_turn_id_turns")),
        sa.PrimaryKeyConstraint("turn_id", "author_id", name=op.f("pk_feedback")),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    _fill_in()


def _fill_in() -> None:
    """What the new columns say of the threads that are there already."""
    op.execute("INSERT INTO participants SELECT DISTINCT thread, author_id FROM messages")
    names = ("key", "place", "title", "created_at", "last_active_at", "last_message_id")
    of_container = ("container_id", "container_used_at", "container_created_at")
    of_code = ("container_mode", "ran_container")
    threads = sa.table("threads", *map(sa.column, (*names, *of_container, *of_code)))
    messages = sa.table("messages", *map(sa.column, ("seq", "thread", "id", "text", "accepted_at")))
    c, m = threads.c, messages.c
    mine = sa.select().where(m.thread == c.key).limit(1)
    last = mine.add_columns(m.id).order_by(m.seq.desc()).scalar_subquery()
    first = mine.add_columns(sa.func.substr(m.text, 1, 80)).order_by(m.seq).scalar_subquery()
    active = mine.add_columns(sa.func.max(m.accepted_at)).scalar_subquery()
    values = {
        "ran_container": c.container_id,
        "container_mode": "auto",
        "container_created_at": c.container_used_at,
        "last_active_at": sa.func.coalesce(active, c.created_at),
        "last_message_id": sa.func.coalesce(last, ""),
        "title": sa.func.coalesce(first, ""),
    }
    op.execute(sa.update(threads).values(values))
    db = op.get_bind()
    for key in list(db.scalars(sa.select(threads.c.key))):
        place = key.rpartition("/")[0]
        db.execute(sa.update(threads).where(threads.c.key == key).values(place=place))


def downgrade() -> None:
    op.drop_table("erasures")
    op.drop_table("feedback")
    op.drop_table("channel_settings")
    op.drop_index("ix_usage_thread", table_name="usage")
    op.drop_index("ix_usage_workspace", table_name="usage")
    op.drop_index("ix_usage_container", table_name="usage")
    op.drop_table("usage")
    op.drop_table("participants")
    with op.batch_alter_table("files") as files:
        files.drop_column("deleted_at")
        files.drop_column("author_name")
    with op.batch_alter_table("messages") as messages:
        messages.drop_column("withdrawn")
        messages.drop_column("intent")
    with op.batch_alter_table("threads") as threads:
        threads.drop_index("ix_threads_place")
        for name in (
            "effort", "model", "mode", "memory_limit", "ran_container", "container_mode",
            "container_created_at", "last_message_id", "last_active_at", "title", "place",
        ):  # fmt: skip
            threads.drop_column(name)
