"""The whole bot around a scripted chat and a scripted engine, in the test's own process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.app import Application, application
from bot.rules import DEFAULT_CONTAINER_PRICES, DEFAULT_PRICES
from bot.settings import Settings
from tests.fakes.platform import ScriptedChat


def settings_for(data_dir: Path, base_url: str | None, **others: Any) -> Settings:
    """Settings that read no `.env` and wait briefly."""
    values: dict[str, Any] = {
        "data_dir": data_dir,
        "openai_api_key": "sk-test",
        "openai_base_url": base_url,
        "prices_tokens": DEFAULT_PRICES,  # the scripted engine costs what OpenAI's does
        "prices_container": DEFAULT_CONTAINER_PRICES,
        "shutdown_seconds": 2,
        "sweep_seconds": 0.2,
        "workflows_poll_seconds": 0.02,
        "engine_requests_per_minute": 0,
        **others,
    }
    return Settings(_env_file=None, **values)


@asynccontextmanager
async def running(
    chat: ScriptedChat,
    data_dir: Path,
    base_url: str | None,
    *,
    clock: Callable[[], float] = time.time,
    **others: Any,
) -> AsyncIterator[Application]:
    """The bot, started and serving; `clock` says what day it is."""
    settings = settings_for(data_dir, base_url, **others)
    async with application(settings, {}, [chat], clock=clock) as app:
        serving = asyncio.create_task(app.serve())
        try:
            yield app
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
