"""The character NUL in what code printed: PostgreSQL has no room for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import CodeRun, RunState
from bot.events import Outcome
from bot.followups import Followups
from bot.store.arrivals import Arrivals
from bot.store.database import CORE_MIGRATIONS, open_database, upgrade
from bot.store.erasures import Erasures
from bot.store.nul import to_json, without_nul
from bot.store.turns import Turns, TurnState
from tests.fakes.platform import ScriptedChat

PRINTED = "a\0b \\u0000 \\\\u0000 c"


async def test_printed_by_code(chat: ScriptedChat, postgres_url: str) -> None:
    """A thread in which code printed it can be looked at and forgotten."""
    database = open_database(postgres_url, timeout_seconds=5)
    await upgrade(database)
    message = chat.message("what is in the file?")
    turn_id = (await Arrivals(database).accept(message, Followups.SMART)).turn_id
    assert turn_id is not None
    turns, run = Turns(database), CodeRun("r", "print(…)", RunState.DONE, logs=PRINTED)
    outcome = Outcome(response_id="resp_1", runs=(run,)).as_json()

    await turns.collect(turn_id)
    await turns.update(turn_id, outcome=outcome)
    await turns.settle(turn_id, TurnState.DONE)
    known = await turns.get(turn_id)
    context = await turns.context(message.key, 0)
    erased = await Erasures(database).erase(message.key)

    assert known.outcome is not None
    assert known.outcome.runs[0].logs == PRINTED.replace("\0", "")
    assert context == (1, 0)
    assert erased.turns == 1
    await database.dispose()


async def test_stored_by_an_older_version(chat: ScriptedChat, postgres_url: str) -> None:
    """What an older version stored with it is mended by the migration, and nothing else."""
    database = open_database(postgres_url, timeout_seconds=5)
    async with database.begin() as db:
        await db.run_sync(_migrate, "0005")
        row = {"stored": '{"a": "x\\u0000y", "b": "\\\\u0000", "c": "\\\\\\u0000"}'}
        await db.execute(sa.text("INSERT INTO threads (key, created_at) VALUES ('t', 0)"))
        insert = "INSERT INTO turns (id, thread, state, created_at, outcome) VALUES"
        await db.execute(sa.text(f"{insert} ('turn', 't', 'done', 0, :stored)"), row)

    await upgrade(database)

    async with database.connect() as db:
        texts = "SELECT outcome ->> 'a', outcome ->> 'b', outcome ->> 'c' FROM turns"
        assert tuple((await db.execute(sa.text(texts))).one()) == ("xy", "\\u0000", "\\")
    await database.dispose()


def _migrate(db: sa.Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(CORE_MIGRATIONS))
    config.attributes.update(connection=db, version_table="alembic_version_core")
    command.upgrade(config, to)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_JSON)
def test_anywhere(value: object) -> None:
    """However deep it lies, JSON for PostgreSQL has it nowhere; what has none stays as it is."""
    if "\\u0000" not in repr(value).replace("\\x00", "\\u0000"):
        assert without_nul(value) == value
    assert "\0" not in repr(without_nul(value)).replace("\\x00", "\0")
    assert to_json(value) == to_json(without_nul(value))
