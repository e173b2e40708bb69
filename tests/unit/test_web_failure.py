"""What a request gets when the program is at fault."""

from __future__ import annotations

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from adapters.web.failure import Failures

_SECRET = "correct-horse"


async def _broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError(f"could not store {_SECRET}")


async def _working(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(Request(scope).url.path)(scope, receive, send)


def _client(app: Failures) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")


async def test_an_exception_is_a_sentence_and_a_line_in_the_log() -> None:
    """The person gets an id to ask with; neither answer nor log quotes what was being handled."""
    with capture_logs() as lines:
        async with _client(Failures(_broken)) as client:
            answer = await client.get("/api/config", params={"token": _SECRET})

    (line,) = lines
    assert answer.status_code == 500
    assert line["id"] in answer.json()["error"]
    assert (line["path"], line["error"]) == ("/api/config", "RuntimeError")
    assert "_broken" in line["where"]
    assert _SECRET not in answer.text + str(line["id"]) + str(line["path"])


async def test_what_works_passes_through() -> None:
    """Other answers are as they were."""
    async with _client(Failures(_working)) as client:
        assert (await client.get("/here")).text == "/here"
