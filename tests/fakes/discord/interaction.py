"""An interaction: what a person set off, and how the bot answered it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.discord.records import Channel, Message, User

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5


@dataclass(eq=False)
class Interaction:
    """One command, click, choice or form, from the person's side."""

    id: int
    token: str
    kind: int
    user: User
    channel: Channel
    data: dict[str, Any]
    created_at: float
    message: Message | None = None
    user_installed: bool = False
    opened_by: Interaction | None = None
    callback: int | None = None
    acked_at: float | None = None
    original: Message | None = None
    choices: list[dict[str, Any]] | None = None
    modal: dict[str, Any] | None = None
    followups: list[Message] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def acknowledged(self) -> bool:
        """Whether the bot reacted at all."""
        return self.callback is not None

    @property
    def text(self) -> str:
        """The answer's text, so far."""
        return self.original.content if self.original is not None else ""

    def changed(self) -> None:
        """Wakes those who wait."""
        self._changed.set()

    async def until(self, holds: Callable[[], bool], timeout_seconds: float = 10) -> None:
        """Waits for something about this interaction."""
        async with asyncio.timeout(timeout_seconds):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def acked(self, timeout_seconds: float = 10) -> Interaction:
        """Waits for the bot's first reaction, whatever it is."""
        await self.until(lambda: self.acknowledged, timeout_seconds)
        return self

    async def answer(self, timeout_seconds: float = 10) -> Message:
        """Waits for the answer: a message that no longer says "is thinking"."""
        await self.until(
            lambda: self.original is not None and not self.original.loading, timeout_seconds
        )
        assert self.original is not None
        return self.original

    async def form(self, timeout_seconds: float = 10) -> dict[str, Any]:
        """Waits for the form (modal) that the bot opens."""
        await self.until(lambda: self.modal is not None, timeout_seconds)
        assert self.modal is not None
        return self.modal
