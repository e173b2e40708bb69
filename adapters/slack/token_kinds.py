"""The kinds of Slack's tokens, told apart by how they begin. Pure."""

from __future__ import annotations

from pydantic import SecretStr

from bot.errors import SettingsError

_KINDS = {
    "xoxb-": "the bot's token",
    "xoxe.xoxb-": "the bot's token",  # one that Slack rotates
    "xapp-": "the app's token",
    "xoxp-": "a person's token",
}


def check_kind(name: str, token: SecretStr | None, wanted: str) -> None:
    """Whether a token begins as its kind does. Raises SettingsError."""
    if token is None:
        return
    value = token.get_secret_value()
    begins = next((prefix for prefix in _KINDS if value.startswith(prefix)), "")
    if begins and _KINDS[begins] == _KINDS[wanted]:
        return
    if not begins:
        raise SettingsError(f"{name} is no such token: it begins with {wanted}.")
    swapped = " Are the two swapped?" if begins != "xoxp-" else ""
    raise SettingsError(
        f"{name} begins with {begins}: that is {_KINDS[begins]}, not {_KINDS[wanted]} "
        f"({wanted}…).{swapped}"
    )
