"""Refusing an upload while it is still on its way."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send


class EarlyRefusal(JSONResponse):
    """413 in the middle of a request; the connection ends with it.

    What still comes is swallowed for a while after the answer: a connection closed on unread bytes
    is reset, and takes the answer with it (RFC 9112, 9.6).

    Args:
        text: the sentence for the person.
        linger_seconds: how long the client gets to notice the answer.
    """

    def __init__(self, text: str, *, linger_seconds: float) -> None:
        super().__init__({"error": text}, status_code=413, headers={"Connection": "close"})
        self._linger_seconds = linger_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once, then wait until the client has sent everything, or gone."""
        del scope
        head = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **head})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):  # it has had its time
            async with asyncio.timeout(self._linger_seconds):
                while (await receive()).get("more_body", False):
                    pass
        await send({"type": "http.response.body", "body": b""})
