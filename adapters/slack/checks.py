"""What `threadlab doctor` says of Slack."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.fernet import Fernet
from slack_sdk.errors import SlackApiError

from adapters.slack.api import WebApi, make_client
from adapters.slack.settings import SlackSettings
from bot.errors import PlatformError, SettingsError


async def check(environ: Mapping[str, str]) -> tuple[bool, str]:
    """Whether the settings are enough and Slack takes the tokens; in a sentence."""
    try:
        settings = SlackSettings.read(environ)
        settings.check()
    except SettingsError as error:
        return False, f"{error}{_fresh_key(environ)}"
    if settings.many_workspaces:
        return True, "people install it in their workspaces at /slack/install."
    assert settings.slack_bot_token is not None
    try:
        api = WebApi(settings, settings.slack_bot_token.get_secret_value())
        found = await api.call("auth.test", patient=False)
    except PlatformError as error:
        return False, f"SLACK_BOT_TOKEN: {error}"
    problem = await _no_connection(settings) if settings.slack_mode == "socket" else ""
    return not problem, problem or f"{found['user']} in the workspace {found['team']}."


async def _no_connection(settings: SlackSettings) -> str:
    assert settings.slack_app_token is not None
    token = settings.slack_app_token.get_secret_value()
    try:
        await make_client(settings).apps_connections_open(app_token=token)
    except SlackApiError as error:
        return f"SLACK_APP_TOKEN: Slack refuses Socket Mode ({error.response['error']})."
    return ""


def _fresh_key(environ: Mapping[str, str]) -> str:
    if environ.get("SLACK_CLIENT_ID") and not environ.get("SLACK_ENCRYPTION_KEY"):
        return f" A fresh one: SLACK_ENCRYPTION_KEY={Fernet.generate_key().decode()}"
    return ""
