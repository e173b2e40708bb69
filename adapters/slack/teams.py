"""The workspaces that the bot is in: their tokens, and what is left of their rates."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

from adapters.slack.api import Pool, WebApi
from adapters.slack.pace import Allowance
from adapters.slack.settings import SlackSettings
from bot.errors import PlatformError

_TEAMS_MAX = 500


class NotInstalled(PlatformError):
    """Nobody has installed the app there."""


class Team:
    """One workspace."""

    def __init__(
        self,
        settings: SlackSettings,
        *,
        team_id: str,
        bot_user: str,
        bot_name: str = "Threadlab",
        url: str,
        api: WebApi,
    ) -> None:
        self.id = team_id
        self.bot_user = bot_user
        self.bot_name = bot_name
        self.url = url
        self.api = api
        self.streams = Allowance(settings.slack_streams_per_minute)
        self.appends = Allowance(settings.slack_appends_per_minute)
        self.updates = Allowance(settings.slack_updates_per_minute)
        self.sessions = Allowance(settings.slack_sessions_per_minute)

    def link(self, channel: str, thread: str) -> str:
        """The address of a thread's first message in the browser."""
        return f"{self.url}archives/{channel}/p{thread.replace('.', '')}"


class Tokens(Protocol):
    """Where the workspaces' tokens are."""

    async def token(self, workspace: str) -> str | None:
        """The bot's token in a workspace (or organisation), or None where it is not installed."""


class OneToken:
    """The token of the settings, for whatever workspace it belongs to."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self, workspace: str) -> str | None:
        """The one there is."""
        del workspace
        return self._token


class Teams:
    """Opens workspaces when they are first spoken of, and remembers them."""

    def __init__(
        self,
        settings: SlackSettings,
        tokens: Tokens,
        fence: Callable[[], None] = lambda: None,
    ) -> None:
        self.pool = Pool(fence)
        self._settings = settings
        self._tokens = tokens
        self._known: OrderedDict[str, Team] = OrderedDict()
        self._home = ""  # the id of the one workspace, where there is only one
        self._opening: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(
        self, team_id: str, enterprise_id: str | None = None, *, patient: bool = True
    ) -> Team:
        """A workspace.

        Args:
            team_id: its id.
            enterprise_id: its organisation's, which may have installed the app as a whole.
            patient: wait for a busy Slack, however long it asks to.

        Raises:
            NotInstalled: the app is not installed there.
            PlatformError: Slack does not take its token, or can't be asked.
        """
        # Whatever workspace an event of a shared channel names, one token has one.
        team_id = self._home or team_id
        async with self._opening.setdefault(team_id, asyncio.Lock()):
            if team_id not in self._known:
                self._known[team_id] = await self._open(team_id, enterprise_id, patient)
                while len(self._known) > _TEAMS_MAX:
                    self._known.popitem(last=False)
            return self._known[team_id]

    async def home(self) -> Team:
        """The one workspace of the settings' token. Raises PlatformError."""
        team = await self._open("", None, patient=True)
        self._home = team.id
        return self._known.setdefault(team.id, team)

    def forget(self, team_id: str) -> None:
        """The app was removed there, or installed again."""
        self._known.pop(team_id, None)

    async def _open(self, team_id: str, enterprise_id: str | None, patient: bool) -> Team:
        token = await self._tokens.token(team_id)
        if token is None and enterprise_id:
            token = await self._tokens.token(enterprise_id)
        if token is None:
            raise NotInstalled(f"The app is not installed in the workspace {team_id}.")
        api = WebApi(self._settings, token, self.pool)
        found = await self._who(api, patient)
        # Another process may know a newer one: it is looked up at the next event.
        api.on_dead_token = partial(self.forget, team_id or str(found["team_id"]))
        return Team(
            self._settings,
            team_id=team_id or str(found["team_id"]),
            bot_user=str(found["user_id"]),
            bot_name=str(found.get("user") or "Threadlab"),
            url=str(found.get("url") or "https://slack.com/"),
            api=api,
        )

    async def _who(self, api: WebApi, patient: bool) -> dict[str, Any]:
        if patient:
            return await api.call("auth.test")
        return await api.call_within(self._settings.slack_patience_seconds, "auth.test")
