"""Where conversations are, as keys of the core."""

from __future__ import annotations

import discord

from bot.domain import NO_WORKSPACE, ThreadKey

PLATFORM = "discord"
NO_GUILD = NO_WORKSPACE  # Discord's own links name it so as well
_PRIVATE = "user-"


def thread_key(guild_id: int | None, channel_id: int, thread_id: int | str) -> ThreadKey:
    """The key of a thread, of a chain of replies, or (thread empty) of a channel."""
    workspace = str(guild_id) if guild_id else NO_GUILD
    return ThreadKey(PLATFORM, workspace, str(channel_id), str(thread_id))


def key_of_channel(
    guild_id: int | None, channel_id: int, channel: object, *, direct: bool = False
) -> ThreadKey:
    """The key of what is written in a channel: a thread's or DM's own, else the channel's."""
    if isinstance(channel, discord.Thread):
        return thread_key(guild_id, channel.parent_id, channel.id)
    if guild_id is None and (direct or isinstance(channel, discord.DMChannel)):
        return thread_key(None, channel_id, channel_id)
    return thread_key(guild_id, channel_id, "")


def private_key(guild_id: int | None, channel_id: int, user_id: int) -> ThreadKey:
    """One person's own conversation in a place where the bot is not, but their app is."""
    return thread_key(guild_id, channel_id, f"{_PRIVATE}{user_id}")


def is_private(key: ThreadKey) -> bool:
    """Whether the bot reaches a conversation by answers to commands alone."""
    return key.thread.startswith(_PRIVATE)


def user_of(key: ThreadKey) -> int:
    """The person whose own conversation it is, where the bot is not."""
    return int(key.thread.removeprefix(_PRIVATE))


def is_direct(key: ThreadKey) -> bool:
    """Whether it is a DM with the bot."""
    return key.workspace == NO_GUILD and key.thread == key.channel
