"""What `threadlab doctor` says of Slack."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.fernet import Fernet

from adapters.slack.api import WebApi
from adapters.slack.connections import check_app_token
from adapters.slack.scopes import lacking
from adapters.slack.settings import SlackSettings
from adapters.slack.tokens import raise_explained
from bot.errors import PlatformError, SettingsError

LACKING = (
    "the app lacks {scopes}, without which some things fail. Add them on *OAuth & Permissions* of "
    "the app's settings (manifest.yml lists all), and install it again."
)


async def check(environ: Mapping[str, str]) -> tuple[bool, str]:
    """Whether the settings are enough and Slack takes the tokens; in a sentence."""
    try:
        settings = SlackSettings.read(environ)
        settings.check()
        if settings.many_workspaces:
            return True, "people install it in their workspaces at /slack/install."
        return await _asked(settings)
    except (SettingsError, PlatformError) as error:
        return False, f"{error}{_fresh_key(str(error))}"


async def _asked(settings: SlackSettings) -> tuple[bool, str]:
    """What Slack says of the tokens. Raises SettingsError, PlatformError."""
    assert settings.slack_bot_token is not None
    api = WebApi(settings, settings.slack_bot_token.get_secret_value())
    try:
        found = await api.call("auth.test", patient=False)
    except PlatformError as error:
        raise_explained(error, "SLACK_BOT_TOKEN")
    if settings.slack_mode == "socket":
        await check_app_token(settings)
    if lacking(api.granted):
        return False, LACKING.format(scopes=", ".join(lacking(api.granted)))
    return True, f"{found['user']} in the workspace {found['team']}."


def _fresh_key(problem: str) -> str:
    if "SLACK_ENCRYPTION_KEY" in problem:
        return f" A fresh one: SLACK_ENCRYPTION_KEY={Fernet.generate_key().decode()}"
    return ""
