"""How the program is, over HTTP: `/health` for a supervisor, `/metrics` for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as written
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.errors import ThreadlabError
from bot.serving import Address, Server

log = structlog.get_logger()

Probe = Callable[[], Awaitable[None]]
FINE = "ok"


class Metrics:
    """What is counted."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.turns = Counter(
            "threadlab_turns", "Turns that ended.", ["state"], registry=self.registry
        )
        self.seconds = Histogram(
            "threadlab_turn_seconds",
            "From a turn's start here to its end.",
            buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900),
            registry=self.registry,
        )
        self.running = Gauge("threadlab_turns_running", "Turns now.", registry=self.registry)
        self.platforms = Gauge(
            "threadlab_platform_up",
            "Whether a platform runs.",
            ["platform"],
            registry=self.registry,
        )


@dataclass
class Health:
    """Asks each part how it is. `platforms` is kept by those who run them."""

    probes: Mapping[str, Probe]
    running: Callable[[], int]
    metrics: Metrics
    timeout_seconds: float
    platforms: dict[str, bool] = field(default_factory=dict)

    def platform(self, name: str, up: bool) -> None:
        """A platform began to run, or ended."""
        self.platforms[name] = up
        self.metrics.platforms.labels(name).set(up)

    async def report(self) -> dict[str, str]:
        """Each part with `ok`, or with what is wrong with it."""
        names = list(self.probes)
        states = await asyncio.gather(*(self._ask(name) for name in names))
        chats = {name: FINE if up else "not running" for name, up in self.platforms.items()}
        return dict(zip(names, states, strict=True)) | chats

    async def _ask(self, name: str) -> str:
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await self.probes[name]()
        except TimeoutError:
            return f"no answer within {self.timeout_seconds:g} s"
        except ThreadlabError as error:
            log.error("unhealthy", part=name, why=str(error))
            return str(error)
        except Exception as error:  # of any library: it is what we are asked for
            log.exception("unhealthy", part=name)
            return type(error).__name__
        return FINE

    def app(self) -> Starlette:
        """The HTTP application."""

        async def health(_request: Request) -> Response:
            checks = await self.report()
            well = all(state == FINE for state in checks.values())
            body = {"ok": well, "checks": checks, "turns_running": self.running()}
            return JSONResponse(body, status_code=200 if well else 503)

        async def metrics(_request: Request) -> Response:
            self.metrics.running.set(self.running())
            return Response(written(self.metrics.registry), media_type=CONTENT_TYPE_LATEST)

        return Starlette(routes=[Route("/health", health), Route("/metrics", metrics)])


async def serve(app: Starlette, host: str, port: int, *, shutdown_seconds: int) -> None:
    """Serve until cancelled.

    Raises:
        SettingsError: the address can't be had.
    """
    address = Address(host, port, "The page of the program's health", "HEALTH_HOST and HEALTH_PORT")
    server = Server(app, address, shutdown_seconds=shutdown_seconds)
    server.bind()
    log.info("health", url=server.url)
    await server.serve()
