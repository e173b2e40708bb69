"""Socket Mode: up to ten connections, each envelope to one of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from tests.fakes.slack.records import Json

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack

_MOST_CONNECTIONS = 10
_CLOSING_SECONDS = 2.0


class Connection:
    """One open socket and the envelopes it has not acknowledged yet."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.request = request
        self.unacknowledged: dict[str, asyncio.Future[Json | None]] = {}

    async def send(self, envelope: Json) -> asyncio.Future[Json | None]:
        """Send an envelope; its acknowledgement's payload, or ConnectionError at the end."""
        answer: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self.unacknowledged[envelope["envelope_id"]] = answer
        await self.socket.send_json(envelope)
        return answer

    def drop(self) -> None:
        """Cut the connection without a closing handshake."""
        if self.request.transport is not None:
            self.request.transport.abort()

    def ended(self) -> None:
        """Nothing that waits will be acknowledged any more."""
        for answer in self.unacknowledged.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the socket was closed"))
                answer.exception()
        self.unacknowledged.clear()


class Sockets:
    """All connections, in turn the receivers of envelopes.

    `late` counts acknowledgements that came when the envelope was given up already; those in
    `passed_over` get no envelopes.
    """

    def __init__(self, slack: FakeSlack) -> None:
        self.open: list[Connection] = []
        self.passed_over: set[Connection] = set()
        self.connects = 0
        self.late = 0
        self._given_up: set[str] = set()  # sent on connections that have ended
        self._slack = slack
        self._tickets: set[str] = set()
        self._turn = 0

    def ticket(self) -> str:
        """A WebSocket address that admits one connection."""
        ticket = secrets.token_urlsafe(12)
        self._tickets.add(ticket)
        return f"{self._slack.url.replace('http', 'ws', 1)}/link/?ticket={ticket}"

    def next(self) -> Connection | None:
        """The connection whose turn it is."""
        live = [one for one in self.open if not one.socket.closed and one not in self.passed_over]
        if not live:
            return None
        self._turn += 1
        return live[self._turn % len(live)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A connection, from hello to its end."""
        if request.query.get("ticket", "") not in self._tickets:
            return web.Response(status=403, text="invalid ticket")
        self._tickets.discard(request.query["ticket"])
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, request)
        if len(self.open) >= _MOST_CONNECTIONS:
            await socket.send_json(_disconnect("too_many_websockets"))
            await socket.close()
            return socket
        self.open.append(connection)
        self.connects += 1
        try:
            await socket.send_json(self._hello())
            await self._listen(connection)
        except ConnectionError:
            pass
        finally:
            self.open.remove(connection)
            self._given_up |= connection.unacknowledged.keys()
            connection.ended()
        return socket

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to reconnect, then close it, as Slack does every few hours."""
        asked = list(self.open)
        for connection in asked:
            await connection.socket.send_json(_disconnect(reason))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                while any(connection in self.open for connection in asked):
                    await asyncio.sleep(0.01)
        for connection in asked:
            await connection.socket.close()

    def drop(self) -> None:
        """Cut every connection."""
        for connection in list(self.open):
            connection.drop()

    async def ping(self) -> None:
        """Ping every connection."""
        for connection in self.open:
            await connection.socket.ping(b"Ping from applink-1")

    async def _listen(self, connection: Connection) -> None:
        async for received in connection.socket:
            if received.type is WSMsgType.TEXT:
                self._acknowledge(connection, json.loads(received.data))

    def _acknowledge(self, connection: Connection, answer: Json) -> None:
        envelope_id = answer.get("envelope_id", "")
        waiting = connection.unacknowledged.pop(envelope_id, None)
        if waiting is None and envelope_id in self._given_up:
            self.late += 1  # clients acknowledge over whichever connection they have
        elif waiting is None:
            self._slack.violate("socket", f"acknowledged an unknown envelope: {answer}")
        elif waiting.cancelled():
            self.late += 1
        else:
            waiting.set_result(answer.get("payload"))

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.open),
            "debug_info": {
                "host": "applink-1",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": self._slack.app_id},
        }


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
