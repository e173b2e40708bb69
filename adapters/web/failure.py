"""What a request gets when this program is at fault: a sentence, and an id to find it by."""

from __future__ import annotations

import secrets
import traceback

import structlog
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)


class Failures:
    """ASGI middleware that answers an unexpected exception with 500 and a JSON sentence."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an exception after the answer has begun is passed on."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if begun:
                raise
            await _answer(error, scope)(scope, receive, send)


def _answer(error: Exception, scope: Scope) -> JSONResponse:
    number = secrets.token_hex(3)
    log.error(
        "request failed",
        id=number,
        method=scope["method"],
        path=scope["path"],  # without the query, which may hold the token
        error=type(error).__name__,  # without its text, which may quote what people wrote
        where="".join(traceback.format_tb(error.__traceback__)),
    )
    sentence = f"Something went wrong here. Details are in the log under {number}."
    return JSONResponse({"error": sentence}, status_code=500)
