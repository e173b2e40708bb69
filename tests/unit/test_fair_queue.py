"""Who waits is served in laps between the places."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.fair_queue import FairQueue

PLACES = st.lists(st.sampled_from("abcd"), max_size=30)


class TestFairQueue:
    @given(PLACES)
    def test_laps(self, places: list[str]) -> None:
        """A place's n-th is served after every place's one before that; in a place the order of
        arrival is kept."""
        queue = FairQueue()
        laps: Counter[str] = Counter()
        for number, place in enumerate(places):
            queue.add(f"{place}{number}", place)

        served = [queue.take() for _ in places]

        order = []
        for id in served:
            laps[id[0]] += 1
            order.append(laps[id[0]])
        assert order == sorted(order)
        for place in set(places):
            mine = [int(id[1:]) for id in served if id[0] == place]
            assert mine == sorted(mine)
        assert len(queue) == 0

    @given(PLACES, st.data())
    def test_dropped(self, places: list[str], data: st.DataObject) -> None:
        """One that waits no more is not served; the others are."""
        queue = FairQueue()
        ids = [f"{place}{number}" for number, place in enumerate(places)]
        for id in ids:
            queue.add(id, id[0])
        gone = data.draw(st.sets(st.sampled_from(ids))) if ids else set()

        for id in gone:
            queue.drop(id)

        assert all((id in queue) == (id not in gone) for id in ids)
        assert {queue.take() for _ in range(len(queue))} == set(ids) - gone
