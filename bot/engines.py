"""Which engine answers: the one that the settings name, or our own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from bot import plugins
from bot.errors import SettingsError
from bot.settings import Settings

log = structlog.get_logger()


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
