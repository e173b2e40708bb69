"""Who may use the bot, and who manages it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from bot.domain import Author, Caller, ThreadKey
from bot.ports import ChannelList
from bot.rules import Rules

WORKSPACE_CLOSED = "I am not available here. Whoever runs this bot decides where I am."
CHANNEL_CLOSED = "I am not available in this channel. Whoever runs this bot decides where I am."
PERSON_REFUSED = "You may not use me. Whoever runs this bot decides who may."
NOT_LISTED = "Only some people may use me in this channel. Its admins decide who may."


class Access:
    """Implements `Rights` (bot/commands/registry.py): the operator's lists, then the channel's."""

    def __init__(self, rules: Rules, channels: ChannelList) -> None:
        self._rules = rules
        self._channels = channels

    async def refusal(self, key: ThreadKey, author: Author, *, manages: bool = False) -> str | None:
        """Why somebody may not use the bot here, or None where they may. Who `manages` the place
        is not kept out by its own list."""
        rules, platform = self._rules, key.platform
        checks = (
            (key.workspace, rules.allow_workspaces, rules.deny_workspaces, WORKSPACE_CLOSED),
            (key.channel, rules.allow_channels, rules.deny_channels, CHANNEL_CLOSED),
            (author.id, rules.allow_users, rules.deny_users, PERSON_REFUSED),
        )
        for id, allowed, denied, sentence in checks:
            if _listed(platform, id, denied) or (allowed and not _listed(platform, id, allowed)):
                return sentence
        if manages:
            return None
        users = (await self._channels.settings(key)).users
        if users and author.id not in users and not _listed(platform, author.id, rules.admins):
            return NOT_LISTED
        return None

    def is_admin(self, key: ThreadKey, caller: Caller) -> bool:
        """Whether somebody manages the place: the chat says so, or the operator."""
        return caller.admin or _listed(key.platform, caller.author.id, self._rules.admins)


class Purse(Protocol):
    """Whether there is money left."""

    async def refusal(self, key: ThreadKey, author: Author) -> str | None:
        """Why a question is not asked now, or None."""


class Gate:
    """Who may ask: those who may use the bot, as long as there is money."""

    def __init__(self, access: Access, purse: Purse) -> None:
        self._access = access
        self._purse = purse

    async def refusal(self, key: ThreadKey, author: Author, *, asks: bool) -> str | None:
        """Why somebody may not ask here now, or only bring files; None where they may."""
        refused = await self._access.refusal(key, author)
        if refused is None and asks:
            refused = await self._purse.refusal(key, author)
        return refused


def _listed(platform: str, id: str, ids: Collection[str]) -> bool:
    """Whether an id is in a list, by itself or with its platform (`slack:U123`)."""
    return id in ids or f"{platform}:{id}" in ids
