"""A scripted chat: people say things in tests, and what the bot does is written down.

It is strict: it refuses what a chat would refuse, and notes every effect in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bot.domain import (
    Addressing,
    Answer,
    Attachment,
    Author,
    Caller,
    IncomingMessage,
    Order,
    Post,
    Progress,
    ThreadKey,
)
from bot.errors import AmbiguousSend, AttachmentUnavailable, PlatformError
from bot.ports import ChatPlatform, CommandResult, Reply, Services

ANN = Author("u-ann", "Ann")
BEN = Author("u-ben", "Ben")


@dataclass
class Surface:
    """One reply in the chat."""

    ref: str
    key: ThreadKey
    turn_id: str
    message_id: str
    shown: list[Progress] = field(default_factory=list)
    posts: dict[str, Post] = field(default_factory=dict)
    closed: int = 0


class ScriptedReply:
    """A Reply that writes into its surface."""

    def __init__(self, chat: ScriptedChat, surface: Surface) -> None:
        self._chat = chat
        self.surface = surface

    @property
    def ref(self) -> str:
        return self.surface.ref

    def show(self, progress: Progress) -> None:
        self.surface.shown.append(progress)

    def plan(self, answer: Answer) -> Sequence[Post]:
        posts = [
            Post(
                id=f"{answer.turn_id}:0",
                text=answer.text,
                runs=answer.runs,
                notes=answer.notes,
                actions=answer.actions,
                failed=answer.failed,
            )
        ]
        if answer.artifacts:
            posts.append(Post(id=f"{answer.turn_id}:1", text="", artifacts=answer.artifacts))
        return posts

    async def send(self, post: Post) -> str:
        fault = self._chat.send_faults.pop(0) if self._chat.send_faults else None
        if isinstance(fault, PlatformError) and not isinstance(fault, AmbiguousSend):
            raise fault
        if post.id in self.surface.posts:
            raise AssertionError(f"{post.id} was posted twice")
        for artifact in post.artifacts:
            chunks = self._chat.services.blobs.open(self.surface.key, artifact.blob.sha256)
            self._chat.delivered[artifact.name] = b"".join([chunk async for chunk in chunks])
        self.surface.posts[post.id] = post
        self._chat.effects.append((str(self.surface.key), "post", post.id))
        if fault is not None:
            raise fault
        return f"ref-of-{post.id}"

    async def find(self, post_id: str) -> str | None:
        self._chat.effects.append((str(self.surface.key), "find", post_id))
        return f"ref-of-{post_id}" if post_id in self.surface.posts else None

    async def close(self) -> None:
        self.surface.closed += 1


class ScriptedChat:
    """A ChatPlatform and its plugin in one. Survives a restart of the bot, as chats do."""

    name = "script"
    local = True
    migrations: Path | None = None

    def __init__(self) -> None:
        self.surfaces: dict[str, Surface] = {}
        self.effects: list[tuple[str, str, str]] = []
        self.delivered: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.send_faults: list[Exception | None] = []
        self.open_faults: list[Exception] = []
        self.forget_faults: list[Exception] = []
        self.answer_faults: list[Exception] = []
        self.answers: dict[str, str] = {}  # to orders
        self.answers_hang = False  # said, but the bot does not hear of it
        self.read_faults: list[Exception] = []
        self._services: Services | None = None
        self._count = 0

    def wanted(self, environ: Mapping[str, str]) -> bool:
        return True

    def build(self, services: Services) -> ChatPlatform:
        self._services = services
        return self

    @property
    def services(self) -> Services:
        assert self._services is not None
        return self._services

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def acknowledge(self, message: IncomingMessage) -> None:
        self.effects.append((str(message.key), "acknowledge", message.id))

    async def taken(self, message: IncomingMessage) -> None:
        self.effects.append((str(message.key), "taken", message.id))

    async def answer(self, order: Order, result: CommandResult, *, again: bool) -> None:
        fault = self.answer_faults.pop(0) if self.answer_faults else None
        if fault is not None and not isinstance(fault, AmbiguousSend):
            raise fault
        if again and order.id in self.answers:
            self.effects.append((str(order.key), "find", order.id))
            return
        assert order.id not in self.answers, f"{order.id} was answered twice"
        self.answers[order.id] = result.text
        self.effects.append((str(order.key), "answer", order.id))
        if self.answers_hang:
            await asyncio.Event().wait()
        if fault is not None:
            raise fault

    async def forget(self, key: ThreadKey) -> None:
        if self.forget_faults:
            raise self.forget_faults.pop(0)
        self.effects.append((str(key), "forget", ""))

    async def read(self, key: ThreadKey, attachment: Attachment) -> AsyncIterator[bytes]:
        if attachment.id not in self.files:
            raise AttachmentUnavailable("The file was deleted.")
        content = self.files[attachment.id]
        for start in range(0, len(content), 65_536):
            yield content[start : start + 65_536]
            if self.read_faults:
                raise self.read_faults.pop(0)

    async def open_reply(
        self, key: ThreadKey, *, turn_id: str, message_id: str, ref: str | None
    ) -> Reply:
        if self.open_faults:
            raise self.open_faults.pop(0)
        if turn_id not in self.surfaces:
            assert ref is None, "a stored surface must exist"
            surface = Surface(f"surface-{turn_id}", key, turn_id, message_id)
            self.surfaces[turn_id] = surface
            self.effects.append((str(key), "open", turn_id))
        return ScriptedReply(self, self.surfaces[turn_id])

    def thread(self, name: str = "t1") -> ThreadKey:
        return ThreadKey("script", "w", "c", name)

    def message(
        self,
        text: str,
        *,
        thread: str = "t1",
        author: Author = ANN,
        files: Mapping[str, bytes] | None = None,
        id: str | None = None,
        addressed: Addressing = Addressing.MENTION,
        others: tuple[str, ...] = (),
    ) -> IncomingMessage:
        self._count += 1
        attachments = []
        for name, content in (files or {}).items():
            file_id = f"f{len(self.files)}"
            self.files[file_id] = content
            attachments.append(Attachment(file_id, name, "", len(content), {"id": file_id}))
        return IncomingMessage(
            key=self.thread(thread),
            id=id or f"m{self._count}",
            author=author,
            text=text,
            attachments=tuple(attachments),
            addressed=addressed,
            sent_at=datetime.now(UTC),
            others=others,
        )

    async def say(self, text: str, **details: object) -> IncomingMessage:
        message = self.message(text, **details)  # type: ignore[arg-type]
        await self.services.inbox.accept(message)
        return message

    async def order(
        self,
        line: str,
        *,
        thread: str = "t1",
        id: str | None = None,
        sent_at: datetime | None = None,
    ) -> Order:
        """Write a message that is nothing but a command."""
        self._count += 1
        command, _, arguments = line.partition(" ")
        order = Order(
            key=self.thread(thread),
            id=id or f"m{self._count}",
            caller=Caller(ANN),
            command=command,
            arguments=arguments,
            sent_at=sent_at or datetime.now(UTC),
        )
        await self.services.orders.accept(order)
        return order

    async def finished(self, count: int, *, timeout_seconds: float = 30) -> list[Surface]:
        """The first `count` finished replies, in the order in which they were opened."""
        async with asyncio.timeout(timeout_seconds):
            while sum(bool(s.closed) for s in self.surfaces.values()) < count:
                await asyncio.sleep(0.005)
        return [surface for surface in self.surfaces.values() if surface.closed]

    def text_of(self, surface: Surface) -> str:
        return "".join(post.text for post in surface.posts.values())
