"""What a person thinks of an answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("web_messages", sa.Column("good", sa.Boolean))


def downgrade() -> None:
    op.drop_column("web_messages", "good")
