"""What the bot has said already in answer to a command, looked up after a crash."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.slack.blocks import post_of
from adapters.slack.teams import Team
from bot.domain import Order

_MESSAGES_MAX = 200


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in a thread: the ids that messages carry, and those of the files in them."""

    posts: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()


NOTHING = Standing()


async def said_since(team: Team, order: Order) -> Standing:
    """What the bot said in the thread since the command was written; asides to one person can't
    be seen. Raises PlatformError."""
    page = await team.api.call(
        "conversations.replies",
        channel=order.key.channel,
        ts=order.key.thread,
        oldest=order.id,
        include_all_metadata=True,
        limit=_MESSAGES_MAX,
    )
    ours = [
        message
        for message in page["messages"]
        # The thread's first message comes along, however old it is.
        if message.get("user") == team.bot_user and float(message["ts"]) > float(order.id)
    ]
    files = [file for message in ours for file in message.get("files") or ()]
    return Standing(
        posts=frozenset(post for message in ours if (post := post_of(message))),
        files=frozenset(str(file.get("id")) for file in files),
    )
