"""Who and where: the bot itself, users, guilds, the gateway's address."""

from __future__ import annotations

from typing import Any

from tests.fakes.discord.call import Call, Endpoint
from tests.fakes.discord.guild_payloads import guild_json, member_json, role_json
from tests.fakes.discord.payloads import channel_json, user_json
from tests.fakes.discord.permissions import granted
from tests.fakes.discord.records import Guild
from tests.fakes.discord.refusal import Refusal


def me(call: Call) -> Any:
    """The bot."""
    private = {"mfa_enabled": False, "verified": True, "email": None, "locale": "en-US"}
    return user_json(call.world.bot) | private


def application(call: Call) -> Any:
    """The bot's application."""
    world = call.world
    return {
        "id": str(world.application_id),
        "name": world.bot.name,
        "description": "",
        "icon": None,
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "owner": user_json(world.owner),
        "team": None,
        "flags": world.application_flags,
        "summary": "",
        "bot": user_json(world.bot),
        "integration_types_config": {"0": {}, "1": {}},
        "type": None,
        "flags_new": str(world.application_flags),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "approximate_guild_count": sum(map(world.has_bot, world.guilds.values())),
    }


def gateway(call: Call) -> Any:
    """Where the gateway is."""
    return {"url": call.chat.gateway.url}


def gateway_bot(call: Call) -> Any:
    """Where the gateway is, and how many shards it wants."""
    limit = {"total": 1000, "remaining": 1000, "reset_after": 86_400_000}
    door = call.chat.gateway
    return {
        "url": door.url,
        "shards": door.required_shards,
        "session_start_limit": limit | {"max_concurrency": door.identifying.max_concurrency},
    }


def guild_of(call: Call) -> Guild:
    """The guild of the path, in which the bot must be."""
    guild = call.world.guilds.get(call.id("guild_id"))
    if guild is None:
        raise Refusal(10004)
    if not call.world.has_bot(guild):
        raise Refusal(50001)
    return guild


def guild(call: Call) -> Any:
    """A guild, without its members and channels."""
    whole = guild_json(guild_of(call), call.world.bot)
    hidden = ("members", "channels", "threads", "presences", "voice_states")
    return {name: value for name, value in whole.items() if name not in hidden}


def channels(call: Call) -> Any:
    """A guild's channels, without threads."""
    places = guild_of(call).channels.values()
    return [channel_json(place) for place in places if place.thread is None]


def roles(call: Call) -> Any:
    """A guild's roles."""
    return [role_json(role) for role in guild_of(call).roles.values()]


def member(call: Call) -> Any:
    """One of a guild's members; `@me` is the bot."""
    raw = call.params["user_id"]
    user_id = call.world.bot.id if raw == "@me" else call.id("user_id")
    found = guild_of(call).members.get(user_id)
    if found is None:
        raise Refusal(10007)
    return member_json(found)


def members(call: Call) -> Any:
    """A guild's members."""
    return [member_json(found) for found in guild_of(call).members.values()]


def user(call: Call) -> Any:
    """A user."""
    found = call.world.users.get(call.id("user_id"))
    if found is None:
        raise Refusal(10013)
    return user_json(found)


def own_guilds(call: Call) -> Any:
    """The guilds that the bot is in, with what it may in all of each."""
    world = call.world
    return [
        {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": guild.owner_id == world.bot.id,
            "permissions": str(granted(guild, world.bot)),
            "features": [],
        }
        for guild in world.guilds.values()
        if world.has_bot(guild)
    ]


def open_dm(call: Call) -> Any:
    """The DM with a user; 50007 where the user takes none."""
    recipient = call.world.users.get(int(call.body["recipient_id"]))
    if recipient is None:
        raise Refusal(10013)
    if recipient is call.world.bot or recipient.id in call.world.no_dms:
        raise Refusal(50007)
    return channel_json(call.world.dm(recipient), call.world.bot)


ENDPOINTS = [
    Endpoint("GET", "/users/@me", me),
    Endpoint("GET", "/users/@me/guilds", own_guilds),
    Endpoint("GET", "/oauth2/applications/@me", application),
    Endpoint("GET", "/applications/@me", application),
    Endpoint("GET", "/gateway", gateway, with_token=False),
    Endpoint("GET", "/gateway/bot", gateway_bot),
    Endpoint("GET", "/guilds/{guild_id}", guild, "reads"),
    Endpoint("GET", "/guilds/{guild_id}/channels", channels, "reads"),
    Endpoint("GET", "/guilds/{guild_id}/roles", roles, "reads"),
    Endpoint("GET", "/guilds/{guild_id}/members", members, "reads"),
    Endpoint("GET", "/guilds/{guild_id}/members/{user_id}", member, "reads"),
    Endpoint("POST", "/users/@me/channels", open_dm),
    Endpoint("GET", "/users/{user_id}", user, "reads"),
]
