"""The object store that holds the files is away for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fakes.objects import BUCKET, KEYS, s3_server
from tests.fakes.platform import ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi
from tests.fakes.threadlab import running

CSV = b"region,revenue\nNorth,1\n"


class Door:
    """A way to a server that can be shut: connections break, and none can be made."""

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, outside = await asyncio.open_connection(*self._where)
        ends = {writer, outside}
        self._writers |= ends
        with suppress(ConnectionError):
            await asyncio.gather(_carry(reader, outside), _carry(inside, writer))
        self._writers -= ends


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
    target.close()


@pytest.fixture
async def door(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    """The way to an object store, which the environment names."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with s3_server() as address:
        parts = urlsplit(address)
        assert parts.hostname is not None
        assert parts.port is not None
        door = Door(parts.hostname, parts.port)
        await door.open()
        for name, value in KEYS.items():
            monkeypatch.setenv(f"AWS_{name.upper()}", value)
        monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{door.port}")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        yield door
        await door.shut()


async def test_a_question_with_a_file(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, door: Door
) -> None:
    """Health says that files can't be had; a question that came with one is answered once they
    can, and the file is there."""
    settings = {"blobs_url": f"s3://{BUCKET}/lab", "health_seconds": 2}
    async with running(chat, tmp_path, api.base_url, **settings) as app:  # type: ignore[arg-type]
        transport = httpx.ASGITransport(app.health.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://health") as http:
            well = await http.get("/health")
            await door.shut()
            gone = await http.get("/health")
            await chat.say("total?", files={"sales.csv": CSV})
            await asyncio.sleep(2)  # it is tried meanwhile
            asked = len(api.asked)
            await door.open()
            (answered,) = await chat.finished(1)

    assert (well.status_code, gone.status_code) == (200, 503)
    assert gone.json()["checks"]["files"] != "ok"
    assert asked == 0
    assert chat.text_of(answered) == "Done."
    assert "sales.csv" in str(api.asked)
