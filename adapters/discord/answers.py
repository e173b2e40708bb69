"""What commands say, as messages: to all in a channel, or to who asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
import structlog

from adapters.discord import responses
from adapters.discord.buttons import view_of
from adapters.discord.context import DiscordContext
from adapters.discord.desks import ChannelDesk, Content
from adapters.discord.file_limits import MARGIN_BYTES
from adapters.discord.markdown import as_discord
from adapters.discord.pictures import CONTENT_CHARS_MAX, notes
from adapters.discord.posts import portioned
from adapters.discord.splitting import split
from adapters.discord.store import Posted
from adapters.discord.uploads import Upload, laid_out
from bot.domain import Action, Artifact, Order, ThreadKey
from bot.ports import CommandResult

log = structlog.get_logger(__name__)

_NOTES_CHARS = 500  # room for what is to be said of files
NOTHING_TO_SAY = "Done."
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
    message_id = int(order.id)
    desk = ChannelDesk(context.rest, int(order.locator["channel"]), message_id)
    said = await desk.replies() if again else 0
    for number, (text, files, actions) in list(enumerate(parts(result, context)))[said:]:
        limit = await context.file_limits.of(order.key, files)
        async with laid_out(context.services.blobs, order.key, files, limit) as upload:
            content = Content(_with_notes(text, upload), upload, actions)
            await desk.send(content, f"command:{message_id}:{number}")


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
    limit = interaction.filesize_limit - MARGIN_BYTES
    for text, files, actions in parts(result, context):
        async with laid_out(context.services.blobs, key, files, limit) as upload:
            shown = _with_notes(text, upload)
            message_id = await _say(interaction, shown, upload, actions, hidden=hidden)
        if actions and key.thread:
            # Its buttons go on with this conversation, also in a channel where replies are chained.
            posted = Posted(interaction.channel_id or 0, message_id)
            await context.store.note_post(f"result:{message_id}", key, posted)


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
    text: str,
    upload: Upload,
    actions: Sequence[Action],
    *,
    hidden: bool,
) -> int:
    options: dict[str, Any] = {"ephemeral": hidden}
    if view := view_of(actions):
        options["view"] = view
    return await responses.say(interaction, text, upload, **options)


def _with_notes(text: str, upload: Upload) -> str:
    small = notes(upload.notes)
    shown = "\n".join(part for part in (text, small) if part)
    return shown[:CONTENT_CHARS_MAX] or ("" if upload.files else NOTHING_TO_SAY)
