"""A chat whose every effect is a line in a file, for several workers in processes of their own.

What people write is a line in `messages`; each worker delivers all of them, so that each message
is delivered as often as there are workers, and again after a restart. What the bot does is a line
in `effects`, in the order in which it happened.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.domain import (
    Addressing,
    Answer,
    Attachment,
    Author,
    IncomingMessage,
    Order,
    Post,
    Progress,
    ThreadKey,
)
from bot.errors import AttachmentUnavailable
from bot.ports import ChatPlatform, CommandResult, Reply, Services

FOLDER = "LOG_CHAT_DIR"
POLL_SECONDS = 0.02
NETWORK_SECONDS = 0.02  # between the wish to post and its being there


class Book:
    """Lines of JSON in a file that several processes write to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def write(self, **line: Any) -> None:
        """Append one line, in one go."""
        content = json.dumps({**line, "at": time.time(), "pid": os.getpid()}) + "\n"
        with self._path.open("ab", buffering=0) as file:
            file.write(content.encode())

    def read(self) -> list[dict[str, Any]]:
        """All lines that are whole."""
        lines = self._path.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]


class LogReply:
    """A reply that is a few lines."""

    def __init__(self, effects: Book, key: ThreadKey, turn_id: str) -> None:
        self._effects = effects
        self._key = key
        self._turn_id = turn_id
        self.ref = f"surface-{turn_id}"

    def show(self, progress: Progress) -> None:
        del progress

    def plan(self, answer: Answer) -> Sequence[Post]:
        return [Post(id=f"{answer.turn_id}:0", text=answer.text, failed=answer.failed)]

    async def send(self, post: Post) -> str:
        await asyncio.sleep(NETWORK_SECONDS)
        self._effects.write(
            effect="post", thread=self._key.thread, post=post.id, text=post.text, failed=post.failed
        )
        return f"ref-{post.id}"

    async def find(self, post_id: str) -> str | None:
        posted = any(line.get("post") == post_id for line in self._effects.read())
        return f"ref-{post_id}" if posted else None

    async def close(self) -> None:
        pass


class LogChat:
    """The platform."""

    name = "log"

    def __init__(self, services: Services) -> None:
        folder = Path(services.environ[FOLDER])
        self._services = services
        self._messages, self._effects = Book(folder / "messages"), Book(folder / "effects")

    async def run(self) -> None:
        delivered = 0
        async with self._services.leases.hold("log"):
            self._effects.write(effect="lease")
        while True:
            waiting = self._messages.read()[delivered:]
            for line in waiting:
                await self._services.inbox.accept(_message(line))
                delivered += 1
            await asyncio.sleep(POLL_SECONDS)

    async def acknowledge(self, message: IncomingMessage) -> None:
        self._effects.write(effect="acknowledge", message=message.id)

    async def taken(self, message: IncomingMessage) -> None:
        self._effects.write(effect="taken", message=message.id)

    async def forget(self, key: ThreadKey) -> None:
        self._effects.write(effect="forget", thread=key.thread)

    async def read(self, key: ThreadKey, attachment: Attachment) -> AsyncIterator[bytes]:
        raise AttachmentUnavailable("This chat has no files.")
        yield b""  # type: ignore[unreachable]

    async def answer(self, order: Order, result: CommandResult, *, again: bool) -> None:
        raise AssertionError(f"nobody gave the order {order.id}")

    async def open_reply(
        self, key: ThreadKey, *, turn_id: str, message_id: str, ref: str | None
    ) -> Reply:
        return LogReply(self._effects, key, turn_id)


class LogChatPlugin:
    """The plugin."""

    name = "log"
    local = True
    migrations: Path | None = None

    def wanted(self, environ: Mapping[str, str]) -> bool:
        return FOLDER in environ

    def build(self, services: Services) -> ChatPlatform:
        return LogChat(services)


plugin = LogChatPlugin()


def _message(line: Mapping[str, Any]) -> IncomingMessage:
    return IncomingMessage(
        key=ThreadKey("log", "w", line["channel"], line["thread"]),
        id=line["id"],
        author=Author(line["author"], line["author"].title()),
        text=line["text"],
        attachments=(),
        addressed=Addressing.MENTION,
        sent_at=datetime.fromtimestamp(line["at"], UTC),
    )
