"""What the package offers to the core."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from adapters.web.platform import WebPlatform
from adapters.web.settings import WebSettings
from bot.ports import Services


class WebPlugin:
    """The web page as an adapter plugin."""

    @property
    def name(self) -> str:
        """The platform's name."""
        return "web"

    @property
    def local(self) -> bool:
        """It serves people on this machine, unless told otherwise with a token."""
        return True

    @property
    def migrations(self) -> Path | None:
        """The Alembic folder of the adapter's own tables."""
        return Path(__file__).parent / "migrations"

    def wanted(self, environ: Mapping[str, str]) -> bool:
        """Whether `WEB` asks for the page."""
        return WebSettings.read(environ).web

    def build(self, services: Services) -> WebPlatform:
        """Make the platform."""
        return WebPlatform(services)
