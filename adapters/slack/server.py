"""The server of SLACK_MODE=http."""

from __future__ import annotations

from typing import Any

import structlog

from adapters.slack.settings import SlackSettings
from bot.errors import TooLarge
from bot.serving import Address, Server

log = structlog.get_logger(__name__)


class _Bounded:
    """Refuses requests that are too long: they are read before their signature is known."""

    def __init__(self, app: Any, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request."""
        left_bytes = self._limit_bytes

        async def bounded() -> Any:
            nonlocal left_bytes
            message = await receive()
            left_bytes -= len(message.get("body", b""))
            if left_bytes < 0:
                raise TooLarge(self._limit_bytes)
            return message

        try:
            await self._app(scope, bounded, send)
        except TooLarge as error:
            log.warning("request refused", why=str(error))
            await send({"type": "http.response.start", "status": 413, "headers": []})
            await send({"type": "http.response.body", "body": b""})


def event_server(app: Any, settings: SlackSettings) -> Server:
    """Serves Bolt's handler on the configured address."""
    return Server(
        _Bounded(app, settings.slack_request_bytes),
        Address(
            settings.slack_http_host,
            settings.slack_http_port,
            "The server for Slack's events",
            "SLACK_HTTP_HOST and SLACK_HTTP_PORT",
        ),
        shutdown_seconds=settings.slack_shutdown_seconds,
    )
