"""Calls of Slack's Web API: each with the scope it needs, its errors told apart."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.methods import FORMS, METHODS, READS, REPEATABLE
from adapters.slack.settings import SlackSettings
from bot.errors import AmbiguousSend, PlatformError, Undeliverable

log = structlog.get_logger(__name__)

# Slack failed on its own side: what was asked for may have happened.
_UNSURE = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
_BUSY = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})

_CLOSED = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "missing_scope",
        "not_in_channel",
        "restricted_action",
    }
)

# What a workspace, or the app in it, does not have at all: it is not asked for at every turn.
_LACKING = frozenset(
    {"feature_not_enabled", "missing_scope", "not_allowed_token_type", "unknown_method"}
)

# The app was removed, or its token is of no more use.
DEAD = frozenset({"account_inactive", "invalid_auth", "token_expired", "token_revoked"})


class Refused(PlatformError):
    """Slack refuses a call; `error` is its word for why."""

    passes = False

    def __init__(self, method: str, error: str, needed: str = "") -> None:
        scope = f" (the scope {needed} is missing)" if needed else ""
        super().__init__(f"Slack refuses {method}: {error}{scope}.")
        self.method = method
        self.error = error
        self.needed = needed

    @property
    def lasting(self) -> bool:
        """Whether asking again soon is of no use, for anybody in the workspace."""
        return self.error in _LACKING or self.error in _BUSY


class Closed(Refused, Undeliverable):
    """Slack takes nothing there, and will not the next time."""


class NotSlack(PlatformError):
    """There is no Web API where SLACK_API_URL says."""


class Busy(Refused):
    """Slack asks to wait."""

    passes = True

    def __init__(self, method: str, retry_after_seconds: float) -> None:
        super().__init__(method, "ratelimited")
        self.retry_after_seconds = retry_after_seconds


class Pool:
    """Connections that calls share while the platform runs; else each call has its own.

    Arguments: `fence` is the core's (`Services.fence`).
    """

    def __init__(self, fence: Callable[[], None] = lambda: None) -> None:
        self.fence = fence
        self.session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def opened(self, settings: SlackSettings) -> AsyncIterator[None]:
        """Share connections until the block ends."""
        timeout = aiohttp.ClientTimeout(total=settings.slack_call_seconds)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
            self.session = session
            try:
                yield
            finally:
                self.session = None


class WebApi:
    """The Web API with one workspace's token."""

    def __init__(self, settings: SlackSettings, token: str, pool: Pool | None = None) -> None:
        self.token = token
        self.granted: frozenset[str] | None = None  # its scopes, once Slack was asked who it is
        self.on_dead_token: Callable[[], None] = lambda: None
        self._attempts = settings.slack_call_attempts
        self._wait_seconds = settings.slack_call_wait_ms / 1000
        self._waits = settings.slack_rate_limit_retries
        self._longest_seconds = settings.slack_rate_limit_seconds
        self._pool = pool or Pool()
        self._client = make_client(settings, token)

    async def call(self, method: str, *, patient: bool = True, **arguments: Any) -> dict[str, Any]:
        """Call a method; arguments that are None are left out.

        Args:
            method: one of METHODS.
            patient: wait and call again where Slack asks to wait, or does not answer, as far as a
                second call does no harm.

        Raises:
            Busy: it asks to wait (longer, or more often, than SLACK_RATE_LIMIT_… allow).
            Refused: it did not happen.
            AmbiguousSend: it may or may not have happened.
        """
        assert method in METHODS, f"{method} has no scope"
        given = {name: value for name, value in arguments.items() if value is not None}
        waits = doubts = 0
        while True:
            try:
                return await self._call(method, given)
            except Busy as busy:
                too_long = busy.retry_after_seconds > self._longest_seconds
                if not patient or too_long or waits == self._waits:
                    raise
                waits += 1
                # Those that wait for the same minute do not all come at its first moment.
                await asyncio.sleep(busy.retry_after_seconds + random.random())  # noqa: S311
            except AmbiguousSend as error:
                if not patient or method not in REPEATABLE or doubts == self._attempts - 1:
                    raise
                log.info("slack call to be repeated", method=method, error=str(error))
                await asyncio.sleep(self._wait_seconds * 2**doubts)
                doubts += 1

    async def _call(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        client = self._client
        client.session = self._pool.session
        self._pool.fence()
        try:
            if method in READS:
                response = await client.api_call(method, http_verb="GET", params=given)
            elif method in FORMS:
                response = await client.api_call(method, params=given)
            else:
                response = await client.api_call(method, json=given)
        except SlackApiError as error:
            refusal = _told_apart(method, error)
            if isinstance(refusal, Refused) and refusal.error in DEAD:
                self.on_dead_token()
            raise refusal from error
        except aiohttp.ClientConnectorError as error:
            raise PlatformError(f"Slack can't be reached: {error}") from error
        except (aiohttp.ClientError, SlackClientError, TimeoutError, ConnectionError) as error:
            # Not its repr: that may show a request's headers, and with them the token.
            raise AmbiguousSend(
                f"No answer of Slack to {method}: {type(error).__name__} {error}"
            ) from error
        found = response.data
        assert isinstance(found, dict)
        if method == "auth.test":
            self.granted = _scopes(response.headers)
        return found

    async def call_within(self, seconds: float, method: str, **arguments: Any) -> dict[str, Any]:
        """A call that somebody waits for: made again where Slack asks to wait no longer than that.

        Raises: as `call`.
        """
        until = time.monotonic() + seconds
        while True:
            try:
                return await self.call(method, patient=False, **arguments)
            except Busy as busy:
                if time.monotonic() + busy.retry_after_seconds > until:
                    raise
                await asyncio.sleep(busy.retry_after_seconds)

    async def attempt(self, method: str, **arguments: Any) -> dict[str, Any] | None:
        """A call that may as well fail, though not because Slack is busy; None where it did."""
        try:
            return await self.call(method, **arguments)
        except PlatformError as error:
            log.info("slack call given up", method=method, error=str(error))
            return None


def make_client(
    settings: SlackSettings, token: str | None = None, *, patient: bool = False
) -> AsyncWebClient:
    """A client that calls again by itself only where Slack asks to wait, if it is patient.

    The SDK's own way sends again after a lost connection, and so might post twice.
    """
    waits = AsyncRateLimitErrorRetryHandler(max_retry_count=settings.slack_rate_limit_retries)
    return AsyncWebClient(
        token=token,
        base_url=settings.slack_api_url,
        timeout=settings.slack_call_seconds,
        retry_handlers=[waits] if patient else [],
    )


def _scopes(headers: Mapping[str, str]) -> frozenset[str] | None:
    """The scopes that a token has, where Slack says so."""
    found = next((v for name, v in headers.items() if name.lower() == "x-oauth-scopes"), None)
    return None if found is None else frozenset(found.replace(",", " ").split())


def _told_apart(method: str, error: SlackApiError) -> PlatformError:
    response: Any = error.response
    data = response.data if hasattr(response, "data") else response
    status = getattr(response, "status_code", 200)
    found = data if isinstance(data, dict) else {}
    code = str(found.get("error") or "")
    if status == 429 or code in _BUSY:
        headers = getattr(response, "headers", {}) or {}
        seconds = next((v for k, v in headers.items() if k.lower() == "retry-after"), "1")
        return Busy(method, float(seconds[0] if isinstance(seconds, list) else seconds))
    if status == 404 and not code:
        return NotSlack(
            f"There is no Web API of Slack at SLACK_API_URL: {method} is unknown there. Such an "
            "address ends in /api/, as https://slack.com/api/ does."
        )
    if status >= 500 or not code or code in _UNSURE:
        return AmbiguousSend(f"Slack failed at {method}: {code or status}")
    details = (found.get("response_metadata") or {}).get("messages")
    log.info("slack refused", method=method, error=code, **({"why": details} if details else {}))
    kind = Closed if code in _CLOSED else Refused
    return kind(method, code, str(found.get("needed") or ""))
