"""One websocket of the gateway, with its frames written in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

SENDS_A_MINUTE = 120


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Ends a TCP connection with RST: the other side reads ECONNRESET."""
    if isinstance(transport, asyncio.Transport):
        plain = transport.get_extra_info("socket")
        if plain is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


class Connection:
    """A socket and its queue of frames; closing is a frame like any other."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.BaseTransport | None) -> None:
        self.socket = ws
        self.session_id: str | None = None
        self.ended_by_us = False
        self._transport = transport
        self._frames: asyncio.Queue[str | int] = asyncio.Queue()
        self._received: deque[float] = deque(maxlen=SENDS_A_MINUTE + 1)

    def send(self, frame: str) -> None:
        """Queues a frame."""
        self._frames.put_nowait(frame)

    def send_op(self, op: int, data: Any) -> None:
        """Queues an operation that is no event."""
        self.send(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def end(self, code: int) -> None:
        """Closes the socket after what is queued."""
        self.ended_by_us = True
        self._frames.put_nowait(code)

    def abort(self) -> None:
        """Cuts the connection off."""
        self.ended_by_us = True
        reset(self._transport)

    def within_limit(self, now: float) -> bool:
        """Whether the client keeps to 120 frames a minute."""
        self._received.append(now)
        full = len(self._received) > SENDS_A_MINUTE
        return not full or now - self._received[0] >= 60

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Writes what is queued while the block runs."""
        writer = asyncio.create_task(self._write())
        try:
            yield
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                frame = await self._frames.get()
                if isinstance(frame, int):
                    await self.socket.close(code=frame)
                    return
                await self.socket.send_str(frame)
