"""What the app asks of a workspace; manifest.yml says the same, and a test compares them."""

from __future__ import annotations

BOT_SCOPES = (
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "mpim:history",
    "mpim:read",
    "reactions:write",
    "users:read",
)


def lacking(granted: frozenset[str] | None) -> tuple[str, ...]:
    """What a token lacks of it; nothing where Slack does not say what it has."""
    return () if granted is None else tuple(s for s in BOT_SCOPES if s not in granted)
