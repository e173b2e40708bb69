"""The interpreter with the real client, against recorded traffic and a scripted engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from bot.domain import Progress
from bot.errors import ContainerGone, EngineRefused, EngineUnreachable, RateLimited, ResponseLost
from bot.events import CodeFinished, Finished, ResponseStarted, TurnEvent, advance
from bot.interpreter import FreshContainer, Interpreter, Question
from tests.fakes.responses_api import Code, FakeResponsesApi, Fault, Say, Wait
from tests.fakes.serving import serve
from tests.fakes.threadlab import settings_for

QUESTION = Question("How many?", "Be brief.", "", FreshContainer((), "1g"), "gpt-5")


@asynccontextmanager
async def interpreter(base_url: str, **settings: object) -> AsyncIterator[Interpreter]:
    made = Interpreter(settings_for(Path(), base_url, **settings), base_url=base_url, api_key="k")
    try:
        yield made
    finally:
        await made.close()


def recorded(path: Path) -> Starlette:
    async def create(_request: Request) -> StreamingResponse:
        lines = path.read_text().splitlines()
        return StreamingResponse(
            (f"data: {line}\n\n" for line in lines), media_type="text/event-stream"
        )

    return Starlette(routes=[Route("/v1/responses", create, methods=["POST"])])


def picture(events: list[TurnEvent]) -> Progress:
    progress = Progress()
    for event in events:
        progress = advance(progress, event)
    return progress


class TestRecordedStream:
    async def test_dice(self, recordings: Path) -> None:
        """A recorded stream gives its id first, then its code runs, its text and its citation."""
        app = recorded(recordings / "code-interpreter-dice.events.jsonl")
        async with serve(app) as address, interpreter(f"{address}/v1") as engine:
            events = [event async for event in engine.ask(QUESTION)]

        assert isinstance(events[0], ResponseStarted)
        assert sum(isinstance(event, ResponseStarted) for event in events) == 1
        finished = events[-1]
        assert isinstance(finished, Finished)
        outcome = finished.outcome
        assert outcome.text == picture(events).text
        assert outcome.runs == picture(events).runs
        assert outcome.runs[0].logs == "(2, 12, 69868, 6.9868)"
        (citation,) = outcome.citations
        cited = outcome.text[citation.start : citation.end]
        assert cited == "sandbox:/mnt/data/roll2dice_sums_10000.csv"


class TestAsk:
    async def test_request(self, api: FakeResponsesApi) -> None:
        """A question asks for logs, runs in the background, and closes the network."""
        async with interpreter(api.base_url) as engine:
            _ = [event async for event in engine.ask(QUESTION)]

        (asked,) = api.asked
        assert asked["include"] == ["code_interpreter_call.outputs"]
        assert asked["background"] is True
        assert asked["tools"][0]["container"]["network_policy"] == {"type": "disabled"}

    async def test_dropped_stream(self, api: FakeResponsesApi) -> None:
        """A dropped stream is taken up after its last event: nothing is missing or doubled."""
        api.script = lambda body: [Code("1+1", "2"), Say("It is two, as everybody knows by now.")]
        api.drop_stream_after = 5
        async with interpreter(api.base_url) as engine:
            events = [event async for event in engine.ask(QUESTION)]

        finished = events[-1]
        assert isinstance(finished, Finished)
        assert (
            picture(events).text == finished.outcome.text == "It is two, as everybody knows by now."
        )
        assert sum(isinstance(event, CodeFinished) for event in events) == 1
        assert [method for method, path in api.calls if path == "/v1/responses"] == ["POST"]

    async def test_dropped_without_background(self, api: FakeResponsesApi) -> None:
        """Without background a dropped stream is lost, and said to be."""
        api.drop_stream_after = 3
        async with interpreter(api.base_url, openai_background=False) as engine:
            with pytest.raises(ResponseLost):
                _ = [event async for event in engine.ask(QUESTION)]

    async def test_resume_after_a_crash(self, api: FakeResponsesApi) -> None:
        """Another process follows the same response from its first event."""
        gate = asyncio.Event()
        api.script = lambda body: [Code("1+1", "2"), Wait(gate), Say("Two.")]
        async with interpreter(api.base_url) as engine:
            asking = engine.ask(QUESTION)
            started = await anext(asking)
            await asking.aclose()
        assert isinstance(started, ResponseStarted)
        gate.set()

        async with interpreter(api.base_url) as engine:
            events = [event async for event in engine.resume(started.response_id)]

        assert picture(events).text == "Two."
        assert len(api.asked) == 1

    async def test_resume_of_an_unknown_response(self, api: FakeResponsesApi) -> None:
        """A response that the engine no longer has is lost: ask again."""
        async with interpreter(api.base_url) as engine:
            with pytest.raises(ResponseLost):
                _ = [event async for event in engine.resume("resp_unknown")]

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (Fault("/v1/responses", 429, "Slow", headers={"retry-after": "7"}), RateLimited),
            (Fault("/v1/responses", 500), EngineUnreachable),
            (Fault("/v1/responses", 400, "Container is expired."), ContainerGone),
            (Fault("/v1/responses", 401, "Incorrect API key"), EngineRefused),
        ],
    )
    async def test_faults(self, api: FakeResponsesApi, fault: Fault, kind: type[Exception]) -> None:
        """Each refusal becomes the error that says what to do; nothing is sent twice."""
        api.faults.append(fault)
        async with interpreter(api.base_url) as engine:
            with pytest.raises(kind) as raised:
                _ = [event async for event in engine.ask(QUESTION)]

        assert len(api.calls) == 1
        if isinstance(raised.value, RateLimited):
            assert raised.value.retry_after_seconds == 7

    async def test_nobody_there(self) -> None:
        """An engine that can't be reached is said to be unreachable."""
        async with interpreter("http://127.0.0.1:9/v1") as engine:
            with pytest.raises(EngineUnreachable):
                _ = [event async for event in engine.ask(QUESTION)]
