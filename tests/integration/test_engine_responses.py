"""`/v1/responses` through the real client, with a planner that follows a script."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import APIStatusError, BadRequestError, NotFoundError, RateLimitError
from openai.types.responses import Response

from engine.errors_kernel import EngineBusy, KernelStartFailed
from engine.files import FileStore
from engine.planner.protocol import Lab, Question
from engine.settings import EngineSettings
from tests.fakes.engine import KEY, RunningEngine, running_engine

AUTO: Any = [{"type": "code_interpreter", "container": {"type": "auto"}}]
OUTPUTS: Any = ["code_interpreter_call.outputs"]
PNG = b"\x89PNG\r\n\x1a\n"


async def act(question: Question, lab: Lab) -> None:
    """Do what the question's words say."""
    for word in question.text.split(";"):
        if word.startswith("run "):
            await lab.run(word.removeprefix("run "))
        elif word.startswith("say "):
            await lab.say(word.removeprefix("say "))
        elif word == "crash":
            raise RuntimeError("secret detail")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[RunningEngine]:
    async with running_engine(tmp_path, act) as running:
        yield running


async def ask(engine: RunningEngine, text: Any, **wanted: Any) -> Response:
    response = await engine.client.responses.create(model="any", input=text, **wanted)
    assert isinstance(response, Response)
    return response


class TestAnswers:
    async def test_says_and_runs_in_order(self, engine: RunningEngine) -> None:
        """Each run of code is an item, each contiguous run of says a message."""
        response = await ask(engine, "say a;say b;run 1;run 2;say c", tools=AUTO)

        kinds = [item.type for item in response.output]
        assert kinds == [
            "message",
            "code_interpreter_call",
            "code_interpreter_call",
            "message",
        ]
        assert response.output_text == "abc"
        assert response.status == "completed"

    async def test_outputs_come_only_when_included(self, engine: RunningEngine) -> None:
        """Logs are told with `include`; without it `outputs` is null."""
        bare = await ask(engine, "run print(2)", tools=AUTO)
        full = await ask(engine, "run print(2)", tools=AUTO, include=OUTPUTS)

        assert bare.output[0].to_dict()["outputs"] is None
        assert full.output[0].to_dict()["outputs"] == [{"type": "logs", "logs": "2"}]

    async def test_errors_of_code_are_in_its_logs(self, engine: RunningEngine) -> None:
        """An exception is part of the logs; the call itself is completed."""
        response = await ask(engine, "run 1/0", tools=AUTO, include=OUTPUTS)

        item = response.output[0].to_dict()
        assert item["status"] == "completed"
        assert "ZeroDivisionError: division by zero" in str(item["outputs"])

    async def test_a_linked_file_is_cited(self, engine: RunningEngine) -> None:
        """A `sandbox:` link to a file that exists is cited with the place of its URL."""
        text = "See [it](sandbox:/mnt/data/a.txt), not [that](sandbox:/mnt/data/none.txt)."
        code = "open('/mnt/data/a.txt', 'w').write('x')"

        response = await ask(engine, f"run {code};say {text}", tools=AUTO)

        (citation,) = response.output[-1].to_dict()["content"][0]["annotations"]  # type: ignore[index]
        assert citation["filename"] == "a.txt"
        covered = text[citation["start_index"] : citation["end_index"]]
        assert covered == "sandbox:/mnt/data/a.txt"

    async def test_usage_is_estimated_by_length(self, engine: RunningEngine) -> None:
        """Tokens are counted as four characters each."""
        response = await ask(engine, "say 12345678")

        assert response.usage is not None
        assert (response.usage.input_tokens, response.usage.output_tokens) == (3, 2)

    async def test_echoes_what_was_asked(self, engine: RunningEngine) -> None:
        """Metadata, instructions and the tool come back as they were sent."""
        wanted = {"metadata": {"a": "b"}, "instructions": "Be brief.", "safety_identifier": "u1"}

        response = await ask(engine, "say x", tools=AUTO, tool_choice="required", **wanted)

        assert {name: response.to_dict()[name] for name in wanted} == wanted
        assert response.tools[0].to_dict() == AUTO[0]
        assert response.tool_choice == "required"
        assert response.model == "offline-planner"

    async def test_a_planners_fault_fails_the_response_alone(self, engine: RunningEngine) -> None:
        """A crash gives a failed response that keeps its details to the log; the next one works."""
        failed = await ask(engine, "say a;crash")

        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error.code == "server_error"
        assert "secret" not in failed.error.message
        assert failed.output_text == "a"
        assert (await ask(engine, "say b")).output_text == "b"

    async def test_too_long_work_is_stopped(self, tmp_path: Path) -> None:
        """Past the time limit a response fails and says so."""
        settings = EngineSettings(response_seconds=0.1, interrupt_grace_seconds=0.1)
        async with running_engine(tmp_path, act, settings) as engine:
            response = await ask(engine, "run wait_for_ever()", tools=AUTO)

        assert response.status == "failed"
        assert response.error is not None
        assert "longer than 0.1 s" in response.error.message

    @pytest.mark.parametrize(
        ("refusal", "code"),
        [
            (EngineBusy("All 16 kernels were busy for 120 s."), "rate_limit_exceeded"),
            (KernelStartFailed("The kernel did not come up."), "server_error"),
        ],
    )
    async def test_a_missing_kernel_fails_the_response(
        self, engine: RunningEngine, refusal: Exception, code: str
    ) -> None:
        """Where no kernel can be had the response says why, with a code that tells if to retry."""
        engine.hosts.refusal = refusal

        response = await ask(engine, "run 1", tools=AUTO)

        assert response.status == "failed"
        assert response.error is not None
        assert response.error.code == code
        assert response.error.message.startswith(str(refusal))

    async def test_a_container_that_dies_while_waiting_is_said(self, tmp_path: Path) -> None:
        """A queued response whose container was deleted fails with the text clients know."""
        async with running_engine(tmp_path, act, EngineSettings(responses_max=1)) as engine:
            made = await engine.client.containers.create(name="lab")
            busy = await ask(engine, "run wait_for_ever()", tools=AUTO, background=True)
            tools = [{"type": "code_interpreter", "container": made.id}]
            waiting = await ask(engine, "run 1", tools=tools, background=True)
            await engine.client.containers.delete(made.id)
            await engine.client.responses.cancel(busy.id)

            stream = await engine.client.responses.retrieve(waiting.id, stream=True)
            last = [event async for event in stream][-1]

        assert last.type == "response.failed"
        assert last.response.error is not None
        assert last.response.error.message == f"Container with id '{made.id}' not found."


