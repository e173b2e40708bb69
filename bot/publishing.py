"""Posting an answer: each post at most once, whatever crashes or times out."""

from __future__ import annotations

import asyncio

import structlog

from bot.domain import Answer, Post
from bot.errors import AmbiguousSend, PlatformError
from bot.ports import Reply
from bot.store.outbox import Outbox

log = structlog.get_logger()

FIRST_WAIT_SECONDS = 0.5


class Publisher:
    """Sends an answer's posts through the outbox."""

    def __init__(self, outbox: Outbox, *, attempts: int) -> None:
        self._outbox = outbox
        self._attempts = attempts

    async def publish(self, reply: Reply, answer: Answer) -> None:
        """Send what has not been sent yet. Raises PlatformError when the chat won't take it."""
        for post in reply.plan(answer):
            await self._publish_one(reply, answer.turn_id, post)

    async def _publish_one(self, reply: Reply, turn_id: str, post: Post) -> None:
        before = await self._outbox.begin(post.id, turn_id)
        if before.sent:
            return
        ref = await reply.find(post.id) if before.tried else None
        if ref is None:
            ref = await self._send(reply, post)
        await self._outbox.sent(post.id, ref)

    async def _send(self, reply: Reply, post: Post) -> str:
        wait_seconds = FIRST_WAIT_SECONDS
        for attempt in range(1, self._attempts + 1):
            try:
                return await reply.send(post)
            except PlatformError as error:
                if isinstance(error, AmbiguousSend) and (ref := await reply.find(post.id)):
                    return ref
                if attempt == self._attempts:
                    raise
                log.warning("post failed", post=post.id, attempt=attempt, error=str(error))
            await asyncio.sleep(wait_seconds)
            wait_seconds *= 2
        raise PlatformError("No attempt was allowed.")
