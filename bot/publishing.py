"""Posting an answer: each post at most once, whatever crashes or times out."""

from __future__ import annotations

from bot.domain import Answer
from bot.ports import Reply
from bot.store.fencing import certainly_ours
from bot.store.outbox import Outbox


async def publish(outbox: Outbox, reply: Reply, answer: Answer) -> None:
    """Send the posts that have not been sent yet; one that may have arrived is looked up first.

    Run again after a failure, it goes on where it was.

    Raises:
        PlatformError: the chat would not take a post.
    """
    for post in reply.plan(answer):
        before = await outbox.begin(post.id, answer.turn_id)
        if before.sent:
            continue
        ref = await reply.find(post.id) if before.tried else None
        if ref is None:
            certainly_ours()
            ref = await reply.send(post)
        await outbox.sent(post.id, ref)
