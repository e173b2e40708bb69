"""The engine inside another program: on a free loopback port, with a random key."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from engine.planner.offline import OfflinePlanner
from engine.pool import KernelPool
from engine.server import create_app
from engine.serving import listen
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
        FolderInUse: another engine works on the folder.
        SandboxUnavailable: code can't be confined here; the text says what helps.
        ValueError: a setting is not valid; the text names it.
    """
    settings = settings_from(environ)
    key = secrets.token_urlsafe(32)
    hosts = KernelPool(settings, data_dir)
    app = create_app(settings, data_dir, hosts, OfflinePlanner(), keys=(key,))
    async with listen(app, LOOPBACK, 0, settings.shutdown_seconds) as port:
        yield EmbeddedEngine(f"http://{LOOPBACK}:{port}/v1", key)


def settings_from(environ: Mapping[str, str]) -> EngineSettings:
    """The engine's settings from a mapping of variables. Raises ValueError that names one."""
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX)
    }
    try:
        return EngineSettings.model_validate(given)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise ValueError(f"{name} is not valid: {first['msg']}.") from invalid
