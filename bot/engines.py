"""Which engine answers: the one that the settings name, or our own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from bot import plugins
from bot.errors import SettingsError
from bot.settings import Settings
from bot.store.workers import Workers

log = structlog.get_logger()

ONE_WORKER = (
    "The embedded engine belongs to one worker. For several, run `threadlab engine`, and set "
    "OPENAI_BASE_URL at each of them."
)
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Engine:
    """Where the engine answers. `note` is told to people when it is our own."""

    base_url: str | None
    api_key: str
    note: str = ""


@asynccontextmanager
async def engine_of(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Engine]:
    """The engine that the settings name, or our own on a loopback port.

    Raises:
        SettingsError: our own can't start here.
    """
    if not settings.embedded:
        yield Engine(settings.openai_base_url, settings.engine_key)
        return
    serve = plugins.load(plugins.ENGINES)["embedded"]
    async with AsyncExitStack() as stack:
        try:
            served = serve(environ, settings.data_dir / "engine")
            embedded = await stack.enter_async_context(served)
        except Exception as error:  # of a package that we don't import: all we know is its text
            log.debug("embedded engine did not start", exc_info=error)
            raise SettingsError(f"Threadlab's own engine can't start. {error}") from error
        log.info("embedded engine", url=embedded.base_url, note=embedded.note)
        yield Engine(embedded.base_url, embedded.api_key, embedded.note)


async def ensure_only_worker(workers: Workers, silent_seconds: float) -> None:
    """See, before it joins, that a worker with the embedded engine is alone on its database; one
    that was killed a moment ago is waited for.

    Args:
        workers: those on the database.
        silent_seconds: after which silence a worker counts no more.

    Raises:
        SettingsError: it is not alone.
    """
    until = time.monotonic() + silent_seconds + LOOK_SECONDS
    while count := await workers.alive(silent_seconds):
        if time.monotonic() > until:
            raise SettingsError(f"Another worker uses this database: {ONE_WORKER}")
        log.info("are other workers alive?", workers=count, at_most_seconds=silent_seconds)
        await asyncio.sleep(LOOK_SECONDS)
