"""Requests to Discord: paced over all, tried again where that is harmless, failures translated."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import TypeVar

import aiohttp
import discord
import structlog

from adapters.discord.settings import DiscordSettings
from bot.errors import AmbiguousSend, PlatformError, Undeliverable

log = structlog.get_logger(__name__)

T = TypeVar("T")
_FIRST_PAUSE_SECONDS = 0.5
_SPAN_SECONDS = 1.0
_PASSING = (401, 408, 429)
_UNCOUNTED = ("/interactions/", "/webhooks/")  # outside of the limit over all [doc: rate limits]


class Refused(PlatformError):
    """Discord would not do it. `code` is its reason [facts: discord]."""

    def __init__(self, reason: str, code: int, status: int) -> None:
        super().__init__(f"Discord refused: {reason} ({code}).")
        self.code = code
        self.status = status


class RefusedForGood(Refused, Undeliverable):
    """Discord would not do it, and will not the next time."""


def refusal(reason: str, code: int, status: int) -> Refused:
    """An answer of Discord's: one without a code is its shield's, and 429 and 401 may pass."""
    for_good = bool(code) and status not in _PASSING
    return (RefusedForGood if for_good else Refused)(reason, code, status)


class Pace:
    """At most so many requests within any second: the limit over all routes, which discord.py
    learns of only by breaking it."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._sent: deque[float] = deque(maxlen=per_second)
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for room, in order."""
        async with self._turn:
            if len(self._sent) == self._per_second:
                wait_seconds = self._sent[0] + _SPAN_SECONDS - time.monotonic()
                if wait_seconds > 0:
                    await asyncio.sleep(wait_seconds)
            self._sent.append(time.monotonic())

    def trace(self) -> aiohttp.TraceConfig:
        """What makes a session keep this pace."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._on_request)
        return trace

    async def _on_request(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestStartParams,
    ) -> None:
        del session, context
        if not any(part in params.url.path for part in _UNCOUNTED):
            await self.wait()


class Rest:
    """Calls through the client that is logged in now.

    Arguments: `client` gives it, waiting while it is made anew; `fence` is the core's
    (`Services.fence`).
    """

    def __init__(
        self,
        client: Callable[[], Awaitable[discord.Client]],
        settings: DiscordSettings,
        fence: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._fence = fence

    async def call(
        self, request: Callable[[discord.Client], Awaitable[T]], *, repeatable: bool = True
    ) -> T:
        """Make a request; where its arrival is unknown and a repeat harmless, again.

        Raises:
            Refused: Discord answered that it would not.
            AmbiguousSend: it may have arrived.
            PlatformError: it did not arrive.
        """
        pause_seconds = _FIRST_PAUSE_SECONDS
        for attempt in range(1, self._settings.discord_attempts + 1):
            try:
                return await self._once(request)
            except AmbiguousSend as error:
                last = attempt == self._settings.discord_attempts
                if last or not repeatable:
                    raise
                log.warning(
                    "discord request repeated", attempt=attempt, error=repr(error.__cause__)
                )
            await asyncio.sleep(pause_seconds)
            pause_seconds *= 2
        raise AssertionError("unreachable")

    async def _once(self, request: Callable[[discord.Client], Awaitable[T]]) -> T:
        client = await self._client()
        self._fence()
        try:
            async with asyncio.timeout(self._settings.discord_request_seconds):
                return await request(client)
        except discord.DiscordServerError as error:
            raise AmbiguousSend("Discord failed on its own side.") from error
        except discord.HTTPException as error:
            reason = error.text or str(error.status)
            raise refusal(reason, error.code, error.status) from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise AmbiguousSend("Discord can't be reached right now.") from error
        except RuntimeError as error:  # aiohttp: the session was closed meanwhile
            if not client.is_closed():
                raise
            raise AmbiguousSend("The connection to Discord is being made again.") from error
