"""What the package offers to the core."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from adapters.discord.platform import DiscordPlatform
from bot.ports import Services


class DiscordPlugin:
    """Found under the entry-point group `threadlab.adapters`."""

    @property
    def name(self) -> str:
        """The platform's name."""
        return "discord"

    @property
    def local(self) -> bool:
        """It serves people elsewhere."""
        return False

    @property
    def migrations(self) -> Path | None:
        """The Alembic folder of the adapter's own tables."""
        return Path(__file__).parent / "migrations"

    def wanted(self, environ: Mapping[str, str]) -> bool:
        """Whether DISCORD_TOKEN is set."""
        return bool(environ.get("DISCORD_TOKEN"))

    def build(self, services: Services) -> DiscordPlatform:
        """Make the platform. Raises SettingsError."""
        return DiscordPlatform(services)
