"""uvicorn inside a loop that somebody else owns."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from adapters.web.settings import WebSettings
from bot.errors import SettingsError

_BACKLOG = 128


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class PageServer:
    """Serves an application on the configured address."""

    def __init__(self, app: Starlette, settings: WebSettings) -> None:
        self._app = app
        self._settings = settings
        self._socket: socket.socket | None = None
        self.url: str | None = None

    def bind(self) -> None:
        """Take the address, so that a free port (WEB_PORT=0) is known before serving.

        Raises:
            SettingsError: the address is taken, or is not this machine's.
        """
        host, port = self._settings.web_host, self._settings.web_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
            bound.listen(_BACKLOG)
        except OSError as error:
            bound.close()
            raise SettingsError(
                f"The web page can't use {host} port {port} ({error.strerror}): "
                "set WEB_HOST and WEB_PORT to a free address of this machine."
            ) from error
        self._socket = bound
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        self.url = f"http://{shown}:{bound.getsockname()[1]}"

    async def serve(self, *, before_stop: Callable[[], None]) -> None:
        """Serve until cancelled, then stop within WEB_SHUTDOWN_SECONDS.

        Args:
            before_stop: ends the streams, which would never end by themselves.
        """
        assert self._socket is not None, "bind() comes first"
        server = _QuietServer(
            uvicorn.Config(
                self._app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=self._settings.web_shutdown_seconds,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[self._socket]), name="web-server")
        try:
            # Shielded: a cancelled uvicorn drops its requests instead of finishing them.
            await asyncio.shield(serving)
        finally:
            before_stop()
            server.should_exit = True
            await asyncio.wait({serving}, timeout=self._settings.web_shutdown_seconds + 2)
            serving.cancel()
            self._socket.close()
            self.url = None
