"""Waiting for a database that is locked or gone."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from bot.store.patience import patiently


class Database:
    """Refuses a number of times."""

    def __init__(self, refusals: int, error: Exception | None = None) -> None:
        self._error = error or OperationalError("select", {}, Exception("database is locked"))
        self._refusals = refusals
        self.asked = 0

    async def ask(self) -> str:
        self.asked += 1
        if self.asked <= self._refusals:
            raise self._error
        return "row"


class TestPatiently:
    async def test_comes_back(self) -> None:
        """What failed as the database was not there succeeds when it is."""
        database = Database(refusals=2)

        assert await patiently(database.ask, seconds=10) == "row"
        assert database.asked == 3

    async def test_stays_away(self) -> None:
        """After the time given, the database's own error is raised."""
        database = Database(refusals=1_000)

        with pytest.raises(OperationalError, match="locked"):
            await patiently(database.ask, seconds=0.3)
        assert database.asked > 1

    async def test_another_error(self) -> None:
        """What time does not mend is raised at once."""
        database = Database(refusals=1, error=ValueError("no"))

        with pytest.raises(ValueError, match="no"):
            await patiently(database.ask, seconds=10)
