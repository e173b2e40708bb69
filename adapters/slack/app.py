"""Bolt's app: who may send events, and who listens to them."""

from __future__ import annotations

import logging
from urllib.parse import urljoin

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings

from adapters.slack import listeners
from adapters.slack.api import DEAD, Refused, make_client
from adapters.slack.context import SlackContext
from adapters.slack.installations import Installations, States
from adapters.slack.scopes import BOT_SCOPES
from adapters.slack.settings import SlackSettings
from adapters.slack.teams import NotInstalled, Teams
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"


class TeamAuthorize(AsyncAuthorize):
    """Tells Bolt who its bot is in a workspace, without asking Slack each time."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        actor_enterprise_id: str | None = None,
        actor_team_id: str | None = None,
        actor_user_id: str | None = None,
    ) -> AuthorizeResult | None:
        """The bot; None where the app is not installed, so that the event counts as taken.

        Raises:
            PlatformError: who it is can't be known now; Slack sends the event again.
        """
        del context, user_id, actor_enterprise_id, actor_team_id, actor_user_id
        try:
            workspace = team_id or enterprise_id or ""
            team = await self._teams.get(workspace, enterprise_id, patient=False)
        except PlatformError as error:
            log.warning("event of an unknown workspace", team=team_id, error=str(error))
            removed = isinstance(error, Refused) and error.error in DEAD
            if removed or isinstance(error, NotInstalled):
                return None
            raise
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_user_id=team.bot_user,
            bot_token=team.api.token,
        )


def build_app(context: SlackContext, installations: Installations | None) -> AsyncApp:
    """The app with all its listeners; with pages for installing it where many workspaces may.

    An event is acknowledged after its listener has returned, and not at all where that failed.
    """
    settings = context.settings
    secret = settings.slack_signing_secret
    logger = logging.getLogger("slack_bolt")
    logger.setLevel(logging.ERROR)  # it warns of a SLACK_BOT_TOKEN beside a client: as meant
    app = AsyncApp(
        name="threadlab",
        logger=logger,
        client=make_client(settings),
        authorize=TeamAuthorize(context.teams),  # type: ignore[arg-type]
        oauth_flow=_oauth_flow(context, installations) if installations else None,
        signing_secret=secret.get_secret_value() if secret else "",
        process_before_response=True,
        request_verification_enabled=settings.slack_mode == "http",
    )
    logger.setLevel(logging.WARNING)
    listeners.register(app, context, installations)
    return app


def _oauth_flow(context: SlackContext, installations: Installations) -> AsyncOAuthFlow:
    settings: SlackSettings = context.settings
    assert settings.slack_client_id is not None
    assert settings.slack_client_secret is not None
    return AsyncOAuthFlow(
        client=make_client(settings, patient=True),
        settings=AsyncOAuthSettings(
            client_id=settings.slack_client_id,
            client_secret=settings.slack_client_secret.get_secret_value(),
            scopes=list(BOT_SCOPES),
            redirect_uri=settings.slack_redirect_url,
            install_path=INSTALL_PATH,
            redirect_uri_path=REDIRECT_PATH,
            authorization_url=urljoin(settings.slack_api_url, "/oauth/v2/authorize"),
            installation_store=installations,
            state_store=States(context.services.database, settings),
            state_expiration_seconds=settings.slack_install_seconds,
        ),
    )
