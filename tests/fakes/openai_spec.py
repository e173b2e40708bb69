"""The published OpenAPI document as a judge: every answer of a server is held against it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

SHARED = Path(__file__).parents[2].parent / "shared"
DOCUMENT = SHARED / "spec" / "openai-openapi.json"

# The document names no schema for these three.
_DELETED = {"type": "object", "required": ["id", "object", "deleted"]}
_SCHEMAS = {
    ("POST", "files"): "OpenAIFile",
    ("GET", "files"): "ListFilesResponse",
    ("GET", "files/*"): "OpenAIFile",
    ("DELETE", "files/*"): "DeleteFileResponse",
    ("POST", "containers"): "ContainerResource",
    ("GET", "containers"): "ContainerListResource",
    ("GET", "containers/*"): "ContainerResource",
    ("DELETE", "containers/*"): _DELETED,
    ("POST", "containers/*/files"): "ContainerFileResource",
    ("GET", "containers/*/files"): "ContainerFileListResource",
    ("GET", "containers/*/files/*"): "ContainerFileResource",
    ("DELETE", "containers/*/files/*"): _DELETED,
    ("POST", "responses"): "Response",
    ("GET", "responses/*"): "Response",
    ("DELETE", "responses/*"): _DELETED,
    ("POST", "responses/*/cancel"): "Response",
    ("GET", "responses/*/input_items"): "ResponseItemList",
    ("GET", "models"): "ListModelsResponse",
    ("GET", "models/*"): "Model",
}


def recording(name: str) -> str:
    """Recorded traffic; the test is skipped where it is not at hand."""
    path = SHARED / "recordings" / name
    if not path.exists():
        pytest.skip(f"no recording {path}")
    return path.read_text()


@cache
def spec() -> Spec:
    """The document; the test is skipped where it is not at hand."""
    if not DOCUMENT.exists():
        pytest.skip(f"no OpenAPI document {DOCUMENT}")
    return Spec(json.loads(DOCUMENT.read_text()))


class Spec:
    """Schemas by name, by path, by event type."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = document["components"]
        self._validators: dict[str, Draft202012Validator] = {}

    def check(self, name: str, body: object) -> None:
        """Fail where the body is not what the schema of this name says."""
        if name not in self._validators:
            schema = {"$ref": f"#/components/schemas/{name}", "components": self._components}
            self._validators[name] = Draft202012Validator(schema)
        self._judge(self._validators[name], _as_documented(body))

    def check_answer(self, method: str, path: str, status: int, body: object) -> None:
        """Fail where an answer's body is not what the document says of this call."""
        if status >= 400:
            self.check("ErrorResponse", body)
            return
        parts = path.removeprefix("/v1/").split("/")
        place = "/".join("*" if index in (1, 3) else part for index, part in enumerate(parts))
        schema = _SCHEMAS[method, place]
        if isinstance(schema, str):
            self.check(schema, body)
        else:
            self._judge(Draft202012Validator(schema), body)

    def check_event(self, event: dict[str, Any]) -> None:
        """Fail where an event is not what the schema of its type says."""
        self.check(self._event_schemas[event["type"]], event)

    @cached_property
    def _event_schemas(self) -> dict[str, str]:
        schemas = self._components["schemas"]
        names = [ref["$ref"].rsplit("/", 1)[-1] for ref in schemas["ResponseStreamEvent"]["anyOf"]]
        return {schemas[name]["properties"]["type"]["enum"][0]: name for name in names}

    @staticmethod
    def _judge(validator: Draft202012Validator, body: object) -> None:
        found = validator.iter_errors(body)
        faults = [f"{fault.json_path}: {fault.message[:300]}" for fault in found]
        assert not faults, faults


def _as_documented(body: object) -> object:
    """Recorded responses have null where the document only knows an absent field."""
    if not isinstance(body, dict):
        return body
    if body.get("object") == "response":
        return {k: v for k, v in body.items() if k not in ("user", "usage") or v is not None}
    if "response" in body:
        return body | {"response": _as_documented(body["response"])}
    return body


class JudgingTransport(httpx2.AsyncHTTPTransport):
    """Passes requests on, and holds every JSON body and every event against the document, where
    that is at hand."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send; judge what comes."""
        answer = await super().handle_async_request(request)
        if not DOCUMENT.exists():
            return answer
        kind = answer.headers.get("content-type", "")
        if kind.startswith("application/json"):
            await answer.aread()
            body, path = answer.json(), request.url.path
            spec().check_answer(request.method, path, answer.status_code, body)
        elif kind.startswith("text/event-stream"):
            assert isinstance(answer.stream, httpx2.AsyncByteStream)
            answer.stream = _JudgedStream(answer.stream)
        return answer


class _JudgedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = b""
        async for chunk in self._stream:
            held += chunk
            *events, held = held.split(b"\n\n")
            for event in events:
                name, data = event.decode().split("\n")
                decoded = json.loads(data.removeprefix("data: "))
                assert name == f"event: {decoded['type']}"
                spec().check_event(decoded)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
