"""What the bot has to be allowed to do, and the link that invites it with that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import discord
import structlog

log = structlog.get_logger(__name__)

_NAMED_MAX = 10  # channels, of each server
# By the names of discord.py: as Discord's own pages call them.
NEEDED: Mapping[str, str] = {
    "view_channel": "View Channels",
    "send_messages": "Send Messages",
    "create_public_threads": "Create Public Threads",
    "send_messages_in_threads": "Send Messages in Threads",
    "attach_files": "Attach Files",
    "embed_links": "Embed Links",
    "read_message_history": "Read Message History",
    "add_reactions": "Add Reactions",
}
_INVITE = (
    "https://discord.com/oauth2/authorize?client_id={application_id}"
    "&scope=bot+applications.commands&permissions={permissions}"
)


def invite_link(application_id: int) -> str:
    """Where somebody who manages a server adds the bot to it."""
    wanted = discord.Permissions(**dict.fromkeys(NEEDED, True))
    return _INVITE.format(application_id=application_id, permissions=wanted.value)


def missing(may: discord.Permissions) -> tuple[str, ...]:
    """The names of what is needed and not allowed."""
    return tuple(name for flag, name in NEEDED.items() if not getattr(may, flag))


def report(guilds: Sequence[discord.Guild], bot_id: int, application_id: int) -> None:
    """Tell the operator where what is not allowed; and where there is no server, what to do."""
    if not guilds:
        log.warning("in no server yet", invite=invite_link(application_id))
    for guild in guilds:
        everywhere, channels = _missing_in(guild, bot_id)
        if everywhere or channels:
            some = dict(list(channels.items())[:_NAMED_MAX])
            log.warning(
                "permissions missing",
                server=guild.name,
                id=guild.id,
                everywhere=everywhere,
                channels=some,
                more_channels=len(channels) - len(some),
            )


def _missing_in(
    guild: discord.Guild, bot_id: int
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """What is not allowed in all of a server, and what besides in single channels that the bot
    sees; channels that it does not see are taken to be none of its business."""
    me = guild.get_member(bot_id)
    if me is None:
        return (), {}
    everywhere = missing(me.guild_permissions)
    channels = {}
    places: list[discord.TextChannel | discord.ForumChannel] = [*guild.text_channels, *guild.forums]
    for channel in places:
        may = channel.permissions_for(me)
        besides = tuple(name for name in missing(may) if name not in everywhere)
        if may.view_channel and besides:
            channels[f"#{channel.name}"] = besides
    return everywhere, channels
