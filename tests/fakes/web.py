"""The web platform over the fake core, served on a free loopback port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from adapters.web import plugin
from adapters.web.platform import WebPlatform
from bot.domain import Answer, IncomingMessage, Progress
from tests.fakes.core import FakeCore, Script

_START_SECONDS = 10


@dataclass(frozen=True)
class SeenEvent:
    """One server-sent event as a browser gets it."""

    id: str
    kind: str
    data: Any


class EventReader:
    """Reads an event stream, event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self) -> SeenEvent:
        """The next event; StopAsyncIteration when the stream has ended."""
        fields: dict[str, str] = {}
        while True:
            line = await anext(self._lines)
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                return SeenEvent(fields["id"], fields["event"], json.loads(fields["data"]))

    async def until(self, kind: str, **fields: Any) -> SeenEvent:
        """The next event of a kind whose data has these fields."""
        while True:
            event = await self.next()
            if event.kind == kind and all(event.data.get(k) == v for k, v in fields.items()):
                return event


@dataclass(frozen=True)
class WebSite:
    """A running page, its core, and a client that talks to it."""

    core: FakeCore
    platform: WebPlatform
    client: httpx.AsyncClient

    @property
    def url(self) -> str:
        """The page's address."""
        assert self.platform.url is not None
        return self.platform.url

    @asynccontextmanager
    async def events(
        self, conversation: str = "", last_event_id: str = ""
    ) -> AsyncIterator[EventReader]:
        """The event stream of a tab."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        address = f"/api/events?conversation={conversation}"
        async with self.client.stream("GET", address, headers=headers) as response:
            assert response.status_code == 200
            yield EventReader(response)

    async def read(self, conversation: str) -> dict[str, Any]:
        """A conversation as a reloaded page shows it."""
        answer = await self.client.get(f"/api/conversations/{conversation}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def answered(self, conversation: str) -> dict[str, Any]:
        """The newest answer, once it is finished."""
        async with asyncio.timeout(_START_SECONDS):
            while True:
                last = (await self.read(conversation))["messages"][-1:]
                if last and last[0]["role"] == "bot" and last[0]["state"] == "done":
                    return dict(last[0])
                await asyncio.sleep(0.01)

    async def create(self) -> str:
        """A new conversation's id."""
        return str((await self.client.post("/api/conversations")).json()["id"])

    async def upload(self, conversation: str, name: str, content: bytes) -> str:
        """Send a file; its upload id."""
        answer = await self.client.post(
            f"/api/conversations/{conversation}/files", params={"name": name}, content=content
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def say(
        self, conversation: str, text: str, upload_ids: tuple[str, ...] = (), client_id: str = ""
    ) -> httpx.Response:
        """Send a message."""
        return await self.client.post(
            f"/api/conversations/{conversation}/messages",
            json={
                "client_id": client_id or f"message-{len(self.core.accepted)}",
                "text": text,
                "upload_ids": list(upload_ids),
            },
        )


async def echo(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    """A script: one picture of progress, then the person's words."""
    del core
    yield Progress(status="thinking…")
    yield Answer(f"turn-{message.id}", f"You said: {message.text}")


@asynccontextmanager
async def serve(
    folder: Path,
    script: Script = echo,
    *,
    environ: Mapping[str, str] | None = None,
    attachment_limit_bytes: int = 1_000_000,
) -> AsyncIterator[WebSite]:
    """Run the page until the block ends."""
    settings = {"WEB_PORT": "0", "WEB_PUSH_PACE_MS": "5", **(environ or {})}
    core = FakeCore(folder, script, settings, attachment_limit_bytes)
    platform = await core.attach(plugin)
    assert isinstance(platform, WebPlatform)
    running = asyncio.create_task(platform.run())
    try:
        ready = asyncio.create_task(platform.ready.wait())
        await asyncio.wait(
            {running, ready}, timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        ready.cancel()
        if running.done():
            await running  # raises why it could not start
        async with httpx.AsyncClient(base_url=platform.url or "", trust_env=False) as client:
            yield WebSite(core, platform, client)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await core.close()
