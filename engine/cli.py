"""`threadlab engine`: the engine alone, for any client of OpenAI's API."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

if TYPE_CHECKING:
    from engine.settings import EngineSettings

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8099


def engine(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = DEFAULT_HOST,
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.")
    ] = DEFAULT_PORT,
    data: Annotated[Path, typer.Option(help="Folder for everything it keeps.")] = Path(
        "data/engine"
    ),
) -> None:
    """Serve the self-hosted Code Interpreter: /v1/responses, /v1/files, /v1/containers.

    Keys come from ENGINE_KEYS, comma-separated.
    """
    # Imported late: the bot's own commands need none of it.
    from pydantic import ValidationError

    from engine.claim import FolderInUse
    from engine.errors_kernel import SandboxUnavailable
    from engine.serving import AddressUnavailable
    from engine.settings import EngineSettings

    try:
        settings = EngineSettings()
    except ValidationError as invalid:
        for problem in invalid.errors():
            name = "_".join(["ENGINE", *(str(part) for part in problem["loc"])]).upper()
            typer.echo(f"{name}: {problem['msg']}", err=True)
        raise typer.Exit(2) from None
    keys = settings.keys
    if not keys:
        if not is_loopback(host):
            typer.echo(
                f"ENGINE_KEYS must be set to listen on {host}: anyone could run code.", err=True
            )
            raise typer.Exit(2)
        keys = (secrets.token_urlsafe(32),)
        typer.echo(f"ENGINE_KEYS is not set; the key of this run is {keys[0]}")
    configure_logs()
    try:
        asyncio.run(_serve(settings, host, port, data, keys))
    except AddressUnavailable as error:
        typer.echo(f"{error} Choose another with --port (0 takes a free one) or --host.", err=True)
        raise typer.Exit(1) from error
    # OSError: the disk is full, the folder not writable.
    except (FolderInUse, SandboxUnavailable, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def configure_logs() -> None:
    """Log lines of names and values to stderr; other libraries' warnings too.

    Tracebacks are plain: the renderer's default shows local variables, which may hold secrets.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    # A handler of logging's: where a line can't be written (a full disk, a closed pipe) the line
    # is lost, and not the work.
    lines = logging.getLogger("threadlab")
    lines.handlers, lines.propagate = [logging.StreamHandler(sys.stderr)], False
    lines.setLevel(logging.DEBUG)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: lines,
    )


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _serve(
    settings: EngineSettings, host: str, port: int, data: Path, keys: tuple[str, ...]
) -> None:
    from engine.embedded import NOTE
    from engine.planner.offline import OfflinePlanner
    from engine.pool import KernelPool
    from engine.server import create_app
    from engine.serving import listen

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    hosts = KernelPool(settings, data)
    app = create_app(settings, data, hosts, OfflinePlanner(), keys=keys)
    async with listen(app, host, port, settings.shutdown_seconds) as actual:
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"Engine at http://{shown}:{actual}/v1 ({NOTE}). Stop with Ctrl+C.")
        await stop.wait()
