"""The web page's driver for the contract suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.domain import IncomingMessage
from bot.ports import ChatPlatform, Reply
from tests.fakes.platform_driver import Seen
from tests.fakes.web import WebSite, serve

_STATUS_SECONDS = 5


class WebDriver:
    """A person in front of the page, through its HTTP interface."""

    def __init__(self, site: WebSite, conversation: str) -> None:
        self._site = site
        self._conversation = conversation
        self._last: tuple[str, tuple[str, ...]] = ("", ())
        self.core = site.core
        self.platform: ChatPlatform = site.platform

    async def say(self, text: str, files: Mapping[str, bytes] | None = None) -> IncomingMessage:
        """Upload the files, then send the message."""
        uploads = [
            await self._site.upload(self._conversation, name, content)
            for name, content in (files or {}).items()
        ]
        self._last = (text, tuple(uploads))
        count = len((await self._site.read(self._conversation))["messages"])
        answer = await self._site.say(self._conversation, *self._last, f"contract-message-{count}")
        assert answer.status_code == 202, answer.text
        return self.core.accepted[-1]

    async def say_to_ben(self, text: str) -> None:
        """Nobody else is on the page."""

    async def redeliver(self) -> None:
        """The browser repeats its last request."""
        answer = await self._site.say(self._conversation, *self._last, self.core.accepted[-1].id)
        assert answer.status_code == 202, answer.text

    async def sign(self, message: IncomingMessage) -> bool:
        """The page shows that it is waiting for an answer."""
        return bool((await self._site.read(message.key.thread))["typing"])

    async def status(self, reply: Reply, wanted: str) -> bool:
        """The status of the bot's message, as a reloaded page shows it."""
        try:
            async with asyncio.timeout(_STATUS_SECONDS):
                while (await self._bot_message(reply.ref)).get("status") != wanted:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            return False
        return True

    async def seen(self, message: IncomingMessage) -> Seen:
        """The bot's messages of the conversation, their files downloaded."""
        views = (await self._site.read(message.key.thread))["messages"]
        posts = [view for view in views if view["role"] == "bot"]
        files = {
            file["name"]: (await self._site.client.get(file["url"])).content
            for view in posts
            for file in view.get("files", [])
        }
        text = "\n".join(view.get("text", "") for view in posts)
        return Seen(len(posts), text, files, any(view["state"] == "running" for view in posts))

    async def _bot_message(self, ref: str) -> dict[str, Any]:
        views = (await self._site.read(self._conversation))["messages"]
        return next((view for view in views if view["id"] == ref), {})


@asynccontextmanager
async def web_driver(folder: Path) -> AsyncIterator[WebDriver]:
    """The page over a core that keeps silent; its conversation is the first there is."""
    async with serve(folder) as site:
        site.core.answers = False
        listed = (await site.client.get("/api/conversations")).json()["conversations"]
        yield WebDriver(site, listed[0]["id"] if listed else await site.create())
