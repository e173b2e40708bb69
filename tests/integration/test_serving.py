"""A server in a loop that somebody else owns."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bot.errors import SettingsError
from bot.serving import Address, Server


def server(app: Any, port: int = 0) -> Server:
    """One on a free port, or on the port given."""
    address = Address("127.0.0.1", port, "The page", "PAGE_HOST and PAGE_PORT")
    return Server(app, address, shutdown_seconds=5)


async def test_an_address_that_is_taken() -> None:
    """The operator reads which settings to change."""
    one = server(Starlette())
    one.bind()
    assert one.url is not None

    with pytest.raises(SettingsError, match="PAGE_HOST and PAGE_PORT"):
        server(Starlette(), int(one.url.rpartition(":")[2])).bind()


async def test_the_end() -> None:
    """Cancelled, it finishes the request under way, then lets the address go."""
    begun, gate = asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> PlainTextResponse:
        begun.set()
        await gate.wait()
        return PlainTextResponse("done")

    page = server(Starlette(routes=[Route("/", slow)]))
    page.bind()
    assert page.url is not None
    serving = asyncio.create_task(page.serve(before_stop=gate.set))
    async with httpx.AsyncClient(trust_env=False) as client:
        asking = asyncio.create_task(client.get(page.url))
        await begun.wait()

        serving.cancel()
        answer = await asking
        await asyncio.gather(serving, return_exceptions=True)

    assert answer.text == "done"
    assert page.url is None