class TestTools:
    async def test_no_code_without_the_tool(self, engine: RunningEngine) -> None:
        """Without a tool, or with `tool_choice="none"`, nothing runs."""
        bare = await ask(engine, "run 1;say done")
        none = await ask(engine, "run 1;say done", tools=AUTO, tool_choice="none")

        assert [item.type for item in bare.output] == ["message"]
        assert [item.type for item in none.output] == ["message"]
        assert engine.hosts.kernels == []

    async def test_required_reaches_the_planner(self, engine: RunningEngine) -> None:
        """`tool_choice="required"` tells the planner that it must run code."""
        await ask(engine, "say x", tools=AUTO, tool_choice="required")

        assert engine.planner.questions[-1].must_use_tool

    async def test_max_tool_calls_ends_the_runs(self, engine: RunningEngine) -> None:
        """Past `max_tool_calls` further runs are ignored."""
        response = await ask(engine, "run 1;run 2;run 3;say x", tools=AUTO, max_tool_calls=2)

        kinds = [item.type for item in response.output]
        assert kinds == ["code_interpreter_call", "code_interpreter_call", "message"]


class TestFilesOfTheQuestion:
    async def test_files_are_put_into_the_container(self, engine: RunningEngine) -> None:
        """Files of the tool, of the message and inside it lie in the container, and are named."""
        files = engine.client.files
        one = await files.create(file=("one.csv", b"1"), purpose="user_data")
        two = await files.create(file=("two.pdf", b"2"), purpose="user_data")
        image = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
        document = f"data:text/plain;base64,{base64.b64encode(b'three').decode()}"
        content = [
            {"type": "input_text", "text": "say x"},
            {"type": "input_file", "file_id": two.id},
            {"type": "input_image", "image_url": image, "detail": "auto"},
            {"type": "input_file", "file_data": document, "filename": "three.txt"},
        ]
        tools = [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": [one.id]}}]

        await ask(engine, [{"role": "user", "content": content}], tools=tools)

        attached = engine.planner.questions[-1].attached
        assert attached[:2] == (f"/mnt/data/{one.id}-one.csv", f"/mnt/data/{two.id}-two.pdf")
        assert [path.rsplit("-", 1)[-1] for path in attached[2:]] == ["1.png", "three.txt"]
        folder = engine.hosts.kernels[0].data_dir
        assert (folder / attached[2].removeprefix("/mnt/data/")).read_bytes() == PNG

    async def test_only_new_files_come_with_a_later_question(self, engine: RunningEngine) -> None:
        """A file of an earlier question is in the container, but did not come with this one."""
        file = await engine.client.files.create(file=("a.csv", b"1"), purpose="user_data")
        tools = [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": [file.id]}}]
        first = await ask(engine, "run 1;say x", tools=tools)
        container_id = first.output[0].to_dict()["container_id"]
        added = await engine.client.containers.files.create(str(container_id), file=("b.csv", b"2"))

        await ask(engine, "say y", tools=tools, previous_response_id=first.id)

        assert engine.planner.questions[-1].attached == (added.path,)


class TestConversations:
    async def test_the_planner_is_told_what_went_before(self, engine: RunningEngine) -> None:
        """A chain of responses becomes the history, oldest first, with answers and code."""
        first = await ask(engine, "run x = 1;say one", tools=AUTO)
        second = await ask(engine, "say two", tools=AUTO, previous_response_id=first.id)

        await ask(engine, "say three", tools=AUTO, previous_response_id=second.id)

        history = engine.planner.questions[-1].history
        assert [(past.question, past.answer, past.codes) for past in history] == [
            ("run x = 1;say one", "one", ("x = 1",)),
            ("say two", "two", ()),
        ]

    async def test_the_history_is_bounded(self, tmp_path: Path) -> None:
        """No more exchanges than the setting allows are told: the latest ones."""
        async with running_engine(tmp_path, act, EngineSettings(history_max=2)) as engine:
            last = await ask(engine, "say 0")
            for number in range(1, 5):
                last = await ask(engine, f"say {number}", previous_response_id=last.id)

        assert [past.answer for past in engine.planner.questions[-1].history] == ["2", "3"]

    async def test_auto_goes_on_in_the_same_container(self, engine: RunningEngine) -> None:
        """Variables and files of the earlier answer are still there."""
        first = await ask(engine, "run x = 41", tools=AUTO)

        second = await ask(
            engine, "run print(x + 1)", tools=AUTO, include=OUTPUTS, previous_response_id=first.id
        )

        one, two = first.output[0].to_dict(), second.output[0].to_dict()
        assert one["container_id"] == two["container_id"]
        assert two["outputs"] == [{"type": "logs", "logs": "42"}]

    async def test_another_tier_means_another_container(self, engine: RunningEngine) -> None:
        """A container's memory is fixed: asking for more gives a new one."""
        first = await ask(engine, "run 1", tools=AUTO)
        tools = [{"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g"}}]

        second = await ask(engine, "run 1", tools=tools, previous_response_id=first.id)

        assert (
            first.output[0].to_dict()["container_id"] != second.output[0].to_dict()["container_id"]
        )

    async def test_auto_makes_a_new_container_when_the_old_has_died(self, tmp_path: Path) -> None:
        """Where the container of the conversation has expired, auto goes on in a fresh one."""
        settings = EngineSettings(container_idle_seconds=0.2)
        async with running_engine(tmp_path, act, settings) as engine:
            first = await ask(engine, "run x = 1", tools=AUTO)
            await asyncio.sleep(0.3)

            second = await ask(engine, "run 2", tools=AUTO, previous_response_id=first.id)

        assert (
            first.output[0].to_dict()["container_id"] != second.output[0].to_dict()["container_id"]
        )

    async def test_replayed_messages_are_history_too(self, engine: RunningEngine) -> None:
        """Earlier messages, code and reasoning in the input are understood without being stored."""
        first = await ask(engine, "run 1;say one", tools=AUTO)
        replayed = [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "first"},
            {"id": "rs_1", "type": "reasoning", "summary": []},
            *[item.to_dict() for item in first.output],
            {"role": "user", "content": "say two"},
        ]

        await ask(engine, replayed, tools=AUTO, store=False)

        question = engine.planner.questions[-1]
        assert question.text == "say two"
        assert question.instructions == "Be brief."
        assert [(past.question, past.answer, past.codes) for past in question.history] == [
            ("first", "one", ("1",))
        ]

    async def test_an_unknown_previous_response_is_refused(self, engine: RunningEngine) -> None:
        """The error says which one, with the code that clients look for."""
        with pytest.raises(BadRequestError, match="with id 'resp_x' not found") as got:
            await ask(engine, "say x", previous_response_id="resp_x")

        assert got.value.code == "previous_response_not_found"
        assert got.value.param == "previous_response_id"


