"""The JSON of a guild, its members and its roles."""

from __future__ import annotations

from typing import Any

from tests.fakes.discord.clock import iso
from tests.fakes.discord.payloads import channel_json, user_json
from tests.fakes.discord.records import Guild, Member, Role, User


def member_json(member: Member, permissions: int | None = None) -> dict[str, Any]:
    """A guild's member; an interaction also tells its permissions in the channel."""
    data: dict[str, Any] = {
        "user": user_json(member.user),
        "nick": None,
        "avatar": None,
        "roles": [str(role_id) for role_id in member.role_ids],
        "joined_at": iso(member.joined_at),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
        "communication_disabled_until": None,
    }
    if permissions is not None:
        data["permissions"] = str(permissions)
    return data


def role_json(role: Role) -> dict[str, Any]:
    """A role."""
    data: dict[str, Any] = {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(role.permissions),
        "position": role.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": role.managed_by is not None,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if role.managed_by is not None:
        data["tags"] = {"bot_id": str(role.managed_by)}
    return data


def guild_json(guild: Guild, viewer: User) -> dict[str, Any]:
    """A guild as GUILD_CREATE tells it."""
    places = guild.channels.values()
    threads = [place for place in places if place.thread is not None and not place.thread.archived]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner_id),
        "icon": None,
        "splash": None,
        "banner": None,
        "description": None,
        "features": [],
        "roles": [role_json(role) for role in guild.roles.values()],
        "emojis": [],
        "stickers": [],
        "members": [member_json(member) for member in guild.members.values()],
        "channels": [channel_json(place) for place in places if place.thread is None],
        "threads": [channel_json(place, viewer) for place in threads],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "member_count": len(guild.members),
        "large": False,
        "unavailable": False,
        "joined_at": iso(guild.members[viewer.id].joined_at)
        if viewer.id in guild.members
        else None,
        "premium_tier": guild.premium_tier,
        "premium_subscription_count": 0,
        "verification_level": 0,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "nsfw": False,
        "afk_timeout": 300,
        "afk_channel_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "vanity_url_code": None,
        "preferred_locale": "en-US",
    }
