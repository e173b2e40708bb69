"""How events come in: Socket Mode, or signed requests to a server of our own."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import structlog
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from adapters.slack.api import WebApi
from adapters.slack.app import build_app
from adapters.slack.context import SlackContext
from adapters.slack.installations import Installations
from adapters.slack.scopes import lacking
from adapters.slack.server import event_server
from adapters.slack.settings import SlackSettings
from adapters.slack.tokens import raise_explained
from bot.errors import PlatformError
from bot.serving import Server

log = structlog.get_logger(__name__)


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
        except PlatformError as error:
            raise_explained(error, "SLACK_BOT_TOKEN")
        log.info("slack workspace", team=team.id, url=team.url)
        if lacking(team.api.granted):
            log.warning("slack scopes missing", scopes=" ".join(lacking(team.api.granted)))

    async def _connect(self, app: AsyncApp) -> None:
        settings = self._context.settings
        assert settings.slack_app_token is not None
        token = settings.slack_app_token.get_secret_value()
        await check_app_token(settings)
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


async def check_app_token(settings: SlackSettings) -> None:
    """Ask for a connection once by ourselves: the SDK would ask for ever, whatever the answer.

    Raises:
        SettingsError: Slack gives none, and why.
        PlatformError: it can't be asked.
    """
    assert settings.slack_app_token is not None
    try:
        token = settings.slack_app_token.get_secret_value()
        await WebApi(settings, token).call("apps.connections.open")
    except PlatformError as error:
        raise_explained(error, "SLACK_APP_TOKEN")