class TestStorage:
    async def test_is_retrieved_with_its_input(self, engine: RunningEngine) -> None:
        """A stored response can be fetched, and what was asked too."""
        response = await ask(engine, "say x", tools=AUTO)

        again = await engine.client.responses.retrieve(response.id)
        items = [item async for item in engine.client.responses.input_items.list(response.id)]

        assert again.to_dict() == response.to_dict()
        assert [item.to_dict()["content"] for item in items] == [
            [{"type": "input_text", "text": "say x"}]
        ]

    async def test_input_items_are_paged(self, engine: RunningEngine) -> None:
        """Following the pages gives every item once, newest first unless asked otherwise."""
        texts = ["a", "b", "say c"]
        response = await ask(engine, [{"role": "user", "content": text} for text in texts])

        list_items = engine.client.responses.input_items.list
        newest = [item.to_dict() async for item in list_items(response.id, limit=2)]
        oldest = [item.to_dict() async for item in list_items(response.id, limit=2, order="asc")]

        told = [item["content"][0]["text"] for item in oldest]  # type: ignore[index]
        assert told == texts
        assert newest == oldest[::-1]

    async def test_a_deleted_response_is_unknown(self, engine: RunningEngine) -> None:
        """After its deletion a response is not found."""
        response = await ask(engine, "say x")

        await engine.client.responses.delete(response.id)

        with pytest.raises(NotFoundError, match=f"Response with id '{response.id}' not found"):
            await engine.client.responses.retrieve(response.id)

    async def test_store_false_keeps_nothing(self, engine: RunningEngine) -> None:
        """A response that is not stored is answered, streamed or not, and then forgotten."""
        plain = await ask(engine, "say x", store=False)
        stream = await engine.client.responses.create(
            model="any", input="say x", store=False, stream=True
        )
        events = [event async for event in stream]

        assert events[-1].type == "response.completed"
        for response_id in (plain.id, events[-1].response.id):
            with pytest.raises(NotFoundError):
                await engine.client.responses.retrieve(response_id)


