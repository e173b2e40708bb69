"""The web platform over the fake core, served on a free loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from adapters.web import plugin
from adapters.web.platform import WebPlatform
from bot.domain import Answer, IncomingMessage, Progress
from tests.fakes.core import FakeCore, Script

_START_SECONDS = 10


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
        async with asyncio.timeout(_START_SECONDS):
            await platform.ready.wait()
        async with httpx.AsyncClient(base_url=platform.url or "", trust_env=False) as client:
            yield WebSite(core, platform, client)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await core.close()
