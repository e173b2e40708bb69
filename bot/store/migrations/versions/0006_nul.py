"""No NUL in what PostgreSQL is to look into."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# An escaped backslash before `u0000` is a text of five characters, and stays.
NUL = r"(?<!\\)((?:\\\\)*)\\u0000"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for column in ("outcome", "notes"):
        text = f"{column}::text"
        op.execute(
            f"UPDATE turns SET {column} = regexp_replace({text}, '{NUL}', '\\1', 'g')::json "  # noqa: S608
            f"WHERE {text} LIKE '%\\\\u0000%'"
        )


def downgrade() -> None:
    pass
