"""The first tables of the Discord adapter."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "discord_posts",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("thread", sa.String(512), nullable=False),
        sa.Column("channel_id", sa.String(32), nullable=False),
        sa.Column("message_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_index("ix_discord_posts_thread", "discord_posts", ["thread"])
    op.create_index("ix_discord_posts_message_id", "discord_posts", ["message_id"])
    op.create_table(
        "discord_places",
        sa.Column("thread", sa.String(512), primary_key=True),
        sa.Column("channel_id", sa.String(32), nullable=False),
        sa.Column("chained", sa.Boolean, nullable=False),
    )
    op.create_table(
        "discord_invocations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("thread", sa.String(512), nullable=False),
        sa.Column("application_id", sa.String(32), nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_index("ix_discord_invocations_thread", "discord_invocations", ["thread"])
    op.create_table(
        "discord_claims",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_index("ix_discord_claims_created_at", "discord_claims", ["created_at"])
    op.create_table(
        "discord_state",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("state", "claims", "invocations", "places", "posts"):
        op.drop_table(f"discord_{table}")
