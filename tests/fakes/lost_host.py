"""A way to a PostgreSQL server on which, from one moment on, every packet is lost."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.fakes.postgres import PostgresServer

PASS_SECONDS = 10
POLL_SECONDS = 0.02

SO_ATTACH_FILTER = 26
_TAKE_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF: return 0, of whatever comes


class Route:
    """TCP on this machine, to a server on a Unix socket."""

    def __init__(self, server: PostgresServer, address: str) -> None:
        self._server = server
        self._name = server.name_of(address)
        self._folder = address.partition("host=")[2]
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._writers: list[asyncio.StreamWriter] = []
        self._asked = bytearray()

    @property
    def address(self) -> str:
        """The database's address by this way."""
        port = self._listening.getsockname()[1]
        return f"postgresql://postgres@127.0.0.1:{port}/{self._name}"

    async def passed(self, words: str) -> None:
        """Wait until a statement with these words went to the server."""
        async with asyncio.timeout(PASS_SECONDS):
            while words.encode() not in self._asked:
                await asyncio.sleep(POLL_SECONDS)

    def lose(self) -> None:
        """From now on nothing arrives, and nothing is acknowledged or refused either."""
        _deafen(self._listening)
        for writer in self._writers:
            _deafen(writer.get_extra_info("socket"))

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        path = f"{self._folder}/.s.PGSQL.5432"
        from_server, to_server = await asyncio.open_unix_connection(path)
        ways = (_pump(reader, to_server, self._asked), _pump(from_server, writer, bytearray()))
        await asyncio.gather(*ways, return_exceptions=True)  # either side may break off
        for end in (writer, to_server):
            end.close()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray
) -> None:
    while data := await reader.read(65_536):
        seen += data
        writer.write(data)
        await writer.drain()
    writer.close()


def _deafen(found: socket.socket) -> None:
    rules = ctypes.create_string_buffer(_TAKE_NOTHING, len(_TAKE_NOTHING))
    program = struct.pack("HL", 1, ctypes.addressof(rules))
    found.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


@asynccontextmanager
async def route(server: PostgresServer, address: str) -> AsyncIterator[Route]:
    """The way to a database, until the block ends."""
    made = Route(server, address)
    serving = await asyncio.start_server(made._follow, sock=made._listening)
    try:
        yield made
    finally:
        serving.close()
        for writer in made._writers:
            writer.transport.abort()
