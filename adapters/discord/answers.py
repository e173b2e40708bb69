"""What commands say, as messages: to all in a channel, or to who asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import discord
import structlog

from adapters.discord import responses
from adapters.discord.buttons import view_of
from adapters.discord.context import DiscordContext
from adapters.discord.delivery import because_of_files
from adapters.discord.desks import ChannelDesk, Content
from adapters.discord.detours import NO_PERMISSION
from adapters.discord.file_limits import MARGIN_BYTES
from adapters.discord.hints import offered
from adapters.discord.markdown import as_discord
from adapters.discord.pictures import CONTENT_CHARS_MAX, notes
from adapters.discord.posts import portioned
from adapters.discord.rest import Refused
from adapters.discord.splitting import split
from adapters.discord.store import Posted
from adapters.discord.uploads import Upload, laid_out, not_allowed, too_large
from bot.domain import Action, Artifact, Order, ThreadKey
from bot.ports import CommandResult

log = structlog.get_logger(__name__)

_NOTES_CHARS = 500  # room for what is to be said of files
NOTHING_TO_SAY = "Done."
LOCKED = (
    "This thread is locked. Where I may not write in it, the answer comes in <#{channel}>, as a "
    "reply to the question, or to you directly."
)
_Part = tuple[str, Sequence[Artifact], Sequence[Action]]


async def post_result(
    context: DiscordContext, order: Order, result: CommandResult, *, again: bool
) -> None:
    """Answer a command that was written as a message, where it was written.

    Args:
        context: what the adapter shares.
        order: the command; its locator names the `channel`. The answer refers to its message,
            and is known by that.
        result: what it came to.
        again: it may stand there already.

    Raises:
        PlatformError: it was not said, or not all of it.
    """
    result = offered(result, order.command, context.services.commands.specs)
    message_id = int(order.id)
    desk = ChannelDesk(context.rest, context.store, int(order.locator["channel"]), message_id)
    said = await desk.replies() if again else 0
    limit_bytes = await context.file_limits.of(order.key, result.files)
    number = 0
    async with aclosing(_contents(context, order.key, result, limit_bytes)) as contents:
        async for content in contents:
            if number >= said:
                await _send(desk, content, f"command:{message_id}:{number}")
            number += 1


async def _send(desk: ChannelDesk, content: Content, identity: str) -> None:
    """Say it; where files are refused, without them, and name them."""
    try:
        await desk.send(content, identity)
    except Refused as refused:
        if not because_of_files(refused) or not content.upload.files:
            raise
        named = not_allowed if refused.code == NO_PERMISSION else too_large
        artifacts = dict.fromkeys(piece.artifact for piece in content.upload.files)
        small = notes([named(artifact) for artifact in artifacts])
        text = "\n".join(part for part in (content.text, small) if part)[:CONTENT_CHARS_MAX]
        await desk.send(Content(text, actions=content.actions), identity)


async def respond(
    context: DiscordContext,
    interaction: discord.Interaction[Any],
    key: ThreadKey,
    result: CommandResult,
) -> None:
    """Answer a command or a button: only for who gave it, unless it concerns everybody."""
    if not result.text and not result.files:
        if responses.is_answered(interaction):
            await responses.take_back(interaction)
        elif interaction.type is discord.InteractionType.component:
            await responses.defer(interaction)
        else:
            await responses.say(interaction, NOTHING_TO_SAY, ephemeral=True)
        return
    hidden = not result.public
    if result.files and not responses.is_answered(interaction):
        await responses.defer(interaction, ephemeral=hidden, thinking=True)
    limit_bytes = min(interaction.filesize_limit - MARGIN_BYTES, context.portions.total_bytes)
    async with aclosing(_contents(context, key, result, limit_bytes)) as contents:
        async for content in contents:
            message_id = await _say(interaction, content, hidden=hidden)
            if content.actions and key.thread:
                # Its buttons go on with this conversation, also where replies are chained.
                posted = Posted(interaction.channel_id or 0, message_id)
                await context.store.note_post(f"result:{message_id}", key, posted)


def where_it_comes(interaction: discord.Interaction[Any], result: CommandResult) -> CommandResult:
    """What is asked again, and where its answer comes: not in a thread that is locked."""
    channel = interaction.channel
    if not (result.ok and isinstance(channel, discord.Thread) and channel.locked):
        return result
    told = [result.text, LOCKED.format(channel=channel.parent_id)]
    return replace(result, text=" ".join(filter(None, told)))


async def _contents(
    context: DiscordContext, key: ThreadKey, result: CommandResult, limit_bytes: int
) -> AsyncGenerator[Content, None]:
    """A result as messages, files and parts of them laid out while each is sent."""
    blobs, parts_max = context.services.blobs, context.settings.discord_parts_max
    for text, files, actions in parts(result, context):
        async with laid_out(blobs, key, files, limit_bytes, parts_max=parts_max) as upload:
            first, *more = upload.portioned(context.portions)
            yield Content(_with_notes(text, first), first, actions)
            for portion in more:
                yield Content(portion.caption, portion)


def parts(result: CommandResult, context: DiscordContext) -> list[_Part]:
    """A result as messages: text, then files; buttons with the last."""
    texts = split(as_discord(result.text), CONTENT_CHARS_MAX - _NOTES_CHARS)
    groups = portioned(result.files, context.portions)
    count = max(len(texts), 1) + max(len(groups) - 1, 0)
    last_text = max(len(texts), 1) - 1
    made: list[_Part] = []
    for number in range(count):
        text = texts[number] if number < len(texts) else ""
        group = number - last_text
        files = groups[group] if 0 <= group < len(groups) else ()
        made.append((text, files, result.actions if number == count - 1 else ()))
    return made


async def _say(
    interaction: discord.Interaction[Any],
    content: Content,
    *,
    hidden: bool,
) -> int:
    options: dict[str, Any] = {"ephemeral": hidden}
    if view := view_of(content.actions):
        options["view"] = view
    return await responses.say(interaction, content.text, content.upload, **options)


def _with_notes(text: str, upload: Upload) -> str:
    small = notes(upload.notes)
    shown = "\n".join(part for part in (text, small) if part)
    return shown[:CONTENT_CHARS_MAX] or ("" if upload.files else NOTHING_TO_SAY)
