"""The client's first stream, before anybody waits for it.

The openai client builds the models of a stream's events at their first use, which takes most of a
second. A canned answer through a transport without network gets that done at the start.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import openai

_RESPONSE: dict[str, Any] = {
    "id": "resp_warm",
    "object": "response",
    "created_at": 0,
    "status": "completed",
    "model": "warm",
    "output": [
        {
            "id": "ci_warm",
            "type": "code_interpreter_call",
            "status": "completed",
            "code": "1",
            "container_id": "cntr_warm",
            "outputs": [{"type": "logs", "logs": "1"}],
        },
        {
            "id": "msg_warm",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "1", "annotations": [], "logprobs": []}],
        },
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}],
}


def _answer(_request: httpx2.Request) -> httpx2.Response:
    event = {"type": "response.completed", "sequence_number": 0, "response": _RESPONSE}
    return httpx2.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content=f"data: {json.dumps(event)}\n\n".encode(),
    )


def _read_one_stream() -> None:
    transport = httpx2.MockTransport(_answer)
    with (
        httpx2.Client(transport=transport) as http,
        openai.OpenAI(api_key="warm", base_url="http://warm/v1", http_client=http) as client,
    ):
        for _ in client.responses.create(model="warm", input="", stream=True):
            pass


async def warm_up() -> None:
    """Build the client's models, in a thread."""
    await asyncio.to_thread(_read_one_stream)
