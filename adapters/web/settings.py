"""The web adapter's settings, read from the environment."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from bot.errors import SettingsError

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class WebSettings(BaseModel):
    """Each field is read from the variable of the same name in capitals; empty means unset."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    web: bool = False
    """Whether the page runs beside a chat; without any chat's token it runs anyway."""

    web_host: str = "127.0.0.1"
    """Address that the page listens on; other than this machine's own only with WEB_TOKEN."""

    web_port: int = Field(default=8080, ge=0, le=65535)
    """Port that the page listens on; 0 takes a free one."""

    web_token: SecretStr | None = None
    """What people enter, once per browser, to open the page; a long random text."""

    web_allowed_hosts: str = ""
    """Names under which the page may be called besides its address, comma-separated."""

    web_session_days: int = Field(default=30, ge=1)
    """How long a browser stays logged in."""

    web_text_limit_chars: int = Field(default=100_000, ge=1)
    """Longest message that a person may write."""

    web_files_per_message: int = Field(default=20, ge=1)
    """Most files sent with one message."""

    web_files_listed: int = Field(default=1_000, ge=1)
    """Most files of a workspace in the list; the zip has all."""

    web_upload_idle_seconds: float = Field(default=60, gt=0)
    """An upload that stands still for so long is broken off."""

    web_linger_seconds: float = Field(default=5, gt=0)
    """After an upload was refused midway, how long its sender gets to notice."""

    web_history_messages: int = Field(default=500, ge=1)
    """Most messages of a conversation shown on the page; older ones are kept."""

    web_history_conversations: int = Field(default=500, ge=1)
    """Most conversations in the list; older ones are kept."""

    web_log_limit_chars: int = Field(default=20_000, ge=1)
    """Most of a code run's output that is shown on the page."""

    web_push_pace_ms: int = Field(default=50, ge=1)
    """Least time between two pictures of a growing answer."""

    web_event_buffer_bytes: int = Field(default=8_000_000, ge=1)
    """Memory for events that a reconnecting tab may ask for again."""

    web_streams: int = Field(default=64, ge=1)
    """Most open tabs; beyond, a tab is told to come again later."""

    web_heartbeat_seconds: float = Field(default=15, gt=0)
    """How often an idle tab gets a sign of life."""

    web_shutdown_seconds: int = Field(default=3, ge=1)
    """How long requests under way may take to end when the page stops."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """The settings in `environ`.

        Raises:
            SettingsError: a value is not of its kind, or the page would be open to the network.
        """
        given = {
            name: environ[name.upper()] for name in cls.model_fields if environ.get(name.upper())
        }
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).upper()
            raise SettingsError(f"{name} is not valid: {first['msg']}.") from error
        if not settings.loopback and settings.web_token is None:
            raise SettingsError(
                f"WEB_HOST={settings.web_host} opens the page to the network: "
                "set WEB_TOKEN to a long random text, or leave WEB_HOST at 127.0.0.1."
            )
        return settings

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        address = _address(self.web_host)
        return self.web_host == "localhost" if address is None else address.is_loopback

    @property
    def token(self) -> str | None:
        """The token in the clear, for comparing."""
        return self.web_token.get_secret_value() if self.web_token else None

    def allows_host(self, name: str) -> bool:
        """Whether a request may name this host (without its port) in its Host header.

        Bound to every address (0.0.0.0), any IP address is one of ours, and DNS rebinding needs a
        name; names are listed in WEB_ALLOWED_HOSTS.
        """
        listed = {part.strip().lower() for part in self.web_allowed_hosts.split(",") if part}
        if name in _LOOPBACK_NAMES | listed | {self.web_host.lower()}:
            return True
        bound = _address(self.web_host)
        return bound is not None and bound.is_unspecified and _address(name) is not None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
