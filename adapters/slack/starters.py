"""The message that a thread began with: people answer a file by calling the bot."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from adapters.slack.context import SlackContext
from adapters.slack.events import Said, by_person, files_of
from adapters.slack.incoming_text import mentions
from adapters.slack.quotes import Payload, Quote, quotes_of
from adapters.slack.teams import Team
from bot.domain import Addressing
from bot.errors import PlatformError

log = structlog.get_logger(__name__)


async def with_starter(context: SlackContext, team: Team, said: Said) -> Said:
    """The first mention in a thread of others, with the message and files that it is about."""
    began_here = said.ts == said.key.thread
    if said.addressed is not Addressing.MENTION or began_here:
        return said
    if await context.replies.are_in(str(said.key)):
        return said
    starter = await _starter(context, team, said)
    if starter is None or not by_person(starter, team.bot_user):
        return said
    known = {file["id"] for file in said.files}
    files = [file for file in files_of(starter) if file["id"] not in known]
    others = dict.fromkeys([*said.others, str(starter["user"])])
    others.pop(said.user, None)
    markup = str(starter.get("text") or "")
    begun = Quote(f"<@{starter['user']}>", markup)
    # What was said to the bot itself has reached it already.
    unheard = () if mentions(markup, team.bot_user) else (begun, *quotes_of(starter))
    quotes = [quote for quote in unheard if quote.markup.strip()]
    await context.begun.keep(said.key, said.ts, quotes)
    return replace(
        said,
        quotes=(*quotes, *said.quotes),
        files=(*files, *said.files),
        others=tuple(others),
    )


async def _starter(context: SlackContext, team: Team, said: Said) -> Payload | None:
    """Asked of Slack once, though two events tell of a mention."""
    thread = str(said.key)
    known = context.starters.get(thread)
    if known is not None:
        return known
    try:
        seconds = context.settings.slack_patience_seconds
        async with asyncio.timeout(seconds):
            found = await team.api.call_within(
                seconds,
                "conversations.replies",
                channel=said.key.channel,
                ts=said.key.thread,
                oldest=said.key.thread,
                latest=said.key.thread,
                inclusive=True,
                limit=1,
            )
    except (PlatformError, TimeoutError) as error:
        log.info("no first message", thread=thread, error=repr(error))
        return None
    first = next((m for m in found["messages"] if m.get("ts") == said.key.thread), None)
    context.starters.put(thread, first or {})
    return first
