"""The engine inside another program: on a free loopback port, with a random key."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from engine.planner.offline import OfflinePlanner
from engine.pool import KernelPool
from engine.server import create_app
from engine.settings import EngineSettings

LOOPBACK = "127.0.0.1"
NOTE = "offline planner: no language model is configured"
PREFIX = "ENGINE_"


@dataclass(frozen=True, slots=True)
class EmbeddedEngine:
    """Where the engine answers, and what people must know of it."""

    base_url: str
    api_key: str = field(repr=False)
    note: str = NOTE


@asynccontextmanager
async def serve(environ: Mapping[str, str], data_dir: Path) -> AsyncIterator[EmbeddedEngine]:
    """Run the engine in the caller's event loop until the block ends.

    Arguments:
        environ: where `ENGINE_…` settings are read from.
        data_dir: where everything is kept.

    Raises:
        SandboxUnavailable: code can't be confined here; the text says what helps.
    """
    settings = settings_from(environ)
    key = secrets.token_urlsafe(32)
    hosts = KernelPool(settings, data_dir)
    app = create_app(settings, data_dir, hosts, OfflinePlanner(), keys=(key,))
    async with listen(app, LOOPBACK, 0, settings.shutdown_seconds) as port:
        yield EmbeddedEngine(f"http://{LOOPBACK}:{port}/v1", key)


def settings_from(environ: Mapping[str, str]) -> EngineSettings:
    """The engine's settings from a mapping of variables."""
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX)
    }
    return EngineSettings.model_validate(given)


@asynccontextmanager
async def listen(
    app: Starlette, host: str, port: int, shutdown_seconds: float
) -> AsyncIterator[int]:
    """Serve an application until the block ends; the port, chosen freely where it is 0.

    Requests under way get `shutdown_seconds` to end. Errors of the application's start are
    raised here, instead of being logged by the server.
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
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
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
