"""The message that a thread began with: people open a thread on a file, then call the bot."""

from __future__ import annotations

from dataclasses import replace

import discord
import structlog

from adapters.discord.context import DiscordContext
from adapters.discord.messages import attachments_of, by_person
from bot.domain import IncomingMessage
from bot.errors import PlatformError

log = structlog.get_logger(__name__)


async def with_starter(
    context: DiscordContext, thread: discord.Thread, said: IncomingMessage
) -> IncomingMessage:
    """The first message to the bot in a thread of others, with the files that it is about."""
    began_here = thread.owner_id == context.bot_id or str(thread.id) == said.id
    if began_here or await context.store.answers_in(said.key):
        return said
    starter = await _starter(context, thread)
    if starter is None or not by_person(starter):
        return said
    known = {attachment.id for attachment in said.attachments}
    files = [file for file in attachments_of(starter) if file.id not in known]
    others = dict.fromkeys([*said.others, str(starter.author.id)])
    others.pop(said.author.id, None)
    return replace(said, attachments=(*files, *said.attachments), others=tuple(others))


async def _starter(context: DiscordContext, thread: discord.Thread) -> discord.Message | None:
    """It lies in the channel, or, of a forum's post, in the thread itself."""
    in_forum = isinstance(thread.parent, discord.ForumChannel)
    channel_id = thread.id if in_forum else thread.parent_id

    async def request(client: discord.Client) -> discord.Message:
        return await client.get_partial_messageable(channel_id).fetch_message(thread.id)

    try:
        return await context.rest.call(request)
    except PlatformError as error:  # a thread may have begun with nothing
        log.debug("no first message", thread=thread.id, error=str(error))
        return None
