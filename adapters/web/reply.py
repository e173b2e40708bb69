"""The live surface of one turn: the bot's message on the page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from adapters.web.context import WebContext
from adapters.web.records import Message, MessageState
from adapters.web.views import changed_runs, progress_view
from bot.domain import Answer, Post, Progress
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

# Rendering a long text again and again may take a tenth of the time, not all of it.
_REST_PER_WORK = 9


class WebReply:
    """Shows a turn in its message; `show` keeps only the newest picture and paces the pushes."""

    def __init__(self, context: WebContext, message: Message) -> None:
        self._context = context
        self._message = message
        self._finished = message.state is MessageState.DONE
        self._closed = False
        self._pushed: dict[str, Any] = {"status": "", "html": "", "runs": []}
        self._changed = asyncio.Event()
        self._pusher = asyncio.create_task(self._push_forever(), name="web-reply")

    @property
    def ref(self) -> str:
        """The id of the bot's message."""
        return self._message.id

    def show(self, progress: Progress) -> None:
        """Show how the turn stands, as soon as the pace allows."""
        if not self._finished and not self._closed:
            self._context.live[self.ref] = progress
            self._changed.set()

    def plan(self, answer: Answer) -> Sequence[Post]:
        """The whole answer as one post: the page has no limits of length."""
        return (
            Post(
                id=f"{answer.turn_id}:0",
                text=answer.text,
                artifacts=answer.artifacts,
                runs=answer.runs,
                notes=answer.notes,
                actions=answer.actions,
                failed=answer.failed,
            ),
        )

    async def send(self, post: Post) -> str:
        """Store the answer in the bot's message and push it.

        Raises:
            PlatformError: the database refused it.
        """
        context, conversation_id = self._context, self._message.conversation_id
        try:
            message, conversation = await context.store.finish(conversation_id, self.ref, post)
        except SQLAlchemyError as error:
            raise PlatformError("The answer could not be stored.") from error
        self._finished = True
        context.live.pop(self.ref, None)
        context.publish_message(message)
        context.publish_conversation(conversation)
        return self.ref

    async def find(self, post_id: str) -> str | None:
        """The message that carries the post, or None."""
        return await self._context.store.posted(post_id)

    async def close(self) -> None:
        """Stop showing progress; an answer that was not finished is marked so."""
        self._closed = True
        self._pusher.cancel()
        with suppress(asyncio.CancelledError):
            await self._pusher
        self._context.live.pop(self.ref, None)
        if not self._finished:
            await self._context.store.pause(self.ref)
            paused = await self._context.store.message(self.ref)
            if paused is None:
                return  # the conversation was forgotten
            self._context.publish_message(paused)
        await self._context.publish_workspace(self._message.conversation_id)

    async def _push_forever(self) -> None:
        pace_seconds = self._context.settings.web_push_pace_ms / 1000
        while True:
            await self._changed.wait()
            self._changed.clear()
            started = time.monotonic()
            progress = self._context.live.get(self.ref)
            if progress is not None:
                self._push_safely(progress)
            worked = time.monotonic() - started
            await asyncio.sleep(max(pace_seconds, worked * _REST_PER_WORK))

    def _push_safely(self, progress: Progress) -> None:
        try:
            self._push(progress)
        except Exception:  # a picture that can't be drawn must not end the turn
            log.exception("progress not shown", message=self.ref)

    def _push(self, progress: Progress) -> None:
        """Tell the tabs what differs from the picture they have."""
        limit_chars = self._context.settings.web_log_limit_chars
        view = progress_view(progress, log_limit_chars=limit_chars)
        changes: dict[str, Any] = {"id": self.ref, "status": view["status"]}
        if view["html"] != self._pushed["html"]:
            changes["html"] = view["html"]
        if runs := changed_runs(self._pushed["runs"], view["runs"]):
            changes["runs"] = runs
        self._pushed = view
        self._context.hub.publish("progress", self._message.conversation_id, changes)
