"""Workspaces that installed the app: their tokens, sealed, and installations under way."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
import structlog
from cryptography.fernet import Fernet, InvalidToken
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.slack.settings import SlackSettings
from adapters.slack.tables import installations, states
from bot.errors import PlatformError

log = structlog.get_logger(__name__)


class Installations(AsyncInstallationStore):
    """Bolt's installation store over our database; tokens are encrypted with Fernet."""

    def __init__(self, database: AsyncEngine, settings: SlackSettings) -> None:
        assert settings.slack_encryption_key is not None
        self._database = database
        self._seal = Fernet(settings.slack_encryption_key.get_secret_value())
        self.on_change: Callable[[str], None] = lambda workspace: None

    @property
    def logger(self) -> logging.Logger:
        """Bolt's."""
        return logging.getLogger(__name__)

    async def token(self, workspace: str) -> str | None:
        """The bot's token in a workspace or organisation, or None where there is none.

        Raises:
            PlatformError: it was sealed with another key.
        """
        found = await self._read(workspace)
        return str(found["bot_token"]) if found else None

    async def async_save(self, installation: Installation) -> None:
        """Keep the token of an installation; an earlier one of the workspace is replaced."""
        workspace = _workspace(installation.team_id, installation.enterprise_id)
        sealed = self._seal.encrypt(json.dumps(_kept(installation)).encode()).decode()
        values = {"workspace": workspace, "installed_at": time.time(), "sealed": sealed}
        async with self._database.begin() as connection:
            await connection.execute(
                sa.delete(installations).where(installations.c.workspace == workspace)
            )
            await connection.execute(sa.insert(installations).values(**values))
        self.on_change(workspace)
        log.info("slack app installed", workspace=workspace)

    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
    ) -> Bot | None:
        """The bot of a workspace."""
        workspace = _workspace(None if is_enterprise_install else team_id, enterprise_id)
        found = await self._read(workspace)
        return Bot(**found) if found else None

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Forget a workspace."""
        workspace = _workspace(team_id, enterprise_id)
        async with self._database.begin() as connection:
            await connection.execute(
                sa.delete(installations).where(installations.c.workspace == workspace)
            )
        self.on_change(workspace)

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """Forget a workspace; only the bot's token is kept, and nobody's own."""
        if user_id is None:
            await self.async_delete_bot(enterprise_id=enterprise_id, team_id=team_id)

    async def _read(self, workspace: str) -> dict[str, Any] | None:
        async with self._database.connect() as connection:
            query = sa.select(installations.c.sealed).where(installations.c.workspace == workspace)
            sealed = (await connection.execute(query)).scalar_one_or_none()
        if sealed is None:
            return None
        try:
            return dict(json.loads(self._seal.decrypt(sealed.encode())))
        except InvalidToken as error:
            # Not as if there were none: with the right key, what people write now is answered.
            raise PlatformError(
                f"SLACK_ENCRYPTION_KEY is not the one with which {workspace} was installed."
            ) from error


class States(AsyncOAuthStateStore):
    """Installations that were begun: each can be finished once, for a while."""

    def __init__(self, database: AsyncEngine, settings: SlackSettings) -> None:
        self._database = database
        self._lifetime_seconds = settings.slack_install_seconds

    @property
    def logger(self) -> logging.Logger:
        """Bolt's."""
        return logging.getLogger(__name__)

    async def async_issue(self, *args: object, **kwargs: object) -> str:
        """A new state."""
        del args, kwargs
        state, now = secrets.token_urlsafe(24), time.time()
        async with self._database.begin() as connection:
            await connection.execute(sa.delete(states).where(states.c.expires_at < now))
            values = {"state": state, "expires_at": now + self._lifetime_seconds}
            await connection.execute(sa.insert(states).values(**values))
        return state

    async def async_consume(self, state: str) -> bool:
        """Whether the state was issued, has not expired, and was not used before."""
        async with self._database.begin() as connection:
            query = sa.delete(states).where(
                states.c.state == state, states.c.expires_at >= time.time()
            )
            return (await connection.execute(query)).rowcount == 1


def _workspace(team_id: str | None, enterprise_id: str | None) -> str:
    return str(team_id or enterprise_id or "")


def _kept(installation: Installation) -> dict[str, Any]:
    return {
        "app_id": installation.app_id,
        "enterprise_id": installation.enterprise_id,
        "team_id": installation.team_id,
        "bot_token": installation.bot_token,
        "bot_id": installation.bot_id,
        "bot_user_id": installation.bot_user_id,
        "bot_scopes": list(installation.bot_scopes or ()),
        "installed_at": installation.installed_at,
    }