class TestRefusals:
    @pytest.mark.parametrize(
        ("wanted", "status", "param", "message"),
        [
            ({"input": 5}, 400, "input", "expected one of a string or an array"),
            ({"input": []}, 400, "input", "empty array"),
            ({"speed": 9}, 400, "speed", "Unknown parameter: 'speed'"),
            ({"tools": [{"type": "web_search"}]}, 400, "tools[0].type", "'code_interpreter'"),
            ({"tools": [AUTO[0], AUTO[0]]}, 400, "tools", "Only one"),
            ({"conversation": "conv_1"}, 400, "conversation", "not supported by this engine"),
            ({"background": True, "store": False}, 400, "store", "need store=true"),
            ({"safety_identifier": "x" * 65}, 400, "safety_identifier", "maximum length 64"),
            ({"metadata": {"a": 1}}, 400, "metadata.a", "expected a string"),
            ({"metadata": {str(n): "" for n in range(17)}}, 400, "metadata", "at most 16"),
            ({"include": ["everything"]}, 400, "include[0]", "Invalid value: 'everything'"),
            ({"temperature": 3}, 400, "temperature", "Expected a value <= 2"),
            (
                {"text": {"format": {"type": "json_object"}}},
                400,
                "text.format.type",
                "Supported values are: 'text'",
            ),
            (
                {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "x": 1}}]},
                400,
                "tools[0].container.x",
                "Unknown parameter",
            ),
            (
                {
                    "tools": [
                        {
                            "type": "code_interpreter",
                            "container": {
                                "type": "auto",
                                "network_policy": {"type": "allowlist", "allowed_domains": ["a"]},
                            },
                        }
                    ]
                },
                400,
                "tools[0].container.network_policy",
                "no network",
            ),
            (
                {
                    "tools": [
                        {
                            "type": "code_interpreter",
                            "container": {"type": "auto", "file_ids": ["file-none"]},
                        }
                    ]
                },
                404,
                "tools[0].container.file_ids",
                "No such File object: file-none",
            ),
            (
                {
                    "input": [
                        {
                            "role": "user",
                            "content": [{"type": "input_image", "image_url": "https://a.b/c.png"}],
                        }
                    ]
                },
                400,
                "input[0].content[0].image_url",
                "no network",
            ),
            (
                {
                    "input": [
                        {
                            "role": "user",
                            "content": [
                                {"type": "input_image", "image_url": "data:image/png;base64,?"}
                            ],
                        }
                    ]
                },
                400,
                "input[0].content[0].image_url",
                "base64-encoded data URL",
            ),
            (
                {"input": [{"role": "user", "content": [{"type": "input_audio"}]}]},
                400,
                "input[0].content[0].type",
                "Invalid value: 'input_audio'",
            ),
        ],
    )
    async def test_bad_requests(
        self, engine: RunningEngine, wanted: dict[str, Any], status: int, param: str, message: str
    ) -> None:
        """What can't be served is refused with the parameter's path and a clear text."""
        with pytest.raises(APIStatusError) as got:
            await engine.client.responses.create(model="any", input="say x", extra_body=wanted)

        error = got.value
        assert (error.status_code, error.param) == (status, param)
        assert message in error.message

    @pytest.mark.parametrize(
        "body",
        [
            b"{nope",
            b"[" * 9000,
            b"[" * 9000 + b"]" * 9000,
            b'{"input":' * 9000,
            b"\xff",
            b"9" * 9000,
        ],
        ids=["word", "open", "nested", "objects", "no text", "number"],
    )
    async def test_a_body_that_is_no_json(self, engine: RunningEngine, body: bytes) -> None:
        """Broken JSON, and JSON that is nested without end, is a 400 in the same shape."""
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=engine.base_url, headers=headers) as client:
            answer = await client.post("/responses", content=body)

        assert answer.status_code == 400
        assert "could not parse the JSON body" in answer.json()["error"]["message"]

    async def test_a_fault_of_the_engine(
        self,
        engine: RunningEngine,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """An exception that nobody foresaw is a 500 in the same shape; only the log tells it."""

        async def broken(*given: object) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(FileStore, "page", broken)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=engine.base_url, headers=headers) as client:
            answer = await client.get("/files")

        error = answer.json()["error"]
        assert (answer.status_code, error["type"]) == (500, "server_error")
        assert "secret detail" not in answer.text
        assert "secret detail" in capsys.readouterr().out

    async def test_a_body_over_the_limit(self, tmp_path: Path) -> None:
        """A request longer than the limit is answered 413."""
        async with running_engine(tmp_path, settings=EngineSettings(request_mb=1)) as engine:
            with pytest.raises(APIStatusError) as got:
                await ask(engine, "x" * 2_000_000)

        assert got.value.status_code == 413

    async def test_too_much_at_once(self, tmp_path: Path) -> None:
        """Beyond what may be worked on at once a request is answered 429, with when to retry."""
        async with running_engine(tmp_path, act, EngineSettings(responses_max=1)) as engine:
            busy = await ask(engine, "run wait_for_ever()", tools=AUTO, background=True)
            while (await engine.client.responses.retrieve(busy.id)).status == "queued":
                await asyncio.sleep(0.01)

            with pytest.raises(RateLimitError) as got:
                await ask(engine, "say x")

            assert got.value.code == "rate_limit_exceeded"
            assert int(got.value.response.headers["retry-after"]) >= 1


async def test_a_client_that_goes_ends_the_work(engine: RunningEngine) -> None:
    """Where only the client that asked can see the answer, its going stops the code."""
    with pytest.raises(Exception, match="timed out"):
        await ask(engine, "run wait_for_ever()", tools=AUTO, timeout=0.3)

    (kernel,) = engine.hosts.kernels
    assert await asyncio.wait_for(kernel.rested.wait(), timeout=5)


async def test_a_stream_that_is_closed_ends_the_work(engine: RunningEngine) -> None:
    """The same holds for a stream that is not in the background."""
    stream = await engine.client.responses.create(
        model="any", input="run wait_for_ever()", tools=AUTO, stream=True
    )
    async for event in stream:
        if event.type == "response.code_interpreter_call.interpreting":
            break
    (kernel,) = engine.hosts.kernels
    await asyncio.wait_for(kernel.waits.wait(), timeout=20)

    await stream.close()

    assert await asyncio.wait_for(kernel.rested.wait(), timeout=5)
