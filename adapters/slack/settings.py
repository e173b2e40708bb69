"""The Slack adapter's settings, read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from adapters.slack.token_kinds import check_kind
from bot.errors import SettingsError


class SlackSettings(BaseModel):
    """Each field is read from the variable of the same name in capitals; empty means unset."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    slack_bot_token: SecretStr | None = None
    """Token of the bot in one workspace (`xoxb-…`)."""

    slack_app_token: SecretStr | None = None
    """App-level token with `connections:write` (`xapp-…`), for Socket Mode."""

    slack_api_url: str = "https://slack.com/api/"
    """Where Slack's Web API is: GovSlack, a proxy, a test."""

    slack_mode: Literal["socket", "http"] = "socket"
    """How events come: Socket Mode, or signed requests to an address of ours."""

    slack_connections: int = Field(default=1, ge=1, le=10)
    """Socket Mode connections held at the same time."""

    slack_signing_secret: SecretStr | None = None
    """Signing secret of the app, for `SLACK_MODE=http`."""

    slack_http_host: str = "127.0.0.1"
    """Address that `SLACK_MODE=http` listens on."""

    slack_http_port: int = Field(default=3000, ge=0, le=65535)
    """Port that `SLACK_MODE=http` listens on; 0 takes a free one."""

    slack_request_bytes: int = Field(default=2_000_000, ge=100_000)
    """Longest request that `SLACK_MODE=http` reads: it is read before its signature is checked."""

    slack_shutdown_seconds: int = Field(default=3, ge=1)
    """How long requests under way may take to end when `SLACK_MODE=http` stops."""

    slack_client_id: str | None = None
    """Client ID of the app, for installing it in many workspaces."""

    slack_client_secret: SecretStr | None = None
    """Client secret of the app, for installing it in many workspaces."""

    slack_encryption_key: SecretStr | None = None
    """Key under which the workspaces' tokens are stored (`threadlab doctor` offers a fresh one)."""

    slack_redirect_url: str | None = None
    """Public address of `/slack/oauth_redirect`, where Slack does not know it from the app."""

    slack_install_seconds: int = Field(default=600, ge=1)
    """How long an installation that was begun may take."""

    slack_call_seconds: int = Field(default=30, ge=1)
    """Longest wait for an answer of Slack's Web API."""

    slack_call_attempts: int = Field(default=4, ge=1)
    """How often a call without an answer is made, where repeating it does no harm."""

    slack_call_wait_ms: int = Field(default=300, ge=1)
    """How long to wait before such a call is made again; twice as long each time."""

    slack_lookup_seconds: float = Field(default=1, gt=0)
    """Longest wait for names and files that a message mentions, before it is accepted without."""

    slack_patience_seconds: float = Field(default=1.5, gt=0)
    """Longest wait, where Slack asks for one, while somebody waits for a modal or a command."""

    slack_rate_limit_retries: int = Field(default=8, ge=0)
    """How often a call that has to come through waits and is made again after a 429."""

    slack_rate_limit_seconds: float = Field(default=120, gt=0)
    """Longest such wait; where Slack asks for more, the call fails."""

    slack_first_show_ms: int = Field(default=600, ge=1)
    """How long after a question nothing is shown but the first sign: many answers are quicker."""

    slack_pace_ms: int = Field(default=1_000, ge=1)
    """Least time between two additions to a growing answer; it doubles each time."""

    slack_pace_max_ms: int = Field(default=5_000, ge=1)
    """Longest time between two such additions."""

    slack_short_chars: int = Field(default=600, ge=0)
    """So long an answer is short: while it grows it is added to once, with code twice."""

    slack_short_pace_ms: int = Field(default=5_000, ge=1)
    """How long after its first words a short answer is added to."""

    slack_status_seconds: float = Field(default=90, gt=0)
    """How often a status is renewed; Slack lets it lapse after 120 seconds."""

    slack_session_seconds: float = Field(default=5, gt=0)
    """How long a session is believed to work that no answer here shows: others may end it."""

    slack_streams_per_minute: int = Field(default=15, ge=0)
    """Most answers streamed a minute in a workspace; others are posted. 0 streams none."""

    slack_appends_per_minute: int = Field(default=80, ge=0)
    """Most additions to streams a minute, in a workspace."""

    slack_updates_per_minute: int = Field(default=30, ge=0)
    """Most changes a minute, in a workspace, that only show progress."""

    slack_sessions_per_minute: int = Field(default=40, ge=0)
    """Most changes of agent sessions a minute, in a workspace; 0 does without sessions."""

    slack_message_chars: int = Field(default=11_000, ge=1_000, le=12_000)
    """Longest message; longer answers are split."""

    slack_stream_bytes: int = Field(default=10_000, ge=2_000)
    """Longest streamed message, as Slack counts: in UTF-8, code and output of steps twice."""

    slack_steps_bytes: int = Field(default=4_000, ge=0)
    """So much of it at most is code and output of steps; the button Code shows all."""

    slack_code_chars: int = Field(default=400, ge=100)
    """Most of a run's code that is shown under its step."""

    slack_log_chars: int = Field(default=200, ge=100)
    """Most of a run's output that is shown under its step."""

    slack_steps: int = Field(default=20, ge=1, le=50)
    """Most code runs shown as steps of an answer."""

    slack_names: int = Field(default=2_000, ge=1)
    """Most names of people and channels that are remembered."""

    slack_names_asked: int = Field(default=20, ge=1)
    """Most names that are asked for to read one message; others stay ids."""

    slack_names_seconds: float = Field(default=3_600, gt=0)
    """How long a name, or who is an admin, is remembered."""

    slack_events_remembered: int = Field(default=2_000, ge=1)
    """How many commands and greetings are remembered, so that a repeated event does nothing."""

    slack_upload_attempts: int = Field(default=5, ge=1)
    """How often the upload of a file is tried."""

    slack_upload_wait_ms: int = Field(default=200, ge=1)
    """How long to wait before an upload is tried again; twice as long each time."""

    slack_share_seconds: float = Field(default=2, gt=0)
    """How long files may take to appear in their thread, before they are looked for."""

    slack_transfer_seconds: float = Field(default=60, gt=0)
    """A download or upload that stands still for so long is broken off."""

    slack_threads_listed: int = Field(default=20, ge=1, le=100)
    """Most threads offered in menus and on the app's home."""

    @field_validator("slack_api_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        return value if value.endswith("/") else f"{value}/"

    @field_validator("slack_encryption_key")
    @classmethod
    def _is_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                Fernet(value.get_secret_value())
            except ValueError:
                raise ValueError("32 bytes in URL-safe base64 are needed") from None
        return value

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
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).upper()
            reason = first["msg"].removeprefix("Value error, ")
            raise SettingsError(f"{name} is not valid: {reason}.") from error

    def check(self) -> None:
        """Whether they make up a Slack app.

        Raises:
            SettingsError: something is missing.
        """
        if self.many_workspaces:
            self._check_many()
        elif self.slack_bot_token is None:
            raise SettingsError(
                "SLACK_BOT_TOKEN is missing (xoxb-…, on *Install App* of the app's settings)."
            )
        elif self.slack_mode == "socket" and self.slack_app_token is None:
            raise SettingsError(
                "SLACK_BOT_TOKEN is set, but Socket Mode needs SLACK_APP_TOKEN too (xapp-…, scope "
                "connections:write). Or set SLACK_MODE=http."
            )
        check_kind("SLACK_BOT_TOKEN", self.slack_bot_token, "xoxb-")
        check_kind("SLACK_APP_TOKEN", self.slack_app_token, "xapp-")
        if self.slack_mode == "http" and self.slack_signing_secret is None:
            raise SettingsError("SLACK_MODE=http needs SLACK_SIGNING_SECRET.")

    def _check_many(self) -> None:
        if self.slack_bot_token is not None:
            raise SettingsError(
                "Set either SLACK_BOT_TOKEN, for one workspace, or SLACK_CLIENT_ID, for many."
            )
        if self.slack_mode != "http":
            raise SettingsError("SLACK_CLIENT_ID needs SLACK_MODE=http: people install it there.")
        for name in ("slack_client_secret", "slack_encryption_key"):
            if getattr(self, name) is None:
                raise SettingsError(f"SLACK_CLIENT_ID needs {name.upper()} too.")

    @property
    def many_workspaces(self) -> bool:
        """Whether people install the app in their workspaces themselves."""
        return self.slack_client_id is not None

    @property
    def api_origin(self) -> str:
        """Scheme, host and port of the Web API."""
        parts = urlsplit(self.slack_api_url)
        return f"{parts.scheme}://{parts.netloc}"
