"""The Slack adapter's place: it says plainly that this version does not speak Slack yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.errors import SettingsError
from bot.ports import ChatPlatform, Services

NOT_YET = (
    "SLACK_BOT_TOKEN is set, but this version of Threadlab has no Slack adapter yet. "
    "Unset it to use the web page."
)


class SlackPlugin:
    """Found under the entry-point group `threadlab.adapters`."""

    name = "slack"
    local = False
    migrations: Path | None = None

    def wanted(self, environ: Mapping[str, str]) -> bool:
        """Whether SLACK_BOT_TOKEN is set."""
        return bool(environ.get("SLACK_BOT_TOKEN"))

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


plugin = SlackPlugin()
