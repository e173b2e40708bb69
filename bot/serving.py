"""uvicorn inside a loop that somebody else owns."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from bot.errors import SettingsError

_BACKLOG = 128
_MARGIN_SECONDS = 2.0  # what uvicorn takes beyond its own bound


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is. `name` is what is served, `variables` are the settings of the address."""

    host: str
    port: int
    name: str
    variables: str


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class Server:
    """Serves an ASGI application.

    Args:
        app: the application.
        address: of this machine.
        shutdown_seconds: how long requests under way may take to finish at the end.
    """

    def __init__(self, app: Any, address: Address, *, shutdown_seconds: int) -> None:
        self._app = app
        self._address = address
        self._shutdown_seconds = shutdown_seconds
        self._socket: socket.socket | None = None
        self.url: str | None = None

    def bind(self) -> None:
        """Take the address, so that a free port (0) is known before serving.

        Raises:
            SettingsError: the address is taken, or is not this machine's.
        """
        host, port = self._address.host, self._address.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
            bound.listen(_BACKLOG)
        except OSError as error:
            bound.close()
            raise SettingsError(
                f"{self._address.name} can't use {host} port {port} ({error.strerror}): set "
                f"{self._address.variables} to a free address of this machine."
            ) from error
        self._socket = bound
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        self.url = f"http://{shown}:{bound.getsockname()[1]}"

    async def serve(self, *, before_stop: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled, then stop within a bounded time.

        Args:
            before_stop: ends what would never end by itself, such as streams.
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
                timeout_graceful_shutdown=self._shutdown_seconds,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[self._socket]), name="server")
        try:
            # Shielded: a cancelled uvicorn drops its requests instead of finishing them.
            await asyncio.shield(serving)
        finally:
            before_stop()
            server.should_exit = True
            await asyncio.wait({serving}, timeout=self._shutdown_seconds + _MARGIN_SECONDS)
            serving.cancel()
            self._socket.close()
            self.url = None
