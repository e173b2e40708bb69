"""Streams of `/v1/responses`: order, resumption, cancellation, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError
from openai.types.responses import Response

from engine.planner.protocol import Lab, Question
from engine.settings import EngineSettings
from tests.fakes.engine import RunningEngine, running_engine

AUTO: Any = [{"type": "code_interpreter", "container": {"type": "auto"}}]


async def act(question: Question, lab: Lab) -> None:
    """Run the question's code, then say what it gave."""
    result = await lab.run(question.text)
    await lab.say(f"It gave {result.logs or result.error}")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[RunningEngine]:
    async with running_engine(tmp_path, act) as running:
        yield running


async def start(engine: RunningEngine, code: str, *, with_outputs: bool = False) -> Response:
    included: Any = ["code_interpreter_call.outputs"] if with_outputs else []
    response = await engine.client.responses.create(
        model="any", input=code, tools=AUTO, background=True, include=included
    )
    assert isinstance(response, Response)
    return response


async def follow(engine: RunningEngine, response_id: str, after: int | None = None) -> list[Any]:
    wanted: dict[str, Any] = {} if after is None else {"starting_after": after}
    stream = await engine.client.responses.retrieve(response_id, stream=True, **wanted)
    return [event async for event in stream]


async def status_of(engine: RunningEngine, response_id: str) -> str:
    response = await engine.client.responses.retrieve(response_id)
    return str(response.status)


async def until_running(engine: RunningEngine, response_id: str) -> None:
    stream = await engine.client.responses.retrieve(response_id, stream=True)
    async for event in stream:
        if event.type == "response.code_interpreter_call.interpreting":
            return


