"""Days and months of budgets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.budgets import Period

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("now", "day_ends", "month_ends"),
    [
        ("2026-05-20T12:30", "2026-05-21", "2026-06-01"),
        ("2026-12-31T23:59", "2027-01-01", "2027-01-01"),
        ("2028-02-29T00:00", "2028-03-01", "2028-03-01"),
        ("2026-01-31T00:00", "2026-02-01", "2026-02-01"),
    ],
)
def test_ends(now: str, day_ends: str, month_ends: str) -> None:
    """A day ends at the next midnight in UTC, a month with its last day."""
    at = datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp()

    assert Period.DAY.ends(at).date().isoformat() == day_ends
    assert Period.MONTH.ends(at).date().isoformat() == month_ends


@given(moments, st.sampled_from(Period))
def test_every_moment_has_its_period(now: datetime, period: Period) -> None:
    """A moment lies in its own period, and the next one begins where it ends."""
    at = now.timestamp()
    end = period.ends(at).timestamp()

    assert period.began(at) <= at < end
    assert period.began(end) == end
    assert period.began(end - 1) == period.began(at)
