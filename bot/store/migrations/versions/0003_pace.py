"""The engine's pace and who waits for it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "engine_pace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("free_at", sa.Float(), nullable=False),
        sa.Column("paused_until", sa.Float(), nullable=False),
        sa.Column("lap", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engine_pace")),
    )
    op.create_table(
        "engine_queue",
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("lap", sa.Integer(), nullable=False),
        sa.Column("queued_at", sa.Float(), nullable=False),
        sa.Column("alive_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("turn_id", name=op.f("pk_engine_queue")),
    )
    op.create_index("ix_engine_queue_lap", "engine_queue", ["lap", "queued_at"])


def downgrade() -> None:
    op.drop_index("ix_engine_queue_lap", table_name="engine_queue")
    op.drop_table("engine_queue")
    op.drop_table("engine_pace")
