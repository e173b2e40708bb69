"""What the operator can do where Slack does not take a token. Pure."""

from __future__ import annotations

from typing import NoReturn

from adapters.slack.api import NotSlack, Refused
from bot.errors import PlatformError, SettingsError

# By Slack's words; {copy} says where the token is found.
_REMEDIES = {
    "invalid_auth": "Slack does not know {name}. {copy}",
    "not_authed": "Slack does not know {name}. {copy}",
    "not_allowed_token_type": "{name} is a token of another kind. {copy}",
    "token_revoked": "{name} was revoked. {copy}",
    "token_expired": "{name} has expired. {copy}",
    "account_inactive": "The app was removed from its workspace. Install it again. {copy}",
    "missing_scope": "{name} lacks the scope connections:write. Generate one that has it. {copy}",
    "socket_mode_not_enabled": "Socket Mode is off for this app: switch it on under *Socket Mode*.",
    "team_access_not_granted": "The app is not allowed in this workspace: ask its admins.",
}
_COPY = {
    "SLACK_BOT_TOKEN": "The right one (xoxb-…) is on *Install App*, in the app's settings.",
    "SLACK_APP_TOKEN": "The right one (xapp-…) is on *Basic Information*, in the app's settings.",
}


def raise_explained(error: PlatformError, name: str) -> NoReturn:
    """Say of a refusal at the start what helps.

    Args:
        error: what Slack said.
        name: the variable of the token.

    Raises:
        SettingsError: the sentence.
        PlatformError: the error itself, where another try may succeed.
    """
    if isinstance(error, NotSlack):
        raise SettingsError(str(error)) from error
    if not isinstance(error, Refused) or error.error not in _REMEDIES:
        raise error
    remedy = _REMEDIES[error.error].format(name=name, copy=_COPY[name])
    raise SettingsError(f"{remedy} ({error})") from error
