"""Who may do what where: Discord's permission bits and how roles and channels combine them."""

from __future__ import annotations

from tests.fakes.discord.records import Channel, Guild, User

BITS = {
    "create_instant_invite": 1 << 0,
    "administrator": 1 << 3,
    "manage_channels": 1 << 4,
    "manage_guild": 1 << 5,
    "add_reactions": 1 << 6,
    "view_channel": 1 << 10,
    "send_messages": 1 << 11,
    "manage_messages": 1 << 13,
    "embed_links": 1 << 14,
    "attach_files": 1 << 15,
    "read_message_history": 1 << 16,
    "mention_everyone": 1 << 17,
    "use_external_emojis": 1 << 18,
    "use_application_commands": 1 << 31,
    "manage_threads": 1 << 34,
    "create_public_threads": 1 << 35,
    "create_private_threads": 1 << 36,
    "send_messages_in_threads": 1 << 38,
    "use_external_apps": 1 << 50,
}
ALL = (1 << 53) - 1


def bits(*names: str) -> int:
    """The permissions of these names in one number."""
    total = 0
    for name in names:
        total |= BITS[name]
    return total


# What a new server grants to everyone, as far as a bot can notice.
EVERYONE = bits(
    "create_instant_invite", "add_reactions", "view_channel", "send_messages", "embed_links",
    "attach_files", "read_message_history", "mention_everyone", "use_external_emojis",
    "use_application_commands", "create_public_threads", "create_private_threads",
    "send_messages_in_threads", "use_external_apps",
)  # fmt: skip


# What an app may where it came with a user and is no member [doc: app_permissions].
WITHOUT_BOT = bits("attach_files", "embed_links", "mention_everyone")


def granted(guild: Guild, user: User, channel: Channel | None = None) -> int:
    """What the user may do in the channel; a thread takes its parent's overwrites."""
    member = guild.members.get(user.id)
    if guild.owner_id == user.id:
        return ALL
    if member is None:
        return 0
    roles = [guild.id, *member.role_ids]
    base = 0
    for role_id in roles:
        base |= guild.roles[role_id].permissions
    if base & BITS["administrator"]:
        return ALL
    place = channel.parent if channel is not None and channel.parent is not None else channel
    if place is None:
        return base
    for target in (guild.id, *member.role_ids, user.id):
        allow, deny = place.overwrites.get(target, (0, 0))
        base = (base & ~deny) | allow
    return base


def may(user: User, channel: Channel, *names: str) -> bool:
    """Whether the user holds all of these permissions in the channel (always in a DM)."""
    if channel.guild is None:
        return any(user is person for person in channel.recipients)
    wanted = bits(*names)
    return granted(channel.guild, user, channel) & wanted == wanted