class TestStreaming:
    async def test_comes_in_the_recorded_order(self, engine: RunningEngine) -> None:
        """A code call, then a message, between created and completed; numbers without a gap."""
        stream = await engine.client.responses.create(
            model="any", input="print(1)", tools=AUTO, stream=True
        )
        events = [event async for event in stream]

        kinds = [event.type for event in events]
        assert kinds == [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.code_interpreter_call.in_progress",
            "response.code_interpreter_call_code.delta",
            "response.code_interpreter_call_code.done",
            "response.code_interpreter_call.interpreting",
            "response.code_interpreter_call.completed",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
        assert [event.sequence_number for event in events] == list(range(len(events)))

    async def test_the_first_event_does_not_wait_for_the_work(self, engine: RunningEngine) -> None:
        """`response.created` arrives while the code has hardly begun."""
        response = await start(engine, "wait_for_ever()")

        stream = await engine.client.responses.retrieve(response.id, stream=True)
        first = await anext(aiter(stream))

        assert first.type == "response.created"
        assert await status_of(engine, response.id) in ("queued", "in_progress")

    async def test_obfuscation_can_be_left_out(self, engine: RunningEngine) -> None:
        """Deltas carry `obfuscation`, unless the request declines it."""
        create = engine.client.responses.create
        with_it = await create(model="any", input="1", tools=AUTO, stream=True)
        without = await create(
            model="any",
            input="1",
            tools=AUTO,
            stream=True,
            stream_options={"include_obfuscation": False},
        )

        padded = [event.to_dict() async for event in with_it if event.type.endswith(".delta")]
        bare = [event.to_dict() async for event in without if event.type.endswith(".delta")]

        assert all(
            (len(event["delta"]) + len(event["obfuscation"])) % 16 == 0  # type: ignore[arg-type]
            for event in padded
        )
        assert not any("obfuscation" in event for event in bare)

    async def test_a_failure_is_the_last_event(self, tmp_path: Path) -> None:
        """A planner's crash ends the stream with `response.failed`."""

        async def crash(question: Question, lab: Lab) -> None:
            raise RuntimeError

        async with running_engine(tmp_path, crash) as engine:
            stream = await engine.client.responses.create(model="any", input="x", stream=True)
            events = [event async for event in stream]

        assert events[-1].type == "response.failed"
        assert events[-1].response.error is not None


class TestResumption:
    async def test_a_finished_stream_can_be_read_again(self, engine: RunningEngine) -> None:
        """From any number on, the same events come again."""
        response = await start(engine, "print(1)")
        events = await follow(engine, response.id)

        for after in range(0, len(events), 3):
            rest = await follow(engine, response.id, after)

            assert [event.to_dict()["sequence_number"] for event in rest] == list(
                range(after + 1, len(events))
            )

    async def test_a_running_stream_goes_on(self, engine: RunningEngine) -> None:
        """A reader that comes back in the middle of the work gets the rest as it happens."""
        response = await start(engine, "wait_for_ever()")
        await until_running(engine, response.id)
        reader = asyncio.create_task(follow(engine, response.id, after=3))

        await asyncio.sleep(0.05)
        await engine.hosts.kernels[0].interrupt()
        rest = await reader

        assert rest[0].sequence_number == 4
        assert rest[-1].type == "response.completed"

    async def test_only_background_responses_can_be_resumed(self, engine: RunningEngine) -> None:
        """A response that was not made in the background is answered 404."""
        response = await engine.client.responses.create(model="any", input="1", tools=AUTO)

        with pytest.raises(NotFoundError, match="can't be streamed"):
            await follow(engine, response.id)

    async def test_waiting_responses_are_queued_and_then_done(self, tmp_path: Path) -> None:
        """Beyond what may be worked on at once background responses wait their turn, in order."""
        async with running_engine(tmp_path, act, EngineSettings(responses_max=1)) as engine:
            first = await start(engine, "wait_for_ever()")
            await until_running(engine, first.id)
            second = await start(engine, "print(2)")
            assert await status_of(engine, second.id) == "queued"

            await engine.hosts.kernels[0].interrupt()
            events = await follow(engine, second.id)

        kinds = [event.type for event in events]
        assert kinds[:3] == ["response.created", "response.queued", "response.in_progress"]
        assert kinds[-1] == "response.completed"


class TestCancellation:
    async def test_stops_running_code(self, engine: RunningEngine) -> None:
        """Cancelling in the middle of code interrupts it; the unfinished call is incomplete."""
        response = await start(engine, "wait_for_ever()")
        await until_running(engine, response.id)

        cancelled = await engine.client.responses.cancel(response.id)

        assert cancelled.status == "cancelled"
        assert cancelled.output[0].to_dict()["status"] == "incomplete"
        assert engine.hosts.kernels[0].rested.is_set()

    @pytest.mark.parametrize("asked_for", [True, False])
    async def test_keeps_what_was_printed(self, engine: RunningEngine, asked_for: bool) -> None:
        """What interrupted code had printed is in the cancelled response, if it was asked for."""
        response = await start(engine, "wait_for_ever()", with_outputs=asked_for)
        await until_running(engine, response.id)

        cancelled = await engine.client.responses.cancel(response.id)

        outputs = [{"type": "logs", "logs": "begun\n"}] if asked_for else None
        assert cancelled.output[0].to_dict()["outputs"] == outputs

    async def test_ends_the_streams(self, engine: RunningEngine) -> None:
        """Readers of a cancelled response come to an end."""
        response = await start(engine, "wait_for_ever()")
        reader = asyncio.create_task(follow(engine, response.id))
        await until_running(engine, response.id)

        await engine.client.responses.cancel(response.id)

        events = await asyncio.wait_for(reader, timeout=5)
        assert events[-1].type == "response.code_interpreter_call.interpreting"

    async def test_the_container_goes_on(self, engine: RunningEngine) -> None:
        """After a cancelled answer the conversation continues in the same container."""
        first = await engine.client.responses.create(model="any", input="x = 5", tools=AUTO)
        container: Any = first.output[0].to_dict()["container_id"]
        tools: Any = [{"type": "code_interpreter", "container": container}]
        stuck = await engine.client.responses.create(
            model="any", input="wait_for_ever()", tools=tools, background=True
        )
        await until_running(engine, stuck.id)
        await engine.client.responses.cancel(stuck.id)

        after = await engine.client.responses.create(model="any", input="print(x)", tools=tools)

        assert after.output_text == "It gave 5\n"

    async def test_a_queued_response_can_be_cancelled(self, tmp_path: Path) -> None:
        """A response that still waits is cancelled without ever running."""
        async with running_engine(tmp_path, act, EngineSettings(responses_max=1)) as engine:
            first = await start(engine, "wait_for_ever()")
            await until_running(engine, first.id)
            waiting = await start(engine, "print(2)")

            cancelled = await engine.client.responses.cancel(waiting.id)

            assert cancelled.status == "cancelled"
            assert [event.type for event in await follow(engine, waiting.id)] == [
                "response.created",
                "response.queued",
            ]

    async def test_twice_is_once(self, engine: RunningEngine) -> None:
        """Cancelling again, also at the same moment, gives the cancelled response."""
        response = await start(engine, "wait_for_ever()")
        await until_running(engine, response.id)

        cancel = engine.client.responses.cancel
        both = await asyncio.gather(cancel(response.id), cancel(response.id))

        assert [answer.status for answer in both] == ["cancelled", "cancelled"]
        assert (await cancel(response.id)).status == "cancelled"

    async def test_what_is_done_stays_done(self, engine: RunningEngine) -> None:
        """A completed response, or one that is not in the background, can't be cancelled."""
        done = await start(engine, "1")
        await follow(engine, done.id)
        plain = await engine.client.responses.create(model="any", input="1", tools=AUTO)

        with pytest.raises(BadRequestError, match="Cannot cancel a completed response"):
            await engine.client.responses.cancel(done.id)
        with pytest.raises(BadRequestError, match="Cannot cancel a synchronous response"):
            await engine.client.responses.cancel(plain.id)

    async def test_deletion_stops_the_work_too(self, engine: RunningEngine) -> None:
        """Deleting a running response interrupts its code."""
        response = await start(engine, "wait_for_ever()")
        await until_running(engine, response.id)

        await engine.client.responses.delete(response.id)

        async with asyncio.timeout(10):
            await engine.hosts.kernels[0].rested.wait()
        with pytest.raises(NotFoundError):
            await engine.client.responses.retrieve(response.id)


class TestRestarts:
    async def test_finished_responses_survive(self, tmp_path: Path) -> None:
        """After a restart a background response can be retrieved and read again."""
        async with running_engine(tmp_path, act) as engine:
            response = await start(engine, "print(1)")
            before = await follow(engine, response.id)

        async with running_engine(tmp_path, act) as engine:
            after = await follow(engine, response.id)
            assert await status_of(engine, response.id) == "completed"

        numbers = [event.sequence_number for event in before]
        assert [event.sequence_number for event in after] == numbers

    async def test_unfinished_responses_fail_clearly(self, tmp_path: Path) -> None:
        """Work that a stopping server could not finish is failed, in the stream too."""
        async with running_engine(tmp_path, act) as engine:
            response = await start(engine, "wait_for_ever()")
            await until_running(engine, response.id)

        async with running_engine(tmp_path, act) as engine:
            lost = await engine.client.responses.retrieve(response.id)
            events = await follow(engine, response.id)

        assert lost.status == "failed"
        assert lost.error is not None
        assert (lost.error.code, "restarted" in lost.error.message) == ("server_error", True)
        assert events[-1].type == "response.failed"
        numbers = [event.sequence_number for event in events]
        assert numbers == list(range(len(events)))
