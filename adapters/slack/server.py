"""The server of SLACK_MODE=http: uvicorn inside a loop that somebody else owns."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn

from adapters.slack.settings import SlackSettings
from bot.errors import SettingsError, TooLarge

log = structlog.get_logger(__name__)

_BACKLOG = 128


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


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


class EventServer:
    """Serves Bolt's handler on the configured address."""

    def __init__(self, app: Any, settings: SlackSettings) -> None:
        self._app = app
        self._settings = settings
        self._socket: socket.socket | None = None
        self.url: str | None = None

    def bind(self) -> None:
        """Take the address, so that a free port (SLACK_HTTP_PORT=0) is known before serving.

        Raises:
            SettingsError: the address is taken, or is not this machine's.
        """
        host, port = self._settings.slack_http_host, self._settings.slack_http_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
            bound.listen(_BACKLOG)
        except OSError as error:
            bound.close()
            raise SettingsError(
                f"Slack's events can't be taken at {host} port {port} ({error.strerror}): set "
                "SLACK_HTTP_HOST and SLACK_HTTP_PORT to a free address of this machine."
            ) from error
        self._socket = bound
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        self.url = f"http://{shown}:{bound.getsockname()[1]}"

    async def serve(self) -> None:
        """Serve until cancelled, then stop within SLACK_SHUTDOWN_SECONDS."""
        assert self._socket is not None, "bind() comes first"
        server = _QuietServer(
            uvicorn.Config(
                _Bounded(self._app, self._settings.slack_request_bytes),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=self._settings.slack_shutdown_seconds,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[self._socket]), name="slack-server")
        try:
            # Shielded: a cancelled uvicorn drops its requests instead of finishing them.
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await asyncio.wait({serving}, timeout=self._settings.slack_shutdown_seconds + 2)
            serving.cancel()
            self._socket.close()
            self.url = None
