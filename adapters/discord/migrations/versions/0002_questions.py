"""The message that shows a question by command, and the question: its answer comes in its place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("discord_invocations", sa.Column("message_id", sa.String(32)))
    op.add_column("discord_invocations", sa.Column("question", sa.Text))


def downgrade() -> None:
    op.drop_column("discord_invocations", "question")
    op.drop_column("discord_invocations", "message_id")
