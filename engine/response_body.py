"""The JSON of a response (schema `Response`); fields and their order as recorded."""

from __future__ import annotations

from typing import Any

from engine.schema import CreateResponse

ResponseBody = dict[str, Any]

CHARS_PER_TOKEN = 4


def new_body(
    request: CreateResponse, response_id: str, created_at: int, model: str
) -> ResponseBody:
    """A response that has only been accepted."""
    given = request.model_dump(exclude_unset=True)
    text = given.get("text") or {}
    reasoning = request.reasoning or {}
    return {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "status": "queued" if request.background else "in_progress",
        "background": bool(request.background),
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.max_tool_calls,
        "model": model,
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "prompt_cache_key": request.prompt_cache_key,
        "reasoning": {
            "effort": reasoning.get("effort"),
            "summary": reasoning.get("summary"),
        },
        "safety_identifier": request.safety_identifier,
        "service_tier": "default",
        "store": request.store is not False,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": {
            "format": {"type": "text"},
            "verbosity": text.get("verbosity") or "medium",
        },
        "tool_choice": given.get("tool_choice", "auto"),
        "tools": given.get("tools", []),
        "top_logprobs": request.top_logprobs or 0,
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": request.truncation or "disabled",
        "usage": None,
        "user": request.user,
        "metadata": request.metadata or {},
    }


def usage(told: int, made: int) -> dict[str, Any]:
    """Token counts, estimated at four characters a token: there is no tokenizer.

    Arguments:
        told: characters of what was asked.
        made: characters of what was answered, code included.
    """
    read, written = -(-told // CHARS_PER_TOKEN), -(-made // CHARS_PER_TOKEN)
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    }


def answer_text(body: ResponseBody) -> str:
    """The text of a response's messages."""
    parts = [
        part for item in body["output"] if item["type"] == "message" for part in item["content"]
    ]
    return "\n\n".join(part["text"] for part in parts)


def codes(body: ResponseBody) -> tuple[str, ...]:
    """The code that a response ran."""
    return tuple(item["code"] for item in body["output"] if item["type"] == "code_interpreter_call")
