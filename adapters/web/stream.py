"""The event stream of a tab."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from adapters.web.context import WebContext
from adapters.web.events import frame


class EventStreams:
    """Opens streams, at most WEB_STREAMS at a time."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._open = 0

    async def endpoint(self, request: Request) -> Response:
        """`GET /api/events?conversation=…`: a snapshot (or what was missed), then events."""
        if self._open >= self._context.settings.web_streams:
            raise HTTPException(503, "Too many pages are open: close some of them.")
        after = self._context.hub.number_of(request.headers.get("last-event-id", ""))
        frames = self._frames(request.query_params.get("conversation") or None, after)
        return StreamingResponse(frames, media_type="text/event-stream")

    async def _frames(self, conversation_id: str | None, after: int | None) -> AsyncIterator[str]:
        self._open += 1
        try:
            async for text in self._follow(conversation_id, after):
                yield text
        finally:
            self._open -= 1

    async def _follow(self, conversation_id: str | None, after: int | None) -> AsyncIterator[str]:
        hub = self._context.hub
        while not hub.closed:
            missed = None if after is None else hub.since(after)
            if missed is None:
                # The number is taken first: what happens meanwhile comes again, and may.
                after = hub.last
                picture = await self._context.snapshot(conversation_id)
                yield frame(hub.event_id(after), "snapshot", json.dumps(picture))
                continue
            for event in missed:
                if event.conversation_id in {None, conversation_id}:
                    yield frame(hub.event_id(event.number), event.kind, event.data)
            assert after is not None
            after = missed[-1].number if missed else after
            if not await hub.wait(after, self._context.settings.web_heartbeat_seconds):
                yield ": still here\n\n"
