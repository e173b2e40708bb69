"""Events for the open tabs: one bounded buffer, read by every stream at its own speed."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; `conversation_id` None goes to every tab."""

    number: int
    kind: str
    conversation_id: str | None
    data: str

    def is_of(self, conversation_id: str) -> bool:
        """Whether it tells something of a conversation."""
        return self.conversation_id == conversation_id or conversation_id in self.data


class EventHub:
    """Keeps the newest events, at most `buffer_bytes` of them, and wakes who waits for more.

    A slow or reconnecting stream holds a number only, so it costs no memory; one that fell out of
    the buffer gets a fresh snapshot instead of events.
    """

    def __init__(self, buffer_bytes: int) -> None:
        self.epoch = secrets.token_hex(4)  # numbers start again with the process
        self.closed = False
        self.last = 0
        self.on_publish: Callable[[Event], None] | None = None  # hears of this process's events
        self._buffer_bytes = buffer_bytes
        self._held_bytes = 0
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()

    def publish(self, kind: str, conversation_id: str | None, data: Any) -> None:
        """Add an event. Never waits; `data` is JSON-able."""
        event = self.add(kind, conversation_id, json.dumps(data))
        if self.on_publish is not None:
            self.on_publish(event)

    def add(self, kind: str, conversation_id: str | None, data: str) -> Event:
        """Add an event of this or another process; `data` is JSON."""
        self.last += 1
        event = Event(self.last, kind, conversation_id, data)
        self._events.append(event)
        self._held_bytes += len(event.data)
        while self._held_bytes > self._buffer_bytes and len(self._events) > 1:
            self._held_bytes -= len(self._events.popleft().data)
        self._wake()
        return event

    def lose(self) -> None:
        """Events may be missing: every stream gets a fresh snapshot."""
        self._events.clear()
        self._held_bytes = 0
        self.last += 1
        self._wake()

    def since(self, number: int) -> Sequence[Event] | None:
        """The events after `number`, oldest first; None where some of them are no longer held."""
        if number >= self.last:
            return ()
        if not self._events or number + 1 < self._events[0].number:
            return None
        return [event for event in self._events if event.number > number]

    def forget(self, conversation_id: str) -> None:
        """Drop what is held of a conversation. The gaps don't matter: nobody is to see it."""
        kept = [event for event in self._events if not event.is_of(conversation_id)]
        self._events = deque(kept)
        self._held_bytes = sum(len(event.data) for event in kept)

    async def wait(self, number: int, timeout_seconds: float) -> bool:
        """Wait for an event after `number`; False when none came in time or the hub closed."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while self.last <= number and not self.closed:
                    await self._news.wait()
        except TimeoutError:
            return False
        return not self.closed

    def open(self) -> None:
        """Let streams live (again)."""
        self.closed = False

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        self._wake()

    def event_id(self, number: int) -> str:
        """The `id:` of an event, which the browser sends back as Last-Event-ID."""
        return f"{self.epoch}-{number}"

    def number_of(self, event_id: str) -> int | None:
        """The number in a Last-Event-ID; None where it is not of this process."""
        epoch, _, number = event_id.partition("-")
        if epoch != self.epoch or not number.isdecimal() or len(number) > 15:
            return None
        return min(int(number), self.last)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def frame(event_id: str, kind: str, data: str) -> str:
    """An event on the wire. `data` is JSON, so it has no line breaks.

    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    return f"id: {event_id}\nevent: {kind}\ndata: {data}\n\n"
