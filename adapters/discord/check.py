"""What `threadlab doctor` says of Discord."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from adapters.discord.connection import BAD_TOKEN, NO_INTENT
from adapters.discord.settings import DiscordSettings
from bot.errors import SettingsError

_API = "https://discord.com/api/v10"
_TIMEOUT_SECONDS = 10
# Bits of an application's flags: the intent as given to verified apps, and to others.
_MESSAGE_CONTENT = (1 << 18) | (1 << 19)


async def check(environ: Mapping[str, str]) -> tuple[bool, str]:
    """Ask Discord who the token belongs to, and whether it may read messages.

    Returns:
        Whether it is well, and a sentence that says how, or what helps.
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
    except (httpx.HTTPError, ValueError) as error:
        return False, f"Discord can't be reached: {error!r}."
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return False, BAD_TOKEN
    if not about:
        return False, f"Discord answered {answer.status_code}."
    if settings.discord_message_content and not about.get("flags", 0) & _MESSAGE_CONTENT:
        return False, NO_INTENT
    return True, f"the token is that of {about.get('name', 'an application')}."
