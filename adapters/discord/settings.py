"""The Discord adapter's settings, read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, UrlConstraints
from pydantic import ValidationError as Invalid
from pydantic_core import Url

from bot.errors import SettingsError

SocketUrl = Annotated[Url, UrlConstraints(allowed_schemes=["ws", "wss"])]


class DiscordSettings(BaseModel):
    """Each field is read from the variable of the same name in capitals; empty means unset."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    discord_token: SecretStr | None = None
    """The bot's token, from the page “Bot” of its application; setting it turns Discord on."""

    discord_api_url: HttpUrl | None = None
    """Another server with Discord's REST API, such as a proxy; files may come from it too."""

    discord_gateway_url: SocketUrl | None = None
    """Another server with Discord's gateway, such as a proxy."""

    discord_message_content: bool = True
    """Whether to ask for the message content intent; else only what is sent to the bot counts."""

    discord_shards: int = Field(default=1, ge=0)
    """In how many shards the servers are divided, among all workers; 0 takes Discord's advice."""

    discord_identify_seconds: float = Field(default=5.5, ge=0)
    """Least time between two sessions of shards that begin, over all workers; Discord takes 5."""

    discord_requests_per_second: int = Field(default=45, ge=1, le=50)
    """Most requests to Discord's API in a second, over all servers; Discord takes 50."""

    discord_edit_pace_ms: int = Field(default=1500, ge=1000)
    """Least time between two edits of a growing answer; it grows where Discord asks to wait."""

    discord_edit_pace_limit_ms: int = Field(default=15_000, ge=1000)
    """Most that the time between two edits grows to."""

    discord_edit_age_seconds: float = Field(default=3000, gt=0, le=3600)
    """A status older than this is not edited but followed by a new message."""

    discord_attempts: int = Field(default=3, ge=1)
    """How often a request is tried that can be repeated without harm."""

    discord_request_seconds: float = Field(default=120, gt=0)
    """Longest that a request may take, its upload and its waiting for a rate limit included."""

    discord_connect_seconds: float = Field(default=30, gt=0)
    """How long an answer waits for a connection that is being made again."""

    discord_linger_seconds: float = Field(default=60, gt=0)
    """How long answers under way may still be posted after the bot was told to stop."""

    discord_download_idle_seconds: float = Field(default=60, gt=0)
    """A download of an attachment that stands still for so long is broken off."""

    discord_command_ack_seconds: float = Field(default=1.5, gt=0, le=2.5)
    """How long a command may take before it is said that it is being worked on."""

    discord_backfill_age_minutes: float = Field(default=24 * 60, ge=0)
    """How old a message may be that was missed while the bot was away; 0 answers none."""

    discord_backfill_messages: int = Field(default=100, ge=1)
    """Most missed messages that are read in a channel: so many of the oldest, and of the newest."""

    discord_backfill_channels: int = Field(default=100, ge=1)
    """Most channels and threads in which missed messages are looked for, the newest first."""

    discord_seen_seconds: float = Field(default=5, gt=0)
    """How often it is noted up to where messages were seen."""

    discord_files_per_message: int = Field(default=10, ge=1, le=10)
    """Most files sent with one message."""

    discord_upload_limit_mb: int = Field(default=24, ge=1)
    """Most megabytes of files sent with one message; Discord takes 25 in a request."""

    discord_parts_max: int = Field(default=10, ge=1, le=99)
    """In how many parts a file is sent at most that is too large for one message."""

    discord_boost_minutes: float = Field(default=60, ge=0)
    """How long a worker remembers how large files a server takes that it does not listen to."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """The settings in `environ`.

        Raises:
            SettingsError: a value is not of its kind.
        """
        given = {
            name: environ[name.upper()] for name in cls.model_fields if environ.get(name.upper())
        }
        try:
            return cls.model_validate(given)
        except Invalid as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).upper()
            raise SettingsError(f"{name} is not valid: {first['msg']}.") from error

    @property
    def token(self) -> str:
        """The token in the clear, for logging in. Raises SettingsError where there is none, or
        where it can't be one."""
        if self.discord_token is None:
            raise SettingsError("DISCORD_TOKEN is not set.")
        token = self.discord_token.get_secret_value().strip()
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise SettingsError(
                "DISCORD_TOKEN holds blanks or other characters that no token has: copy it again."
            )
        return token
