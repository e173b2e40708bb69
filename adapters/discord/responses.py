"""Answering interactions over a line that may break: Discord takes the first answer but once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import aiohttp
import discord
import structlog

from adapters.discord.uploads import Upload
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

T = TypeVar("T")
_BROKEN = (aiohttp.ClientError, OSError, RuntimeError)  # the last: aiohttp's session is closed
_NOT_REACHED = "Discord can't be reached right now."
_TAKEN = 40060  # it has been answered: by a try of ours whose reply was lost [facts: discord]
_ATTEMPTS = 3
_FIRST_PAUSE_SECONDS = 0.1  # the first answer has to come within three seconds
_ANSWERED = "answered"  # what `extras` says of it, where discord.py does not know


class Unreachable(PlatformError):
    """Discord took no answer: there is nobody left to tell."""


def is_answered(interaction: discord.Interaction[Any]) -> bool:
    """Whether the first answer was given, or put off."""
    return interaction.response.is_done() or _ANSWERED in interaction.extras


async def defer(interaction: discord.Interaction[Any], **options: Any) -> None:
    """Put the answer off. Raises discord.HTTPException, or Unreachable."""
    await _first(interaction, lambda: interaction.response.defer(**options))


async def choose(
    interaction: discord.Interaction[Any], choices: Sequence[discord.app_commands.Choice[str]]
) -> None:
    """Suggest values. Raises discord.HTTPException, or Unreachable."""
    await _first(interaction, lambda: interaction.response.autocomplete(choices))


async def take_back(interaction: discord.Interaction[Any]) -> None:
    """Delete the first answer. Raises discord.HTTPException, or Unreachable."""
    with suppress(discord.NotFound):  # by a try whose reply was lost
        await _tried(interaction.delete_original_response)


async def say(
    interaction: discord.Interaction[Any], text: str, upload: Upload | None = None, **options: Any
) -> int:
    """A message in answer, with no mentions and previews; its id.

    Raises:
        discord.HTTPException: Discord refused.
        Unreachable: it can't be reached.
    """
    files = (upload or Upload()).opened
    options |= {"suppress_embeds": True, "allowed_mentions": discord.AllowedMentions.none()}
    if is_answered(interaction):
        return await _follow_up(interaction, text, files, options)
    respond = interaction.response.send_message
    sent = await _first(interaction, lambda: respond(text, files=files(), **options))
    if sent is None or sent.message_id is None:
        return (await _tried(interaction.original_response)).id
    return sent.message_id


async def whisper(interaction: discord.Interaction[Any], text: str) -> None:
    """The only answer, to the person alone, even if one to all was announced. Raises as `say`."""
    if is_answered(interaction):
        await take_back(interaction)
    await say(interaction, text, ephemeral=True)


async def _first(
    interaction: discord.Interaction[Any], answer: Callable[[], Awaitable[T]]
) -> T | None:
    """Give the first answer; None where it had arrived without our knowing."""
    try:
        return await _tried(answer)
    except discord.HTTPException as error:
        if error.code != _TAKEN:
            raise
        interaction.extras[_ANSWERED] = True
        return None


async def _follow_up(
    interaction: discord.Interaction[Any],
    text: str,
    files: Callable[[], list[discord.File]],
    options: dict[str, Any],
) -> int:
    """A further message. The one that takes the place of “is thinking” can be looked up; others
    are sent again where it is not known whether they arrived."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            send = interaction.followup.send
            return (await send(text, wait=True, files=files(), **options)).id
        except _BROKEN as error:
            if attempt == _ATTEMPTS:
                raise Unreachable(_NOT_REACHED) from error
        with suppress(discord.NotFound):  # it was taken back
            original = await _tried(interaction.original_response)
            if original.content.strip() == text.strip() and not original.flags.loading:
                return original.id
    raise AssertionError("unreachable")


async def _tried(request: Callable[[], Awaitable[T]]) -> T:
    """Make a request that does no harm twice."""
    pause_seconds = _FIRST_PAUSE_SECONDS
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await request()
        except _BROKEN as error:
            if attempt == _ATTEMPTS:
                raise Unreachable(_NOT_REACHED) from error
            log.info("interaction answered again", attempt=attempt, error=repr(error))
        await asyncio.sleep(pause_seconds)
        pause_seconds *= 2
    raise AssertionError("unreachable")
