"""An application on a socket, inside the caller's event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette


class AddressUnavailable(Exception):
    """The address can't be listened on: taken, or not this machine's. `str` is a sentence."""


@asynccontextmanager
async def listen(
    app: Starlette, host: str, port: int, shutdown_seconds: float
) -> AsyncIterator[int]:
    """Serve an application until the block ends; the port, chosen freely where it is 0.

    Requests under way get `shutdown_seconds` to end. Errors of the application's start are
    raised here, instead of being logged by the server.

    Raises:
        AddressUnavailable: it is taken, or is not this machine's.
    """
    with _listener(host, port) as listener:
        async with app.router.lifespan_context(app):
            config = uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=max(1, round(shutdown_seconds)),
            )
            server = _Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await server.ready.wait()
                yield listener.getsockname()[1]
            finally:
                server.should_exit = True
                await serving


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay (40 ms an answer) off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise AddressUnavailable(f"{host} port {port} can't be used: {error.strerror}.") from error
    return listener


class _Server(uvicorn.Server):
    """A server that leaves the program's signals alone and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
