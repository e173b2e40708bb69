"""The choice of a thread for a command that was given outside any."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from adapters.slack.api import Refused
from adapters.slack.asides import Aside
from adapters.slack.context import SlackContext
from adapters.slack.events import PLATFORM
from adapters.slack.menus import NO_THREADS, NOTHING_RUNS, thread_menu
from bot.domain import ThreadSummary
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

OUTSIDE = "I am not in this conversation. Invite me first: `/invite @Threadlab`."
_OF_BUSY_ONES = "stop"


class Offers:
    """Offers people their own threads of a conversation."""

    def __init__(self, context: SlackContext) -> None:
        self._context = context

    async def threads(self, aside: Aside) -> Sequence[ThreadSummary]:
        """Somebody's threads, the newest first."""
        return await self._context.services.threads.recent(
            PLATFORM,
            aside.key.workspace,
            channel=aside.key.channel,
            author_id=aside.user,
            limit=self._context.settings.slack_threads_listed,
        )

    async def make(
        self, aside: Aside, threads: Sequence[ThreadSummary], command: str, arguments: str
    ) -> bool:
        """Let them pick one of the threads; where there is nothing to choose from, say why.
        Whether it was said."""
        useful = [thread for thread in threads if thread.busy or command != _OF_BUSY_ONES]
        if useful:
            menu = thread_menu(command, arguments, useful)
            return await aside.say(f"Which thread is {command} for?", menu)
        if threads:
            return await aside.say(NOTHING_RUNS)
        return await aside.say(OUTSIDE if await self._is_outside(aside) else NO_THREADS)

    async def _is_outside(self, aside: Aside) -> bool:
        """Whether Slack says that the bot is no member of the conversation."""
        try:
            seconds = self._context.settings.slack_patience_seconds
            found = await aside.team.api.call_within(
                seconds, "conversations.info", channel=aside.key.channel
            )
        except Refused as error:
            return error.error == "channel_not_found"
        except PlatformError as error:
            log.info("membership not known", channel=aside.key.channel, error=str(error))
            return False
        return found["channel"].get("is_member") is False
