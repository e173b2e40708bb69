"""Answers that could not be sent anywhere: kept until the person gives the next command."""

from __future__ import annotations

from typing import Any

import discord

from adapters.discord import responses
from adapters.discord.desks import Content
from adapters.discord.pictures import CONTENT_CHARS_MAX
from adapters.discord.splitting import split
from adapters.discord.store import STATUS, DiscordStore, Posted
from bot.domain import ThreadKey

_NOWHERE = 0  # the id of a message that is not in the chat
_SAID_MAX = 2  # Discord takes five answers to a command where the bot is not [doc: interactions]
_LATE = "-# An earlier answer, which came too late to be sent:"
_FILES = "-# Its files are in the workspace, see `/files`: {names}"


class ShelfDesk:
    """Keeps messages of a conversation that the bot can't write in."""

    def __init__(self, store: DiscordStore, key: ThreadKey) -> None:
        self._store = store
        self._key = key
        self.channel_id = _NOWHERE

    async def send(self, content: Content, identity: str) -> Posted:
        """Keep a message; the same identity again replaces it. A status is not worth it."""
        if identity.endswith(STATUS):
            return Posted(_NOWHERE, _NOWHERE)
        names = ", ".join(piece.name for piece in content.upload.files)
        text = "\n".join([content.text, _FILES.format(names=names)] if names else [content.text])
        await self._store.set_value(f"{prefix_of(self._key)}{identity}", text)
        return Posted(_NOWHERE, _NOWHERE)

    async def edit(self, posted: Posted, content: Content) -> None:
        """Nobody sees it: there is nothing to change."""

    async def delete(self, posted: Posted) -> None:
        """Nobody sees it."""

    def seconds_left(self) -> float | None:
        """There is no end."""
        return None

    async def find(self, identity: str, text: str | None, after: int | None) -> Posted | None:
        """A message that is kept."""
        del text, after
        kept = await self._store.value(f"{prefix_of(self._key)}{identity}")
        return Posted(_NOWHERE, _NOWHERE) if kept is not None else None


def prefix_of(key: ThreadKey) -> str:
    """What the names of a conversation's kept messages begin with."""
    return f"late:{key}:"


async def say_kept(
    store: DiscordStore, interaction: discord.Interaction[Any], key: ThreadKey
) -> None:
    """Say what is kept of a conversation, to the person alone, after a command was answered."""
    kept = await store.values(prefix_of(key))
    for name in sorted(kept)[:_SAID_MAX]:
        for text in split(f"{_LATE}\n{kept[name]}", CONTENT_CHARS_MAX):
            await responses.say(interaction, text, ephemeral=True)
        await store.drop_value(name)
