"""What a database says when it can't be had or won't do a thing, in words for the operator."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeGuard

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from bot.errors import SettingsError

INSUFFICIENT_PRIVILEGE = "42501"
OWNER = "Make the role the database's owner."


def is_outage(error: BaseException | None) -> TypeGuard[DBAPIError]:
    """Whether a database could not be had, as opposed to a statement that is wrong."""
    if not isinstance(error, DBAPIError):
        return False
    if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False  # SQLite calls a wrong statement an operational error too
    return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated


def reason_of(error: DBAPIError) -> str:
    """What the database says went wrong, in one line, without the statement."""
    return " ".join(str(error.orig).partition("\nLINE ")[0].split())


def shown(url: sa.URL) -> str:
    """Which database it is, without a name or a secret, wherever in the address they stand."""
    if not url.host:
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"{url.host}{port}/{url.database or ''}"


@contextmanager
def in_a_sentence(url: sa.URL) -> Iterator[None]:
    """Have what a database refuses in the block be the operator's to mend.

    Raises:
        SettingsError: the database can't be reached, or lets us in but not make tables.
    """
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        why = f"The database {shown(url)} can't be used: {reason_of(error)}"
        unprivileged = getattr(error.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE
        raise SettingsError(f"{why}. {OWNER}" if unprivileged else why) from error
