"""How events come in: Socket Mode, or signed requests to a server of our own."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import structlog
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from adapters.slack.api import Refused, make_client
from adapters.slack.app import build_app
from adapters.slack.context import SlackContext
from adapters.slack.installations import Installations
from adapters.slack.server import event_server
from adapters.slack.settings import SlackSettings
from bot.errors import PlatformError, SettingsError
from bot.serving import Server

log = structlog.get_logger(__name__)

_WRONG_TOKEN = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "not_allowed_token_type"}
)


class Connections:
    """Runs Bolt over what the settings ask for."""

    def __init__(self, context: SlackContext, installations: Installations | None) -> None:
        self._context = context
        self._installations = installations
        self._server: Server | None = None
        self.ready = asyncio.Event()

    @property
    def url(self) -> str | None:
        """Where events may be sent to, in SLACK_MODE=http."""
        return self._server.url if self._server else None

    async def run(self) -> None:
        """Bring events in until cancelled.

        Raises:
            SettingsError: Slack does not take the tokens.
            PlatformError: Slack can't be reached.
        """
        settings = self._context.settings
        async with self._context.teams.pool.opened(settings):
            if self._installations is None:
                await self._meet()
            app = build_app(self._context, self._installations)
            try:
                await (self._serve(app) if settings.slack_mode == "http" else self._connect(app))
            finally:
                self.ready.clear()
                await self._context.tasks.close(settings.slack_shutdown_seconds)

    async def _meet(self) -> None:
        try:
            team = await self._context.teams.home()
        except Refused as error:
            if error.error in _WRONG_TOKEN:
                raise SettingsError(
                    f"Slack does not take SLACK_BOT_TOKEN: {error.error}."
                ) from error
            raise
        log.info("slack workspace", team=team.id, url=team.url)

    async def _connect(self, app: AsyncApp) -> None:
        settings = self._context.settings
        assert settings.slack_app_token is not None
        token = settings.slack_app_token.get_secret_value()
        await _check_token(settings, token)
        async with AsyncExitStack() as stack:
            for _ in range(settings.slack_connections):
                handler = AsyncSocketModeHandler(app, token)
                stack.push_async_callback(handler.close_async)
                await handler.connect_async()  # type: ignore[no-untyped-call]
            self.ready.set()
            log.info("slack connected", connections=settings.slack_connections)
            await asyncio.Event().wait()  # the SDK keeps the connections up

    async def _serve(self, app: AsyncApp) -> None:
        self._server = event_server(AsyncSlackRequestHandler(app), self._context.settings)
        self._server.bind()
        self.ready.set()
        log.info("slack events", url=self._server.url)
        await self._server.serve()


async def _check_token(settings: SlackSettings, token: str) -> None:
    """Ask for a connection once by ourselves: the SDK would ask for ever, whatever the answer."""
    try:
        await make_client(settings, patient=True).apps_connections_open(app_token=token)
    except SlackApiError as error:
        code = str(error.response["error"])
        if code in _WRONG_TOKEN | {"missing_scope"}:
            raise SettingsError(
                f"Slack does not take SLACK_APP_TOKEN: {code}. It begins with xapp- and has the "
                "scope connections:write."
            ) from error
        raise PlatformError(f"Slack refuses a connection: {code}.") from error
