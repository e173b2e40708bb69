"""What the package offers to the core."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from adapters.slack.platform import SlackPlatform
from bot.ports import Services

# Any of them: what else is needed is said then.
_WANTING = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_CLIENT_ID")


class SlackPlugin:
    """Slack as an adapter plugin."""

    @property
    def name(self) -> str:
        """The platform's name."""
        return "slack"

    @property
    def local(self) -> bool:
        """It is met by everybody in a workspace."""
        return False

    @property
    def migrations(self) -> Path | None:
        """The Alembic folder of the adapter's own tables."""
        return Path(__file__).parent / "migrations"

    def wanted(self, environ: Mapping[str, str]) -> bool:
        """Whether a token is set, or a client ID with which people install the app."""
        return any(environ.get(name) for name in _WANTING)

    def build(self, services: Services) -> SlackPlatform:
        """Make the platform."""
        return SlackPlatform(services)
