"""What `threadlab doctor` says of Discord."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import discord
import httpx

from adapters.discord.connection import BAD_TOKEN, NO_INTENT
from adapters.discord.permissions import invite_link, missing
from adapters.discord.settings import DiscordSettings
from bot.errors import SettingsError

_API = "https://discord.com/api/v10"
_TIMEOUT_SECONDS = 10
_NAMED_MAX = 10  # servers that lack something
# Bits of an application's flags: the intent as given to verified apps, and to others.
_MESSAGE_CONTENT = (1 << 18) | (1 << 19)


async def check(environ: Mapping[str, str]) -> tuple[bool | None, str]:
    """Ask Discord who the token belongs to, whether it may read messages, and where it is.

    Returns:
        Whether it is well (None: it works, but not everywhere), and a sentence that says how, or
        what helps.
    """
    try:
        settings = DiscordSettings.read(environ)
        token = settings.token
    except SettingsError as error:
        return False, str(error)
    base = str(settings.discord_api_url or _API).rstrip("/")
    headers = {"Authorization": f"Bot {token}"}
    try:
        async with httpx.AsyncClient(headers=headers, timeout=_TIMEOUT_SECONDS) as client:
            answer = await client.get(f"{base}/oauth2/applications/@me")
            about = answer.json() if answer.status_code == httpx.codes.OK else {}
            servers = (await client.get(f"{base}/users/@me/guilds")).json() if about else []
    except (httpx.HTTPError, ValueError) as error:
        # Not its words: they may hold the token.
        return False, f"Discord can't be reached at {base} ({type(error).__name__})."
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return False, BAD_TOKEN
    if not about:
        return False, f"Discord answered {answer.status_code}."
    if settings.discord_message_content and not about.get("flags", 0) & _MESSAGE_CONTENT:
        return False, NO_INTENT
    whose = f"the token is that of {about.get('name', 'an application')}"
    return _told(whose, invite_link(int(about["id"])), servers if type(servers) is list else [])


def _told(whose: str, invite: str, servers: Sequence[Mapping[str, Any]]) -> tuple[bool | None, str]:
    if not servers:
        return None, f"{whose}, which is in no server yet. Open {invite} to invite it."
    count = f"{len(servers)} server{'' if len(servers) == 1 else 's'}"
    lacks = {
        str(server["name"]): names
        for server in servers
        if (names := missing(discord.Permissions(int(server["permissions"]))))
    }
    if not lacks:
        return True, f"{whose}, which is in {count}. To invite it elsewhere: {invite}"
    named = [f"in “{name}” {', '.join(what)}" for name, what in list(lacks.items())[:_NAMED_MAX]]
    more = f"; and in {len(lacks) - _NAMED_MAX} more" if len(lacks) > _NAMED_MAX else ""
    return None, (
        f"{whose}, which is in {count}. It lacks permissions: {'; '.join(named)}{more}. Give its "
        f"role these, or invite it again: {invite}"
    )
