"""Routes of `/v1/responses`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engine.errors import NotFound
from engine.job import Job
from engine.requests import flag, integer, listing, page_query, read_json
from engine.responses import Responses
from engine.schema import CreateResponse
from engine.stream import encode

EVENT_STREAM = "text/event-stream; charset=utf-8"


class ResponsesApi:
    """The handlers; `limit_bytes` is the longest request that is read."""

    def __init__(self, responses: Responses, limit_bytes: int) -> None:
        self._responses = responses
        self._limit_bytes = limit_bytes

    def routes(self) -> list[Route]:
        """What is served where."""
        one = "/responses/{response_id}"
        return [
            Route("/responses", self.create, methods=["POST"]),
            Route(one, self.retrieve, methods=["GET"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route(one + "/cancel", self.cancel, methods=["POST"]),
            Route(one + "/input_items", self.input_items, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """`POST /responses`: plain, streamed, in the background, or both."""
        wanted = await read_json(request, CreateResponse, self._limit_bytes)
        job = await self._responses.create(wanted)
        if wanted.stream:
            options = wanted.stream_options
            obfuscated = options is None or options.include_obfuscation
            events = self._responses.events.follow(job.id)
            return _JobStream(_encoded(events, obfuscated=obfuscated), lambda: self._let_go(job))
        if wanted.background:
            return JSONResponse(job.snapshot)
        await self._wait(job, request)
        return JSONResponse(job.body)

    async def retrieve(self, request: Request) -> Response:
        """`GET /responses/{response_id}`, as JSON or streamed after `starting_after`."""
        response_id = request.path_params["response_id"]
        if not flag(request, "stream", default=False):
            return JSONResponse(await self._responses.retrieve(response_id))
        after = integer(request, "starting_after", -1)
        obfuscated = flag(request, "include_obfuscation", default=True)
        events = await self._responses.resume(response_id, after)
        return _stream(_encoded(events, obfuscated=obfuscated))

    async def cancel(self, request: Request) -> Response:
        """`POST /responses/{response_id}/cancel`."""
        return JSONResponse(await self._responses.cancel(request.path_params["response_id"]))

    async def delete(self, request: Request) -> Response:
        """`DELETE /responses/{response_id}`."""
        response_id = request.path_params["response_id"]
        await self._responses.delete(response_id)
        return JSONResponse({"id": response_id, "object": "response", "deleted": True})

    async def input_items(self, request: Request) -> Response:
        """`GET /responses/{response_id}/input_items`."""
        query = page_query(request)
        items = await self._responses.input_items(request.path_params["response_id"])
        if query.order == "desc":
            items.reverse()
        if query.after is not None:
            ids = [item["id"] for item in items]
            if query.after not in ids:
                raise NotFound(f"No object with id '{query.after}' in this list.", param="after")
            items = items[ids.index(query.after) + 1 :]
        return JSONResponse(listing(items[: query.limit], has_more=len(items) > query.limit))

    async def _wait(self, job: Job, request: Request) -> None:
        """Until the work is done or the client has gone."""
        assert job.task is not None
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait([job.task, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            await asyncio.shield(self._let_go(job))

    async def _let_go(self, job: Job) -> None:
        await self._responses.abandon(job)
        await self._responses.release(job)


class _JobStream(StreamingResponse):
    """A new response's events. However the sending ends, the job is let go: where only this
    client sees the events, its going ends the work."""

    def __init__(self, chunks: AsyncIterator[bytes], let_go: Callable[[], Awaitable[None]]) -> None:
        super().__init__(chunks, media_type=EVENT_STREAM)
        self._let_go = let_go

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await asyncio.shield(asyncio.ensure_future(self._let_go()))


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _encoded(
    events: AsyncIterator[tuple[str, str]], *, obfuscated: bool
) -> AsyncIterator[bytes]:
    async for kind, payload in events:
        yield encode(kind, payload, obfuscated=obfuscated)


def _stream(chunks: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(chunks, media_type=EVENT_STREAM)
