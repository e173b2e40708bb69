"""Who may use the bot, and who manages it."""

from __future__ import annotations

from bot.domain import Author, Caller, ThreadKey


class Access:
    """Implements `Rights` (bot/commands/registry.py) from the operator's settings."""

    async def refusal(self, key: ThreadKey, author: Author) -> str | None:
        """Why somebody may not use the bot here, or None where they may."""
        del key, author
        return None

    def is_admin(self, key: ThreadKey, caller: Caller) -> bool:
        """Whether somebody manages the place: the chat says so, or the operator."""
        del key
        return caller.admin
