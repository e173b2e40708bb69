"""The event buffer: bounded, resumable, and nobody waits for anybody."""

from __future__ import annotations

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from adapters.web.events import EventHub, frame


class TestEventHub:
    def test_gives_what_came_after_a_number_in_order(self) -> None:
        """A stream that has seen event n gets n+1 and on."""
        hub = EventHub(10_000)
        for value in range(5):
            hub.publish("message", "c", value)

        missed = hub.since(2)

        assert missed is not None
        assert [json.loads(event.data) for event in missed] == [2, 3, 4]

    def test_says_when_the_missed_events_are_gone(self) -> None:
        """Who was away for too long needs a snapshot."""
        hub = EventHub(buffer_bytes=40)
        for _ in range(5):
            hub.publish("message", "c", "x" * 18)

        assert hub.since(1) is None
        assert hub.since(4) is not None

    @given(st.lists(st.integers(min_value=0, max_value=300), max_size=40))
    def test_holds_no_more_bytes_than_allowed(self, sizes: list[int]) -> None:
        """The buffer keeps within its bound, the newest event aside."""
        hub = EventHub(buffer_bytes=500)
        for size in sizes:
            hub.publish("message", None, "x" * size)

        oldest = next(number for number in range(hub.last + 1) if hub.since(number) is not None)
        held = hub.since(oldest) or ()
        assert len(held) <= 1 or sum(len(event.data) for event in held) <= 500

    def test_knows_the_ids_of_this_process_only(self) -> None:
        """After a restart, an old Last-Event-ID means nothing."""
        hub, other = EventHub(1000), EventHub(1000)
        hub.publish("typing", "c", {})

        assert hub.number_of(hub.event_id(1)) == 1
        assert hub.number_of(other.event_id(1)) is None
        assert hub.number_of("nonsense") is None
        assert hub.number_of(hub.event_id(99)) == 1

    async def test_wakes_who_waits(self) -> None:
        """A waiting stream goes on with the next event."""
        hub = EventHub(1000)
        waiting = asyncio.create_task(hub.wait(0, timeout_seconds=5))
        await asyncio.sleep(0)

        hub.publish("typing", "c", {})

        assert await waiting is True

    async def test_ends_all_waiting_when_closed(self) -> None:
        """A stopping server ends its streams."""
        hub = EventHub(1000)
        waiting = asyncio.create_task(hub.wait(0, timeout_seconds=5))
        await asyncio.sleep(0)

        hub.close()

        assert await waiting is False


@given(st.text(max_size=50))
def test_a_frame_is_never_broken_by_what_it_carries(text: str) -> None:
    """Line breaks in the data do not end the event."""
    written = frame("e-1", "message", json.dumps(text))

    assert written.endswith("\n\n")
    assert written.count("\n") == 4
    assert json.loads(written.split("data: ", 1)[1]) == text
