"""The Discord adapter's place: it says plainly that this version does not speak Discord yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.errors import SettingsError
from bot.ports import ChatPlatform, Services

NOT_YET = (
    "DISCORD_TOKEN is set, but this version of Threadlab has no Discord adapter yet. "
    "Unset it to use the web page."
)


class DiscordPlugin:
    """Found under the entry-point group `threadlab.adapters`."""

    name = "discord"
    local = False
    migrations: Path | None = None

    def wanted(self, environ: Mapping[str, str]) -> bool:
        """Whether DISCORD_TOKEN is set."""
        return bool(environ.get("DISCORD_TOKEN"))

    def build(self, services: Services) -> ChatPlatform:
        """Refuse: a token must not be taken and then ignored.

        Raises:
            SettingsError: always, in this version.
        """
        raise SettingsError(NOT_YET)


async def check(environ: Mapping[str, str]) -> tuple[bool, str]:
    """What `threadlab doctor` says of it."""
    del environ
    return False, NOT_YET


plugin = DiscordPlugin()
