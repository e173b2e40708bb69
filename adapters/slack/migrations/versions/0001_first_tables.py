"""The first tables of the Slack adapter."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "slack_replies",
        sa.Column("turn_id", sa.String(255), primary_key=True),
        sa.Column("thread", sa.String(512), nullable=False, index=True),
        sa.Column("ts", sa.String(32)),
        sa.Column("begun", sa.Boolean, nullable=False),
        sa.Column("posts", sa.JSON, nullable=False),
    )
    op.create_table(
        "slack_installations",
        sa.Column("workspace", sa.String(64), primary_key=True),
        sa.Column("installed_at", sa.Float, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
    )
    op.create_table(
        "slack_states",
        sa.Column("state", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.Float, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("slack_states")
    op.drop_table("slack_installations")
    op.drop_table("slack_replies")
