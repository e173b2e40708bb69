"""What the engine's errors mean to us (texts as in the facts about the Responses API)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import openai

from bot.errors import (
    ContainerGone,
    ContextGone,
    EngineError,
    EngineRefused,
    EngineUnreachable,
    RateLimited,
    Unexplained,
    UploadGone,
)

_CONTAINER_GONE = re.compile(r"Container is expired|Container with id '[^']*' not found", re.I)
_CONTEXT_GONE = re.compile(
    r"Previous response with id '[^']*' not found|Expected container_id", re.I
)
_UPLOAD_GONE = re.compile(r"No such File object|Files? .*\bfile-\S+ .*not found", re.I)
_UNEXPLAINED = re.compile(r"There was an issue with your request", re.I)
DEFAULT_RETRY_AFTER_SECONDS = 5.0


def understand(message: str, *, code: str | None = None, status: int | None = None) -> EngineError:
    """The error of ours that an engine's error text, code and HTTP status stand for.

    Inside a stream the same texts come without a status.
    """
    if _CONTAINER_GONE.search(message):
        return ContainerGone(message)
    if code == "previous_response_not_found" or _CONTEXT_GONE.search(message):
        return ContextGone(message)
    if _UPLOAD_GONE.search(message):
        return UploadGone(message)
    if _UNEXPLAINED.search(message):
        return Unexplained(message)
    if status == 429 or code == "rate_limit_exceeded":
        return RateLimited(message, DEFAULT_RETRY_AFTER_SECONDS)
    if code == "server_error" or (status is not None and status >= 500):
        return EngineUnreachable(message)
    return EngineRefused(message)


def translate(error: openai.OpenAIError | httpx2.HTTPError) -> EngineError:
    """The error of ours that the client's exception stands for."""
    if isinstance(error, openai.RateLimitError):
        return RateLimited(error.message, _retry_after_seconds(error))
    if isinstance(error, openai.APIStatusError):
        return understand(error.message, code=error.code, status=error.status_code)
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return EngineUnreachable(f"No connection to the engine ({type(error).__name__}).")
    if isinstance(error, openai.APIError):
        return understand(error.message, code=error.code)
    return EngineRefused(str(error))


def _retry_after_seconds(error: openai.RateLimitError) -> float:
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return DEFAULT_RETRY_AFTER_SECONDS


@contextmanager
def engine_faults() -> Iterator[None]:
    """Raise our errors in place of the client's."""
    try:
        yield
    except (openai.OpenAIError, httpx2.HTTPError) as error:
        raise translate(error) from error


@contextmanager
def absent_is_fine() -> Iterator[None]:
    """The same for a deletion: what is not there any more is as good as deleted."""
    try:
        with engine_faults():
            yield
    except (ContainerGone, ContextGone, UploadGone):
        return
    except EngineRefused as refused:
        if not isinstance(refused.__cause__, openai.NotFoundError):
            raise
