"""Work on many things at the same time, but not on all."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.concurrency import each


@given(st.lists(st.integers(), max_size=12), st.integers(1, 5))
async def test_each(items: list[int], at_once: int) -> None:
    """Results come in the order of the items, however the calls end; no more run than allowed."""
    now = most = 0

    async def work(item: int) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(abs(item) % 3):
            await asyncio.sleep(0)
        now -= 1
        return item * 2

    results = await each(items, work, at_once=at_once)

    assert results == [item * 2 for item in items]
    assert most <= at_once


async def test_failure() -> None:
    """The first failure is raised as it is, and the others end."""
    ended = []

    async def work(item: int) -> None:
        if item == 1:
            raise ValueError("no")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    with pytest.raises(ValueError, match="no"):
        await each([2, 1, 3], work, at_once=3)

    assert sorted(ended) in ([2], [2, 3])  # one that had not begun just stays away
