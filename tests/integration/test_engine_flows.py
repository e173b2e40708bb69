"""The flows of a Code Interpreter tutorial: plain client, real kernel, offline planner."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from PIL import Image

from engine.embedded import NOTE, serve
from tests.fakes.engine import client_of

pytestmark = pytest.mark.slow

CSV = b"date,region,revenue\n2024-01-01,North,10\n2024-01-02,South,20\n2024-01-03,North,5\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncOpenAI]:
    folder = tmp_path_factory.mktemp("engine")
    patient = {"ENGINE_INTERRUPT_GRACE_SECONDS": "30"}
    async with (
        serve(patient, folder) as engine,
        client_of(engine.base_url, engine.api_key) as client,
    ):
        yield client


def png() -> bytes:
    image = Image.new("RGB", (64, 48), (200, 30, 30))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def citations(response: Any) -> list[dict[str, Any]]:
    """All citations of files in a response."""
    return [
        annotation
        for item in response.to_dict()["output"]
        if item["type"] == "message"
        for part in item["content"]
        for annotation in part["annotations"]
    ]


@pytest.mark.asyncio(loop_scope="module")
class TestTutorial:
    async def test_auto_container_with_instructions(self, client: AsyncOpenAI) -> None:
        """An equation is solved by code in a container made for it, with the tier asked for."""
        response = await client.responses.create(
            model="gpt-5",
            tools=[
                {
                    "type": "code_interpreter",
                    "container": {"type": "auto", "memory_limit": "4g"},
                }
            ],
            instructions="You are a personal math tutor. Use the python tool to answer.",
            input="3x + 11 = 14. Show x.",
            include=["code_interpreter_call.outputs"],
        )

        call: Any = response.output[0].to_dict()
        assert call["type"] == "code_interpreter_call"
        assert call["outputs"]
        assert (await client.containers.retrieve(call["container_id"])).memory_limit == "4g"
        assert "1" in response.output_text
        assert NOTE in response.output_text

    async def test_explicit_container_and_required_tool(self, client: AsyncOpenAI) -> None:
        """In a container made beforehand the required tool computes the number."""
        container = await client.containers.create(name="test-container", memory_limit="1g")

        response = await client.responses.create(
            model="gpt-5",
            tools=[{"type": "code_interpreter", "container": container.id}],
            tool_choice="required",
            input="Compute 4 * 3.82. Then take the square root of that result. Then again.",
        )

        calls = [item.to_dict() for item in response.output if item.type != "message"]
        assert calls
        assert {call["container_id"] for call in calls} == {container.id}
        assert f"{15.28**0.25:.4f}"[:6] in response.output_text

    async def test_a_chart_of_an_uploaded_table(self, client: AsyncOpenAI) -> None:
        """An uploaded CSV becomes a chart that is cited and can be downloaded."""
        file = await client.files.create(file=("sales.csv", CSV), purpose="user_data")

        response = await client.responses.create(
            model="gpt-5",
            tools=[
                {
                    "type": "code_interpreter",
                    "container": {"type": "auto", "file_ids": [file.id]},
                }
            ],
            input="total revenue by region and a bar chart",
        )

        assert "15" in response.output_text
        assert "20" in response.output_text
        (chart,) = [cited for cited in citations(response) if cited["filename"].endswith(".png")]
        content = await client.containers.files.content.retrieve(
            chart["file_id"], container_id=chart["container_id"]
        )
        with Image.open(io.BytesIO(content.content)) as image:
            assert image.width > 100

    async def test_an_image_is_processed(self, client: AsyncOpenAI) -> None:
        """An image given as input comes back in shades of grey."""
        file = await client.files.create(file=("photo.png", png()), purpose="user_data")

        response = await client.responses.create(
            model="gpt-5",
            tools=[{"type": "code_interpreter", "container": {"type": "auto"}}],
            input=[
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "make it grayscale and show a histogram"},
                        {"type": "input_image", "file_id": file.id, "detail": "auto"},
                    ],
                }
            ],
        )

        pictures = [cited for cited in citations(response) if cited["filename"].endswith(".png")]
        assert pictures
        seen = []
        for picture in pictures:
            content = await client.containers.files.content.retrieve(
                picture["file_id"], container_id=picture["container_id"]
            )
            with Image.open(io.BytesIO(content.content)) as image:
                seen.append((image.size, image.mode))
        assert ((64, 48), "L") in seen

    async def test_cancelling_interrupts_real_code(self, client: AsyncOpenAI) -> None:
        """Code that loops for ever is stopped by a cancel, and its variables are still there."""
        tools: Any = [{"type": "code_interpreter", "container": {"type": "auto"}}]
        first = await client.responses.create(
            model="gpt-5", tools=tools, input="```python\nkept = 42\n```"
        )
        stuck = await client.responses.create(
            model="gpt-5",
            tools=tools,
            input="```python\nwhile True: pass\n```",
            background=True,
            previous_response_id=first.id,
        )
        stream = await client.responses.retrieve(stuck.id, stream=True)
        async for event in stream:
            if event.type == "response.code_interpreter_call.interpreting":
                break

        cancelled = await client.responses.cancel(stuck.id)

        after = await client.responses.create(
            model="gpt-5",
            tools=tools,
            input="```python\nprint(kept)\n```",
            previous_response_id=first.id,
            include=["code_interpreter_call.outputs"],
        )
        assert cancelled.status == "cancelled"
        call: Any = after.output[0].to_dict()
        assert call["outputs"] == [{"type": "logs", "logs": "42"}]


async def test_the_embedded_engine_ends_cleanly(tmp_path: Path) -> None:
    """After the block nothing listens on the port, and the same folder can be served again."""
    async with serve({}, tmp_path) as engine, client_of(engine.base_url, engine.api_key) as client:
        file = await client.files.create(file=("a.txt", b"kept"), purpose="user_data")
        first = engine

    async with serve({}, tmp_path) as engine, client_of(engine.base_url, engine.api_key) as client:
        assert (await client.files.content(file.id)).content == b"kept"
        assert engine.api_key != first.api_key
        assert repr(engine.api_key) not in repr(engine)
