"""A scripted Responses API on loopback: answers at once, keeps a log, fails where it is told to.

It follows the recorded order of events, knows only files and containers it gave out, and refuses
the rest as the service does. A response lives on when its stream is dropped.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.fakes.serving import serve

MODEL = "gpt-5"


@dataclass(frozen=True)
class Code:
    """A run of code, with what it prints and the files it makes (name → bytes)."""

    code: str
    logs: str = ""
    makes: dict[str, bytes] = field(default_factory=dict)
    image_url: str | None = None


@dataclass(frozen=True)
class Say:
    """Text of the answer. `{cite:name}` becomes a cited sandbox link to a made file.

    It takes `seconds` to be said.
    """

    text: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Wait:
    """Stands still until the test says go."""

    gate: asyncio.Event


@dataclass(frozen=True)
class Pause:
    """Stands still for a while."""

    seconds: float


@dataclass(frozen=True)
class Fail:
    """The response fails here."""

    message: str
    code: str = "server_error"


@dataclass(frozen=True)
class Tokens:
    """What each response costs."""

    input: int = 10
    cached: int = 0
    output: int = 5

    def as_usage(self) -> dict[str, Any]:
        return {
            "input_tokens": self.input,
            "input_tokens_details": {"cached_tokens": self.cached},
            "output_tokens": self.output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self.input + self.output,
        }


Script = Callable[[dict[str, Any]], Sequence[Code | Say | Wait | Pause | Fail]]


@dataclass
class Fault:
    """What the next matching call gets instead of an answer; with `late`, after it took effect."""

    path: str
    status: int = 500
    message: str = "The server had an error."
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    late: bool = False


class FakeResponsesApi:
    """The state of the fake, open to tests."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls: list[tuple[str, str]] = []
        self.asked: list[dict[str, Any]] = []
        self.created: list[dict[str, Any]] = []  # containers that were asked for by themselves
        self.uploads: dict[str, tuple[str, bytes]] = {}
        self.uploaded_at: dict[str, int] = {}
        self.containers: dict[str, dict[str, dict[str, Any]]] = {}
        self.expired: set[str] = set()
        self.responses: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.faults: list[Fault] = []
        self.drop_stream_after: int | None = None
        self.tokens = Tokens()
        self.delay_seconds = 0.0  # before each answer
        self.at_once: Counter[tuple[str, str]] = Counter()  # calls answered at the same time
        self.base_url = ""
        self._now: Counter[tuple[str, str]] = Counter()
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def id(self, prefix: str) -> str:
        return f"{prefix}{next(self._ids):08d}"

    def expire(self, container_id: str) -> None:
        self.expired.add(container_id)

    def app(self) -> Starlette:
        routes = [
            Route("/v1/models", self._list_models),
            Route("/v1/files", self._create_file, methods=["POST"]),
            Route("/v1/files", self._list_uploads),
            Route("/v1/files/{id}", self._delete_file, methods=["DELETE"]),
            Route("/v1/containers", self._create_container, methods=["POST"]),
            Route("/v1/containers/{id}", self._get_container),
            Route("/v1/containers/{id}", self._delete_container, methods=["DELETE"]),
            Route("/v1/containers/{id}/files", self._list_files),
            Route("/v1/containers/{id}/files", self._add_file, methods=["POST"]),
            Route("/v1/containers/{id}/files/{file}", self._remove_file, methods=["DELETE"]),
            Route("/v1/containers/{id}/files/{file}/content", self._content),
            Route("/v1/responses", self._create_response, methods=["POST"]),
            Route("/v1/responses/{id}", self._get_response),
            Route("/v1/responses/{id}", self._delete_response, methods=["DELETE"]),
            Route("/v1/responses/{id}/cancel", self._cancel, methods=["POST"]),
        ]
        return Starlette(
            routes=[
                Route(r.path, self._guard(r.endpoint), methods=list(r.methods or ()))
                for r in routes
            ]
        )

    def _guard(self, endpoint: Any) -> Any:
        async def guarded(request: Request) -> Response:
            self.calls.append((request.method, request.url.path))
            for fault in self.faults:
                if request.url.path.startswith(fault.path):
                    self.faults.remove(fault)
                    if fault.late:
                        await self._counted(endpoint, request)
                    return _error(fault.status, fault.message, fault.code, fault.headers)
            return await self._counted(endpoint, request)

        return guarded

    async def _counted(self, endpoint: Any, request: Request) -> Response:
        call = (request.method, request.url.path)
        self._now[call] += 1
        self.at_once[call] = max(self.at_once[call], self._now[call])
        await asyncio.sleep(self.delay_seconds)
        try:
            answered: Response = await endpoint(request)
            return answered
        finally:
            self._now[call] -= 1

    async def _list_models(self, _request: Request) -> Response:
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "tests"}
        return JSONResponse({"object": "list", "data": [model]})

    async def _create_file(self, request: Request) -> Response:
        form = await request.form()
        upload = form["file"]
        assert not isinstance(upload, str)
        assert form["purpose"] == "user_data"
        assert form["expires_after[anchor]"] == "created_at"
        id = self.id("file-")
        self.uploads[id] = (upload.filename or "", await upload.read())
        self.uploaded_at[id] = int(time.time())
        expires_at = self.uploaded_at[id] + int(str(form["expires_after[seconds]"]))
        return JSONResponse(self._upload(id) | {"expires_at": expires_at})

    async def _list_uploads(self, request: Request) -> Response:
        assert request.query_params["purpose"] == "user_data"
        assert request.query_params["order"] == "desc"
        data = [self._upload(id) for id in reversed(self.uploads)]
        after = request.query_params.get("after")
        if after is not None:
            del data[: 1 + [file["id"] for file in data].index(after)]
        page = data[:2]  # so that there is more than one
        return JSONResponse({"object": "list", "data": page, "has_more": len(data) > len(page)})

    def _upload(self, id: str) -> dict[str, Any]:
        name, content = self.uploads[id]
        return {
            "id": id,
            "object": "file",
            "bytes": len(content),
            "created_at": self.uploaded_at[id],
            "filename": name,
            "purpose": "user_data",
            "status": "processed",
        }

    async def _delete_file(self, request: Request) -> Response:
        id = request.path_params["id"]
        if id not in self.uploads:
            return _error(404, f"No such File object: {id}")
        del self.uploads[id]
        return JSONResponse({"id": id, "object": "file", "deleted": True})

    async def _create_container(self, request: Request) -> Response:
        body = await request.json()
        assert body["network_policy"] == {"type": "disabled"}
        self.created.append(body)
        return JSONResponse(self._container(self._new_container(body.get("file_ids", []))))

    def _new_container(self, file_ids: Sequence[str]) -> str:
        id = self.id("cntr_")
        self.containers[id] = {}
        for file_id in file_ids:
            self._mount(id, file_id)
        return id

    def _mount(self, container_id: str, upload_id: str) -> dict[str, Any]:
        name, content = self.uploads[upload_id]
        return self._place(container_id, f"/mnt/data/{upload_id}-{name}", content, "user")

    def _place(self, container_id: str, path: str, content: bytes, source: str) -> dict[str, Any]:
        file: dict[str, Any] = {
            "id": self.id("cfile_"),
            "object": "container.file",
            "container_id": container_id,
            "created_at": int(time.time()),
            "bytes": len(content),
            "path": path,
            "source": source,
            "content": content,
        }
        files = self.containers[container_id]
        for old in [old for old in files.values() if old["path"] == path]:
            del files[old["id"]]
        files[file["id"]] = file
        return file

    def _container(self, id: str) -> dict[str, Any]:
        return {
            "id": id,
            "object": "container",
            "created_at": 1,
            "status": "expired" if id in self.expired else "running",
            "name": "x",
        }

    def _missing(self, id: str) -> Response | None:
        if id not in self.containers:
            return _error(404, f"Container with id '{id}' not found.")
        if id in self.expired:
            return _error(400, "Container is expired.")
        return None

    async def _get_container(self, request: Request) -> Response:
        id = request.path_params["id"]
        if id not in self.containers:
            return _error(404, f"Container with id '{id}' not found.")
        return JSONResponse(self._container(id))

    async def _delete_container(self, request: Request) -> Response:
        id = request.path_params["id"]
        if id not in self.containers:
            return _error(404, f"Container with id '{id}' not found.")
        del self.containers[id]
        return JSONResponse({"id": id, "object": "container.deleted", "deleted": True})

    async def _list_files(self, request: Request) -> Response:
        id = request.path_params["id"]
        if refused := self._missing(id):
            return refused
        files = [_public(file) for file in self.containers[id].values()]
        return JSONResponse({"object": "list", "data": files, "has_more": False})

    async def _add_file(self, request: Request) -> Response:
        id = request.path_params["id"]
        if refused := self._missing(id):
            return refused
        body = await request.json()
        if body["file_id"] not in self.uploads:
            return _error(404, f"No such File object: {body['file_id']}")
        return JSONResponse(_public(self._mount(id, body["file_id"])))

    async def _remove_file(self, request: Request) -> Response:
        id, file = request.path_params["id"], request.path_params["file"]
        if refused := self._missing(id):
            return refused
        if file not in self.containers[id]:
            return _error(404, f"Container file with id '{file}' not found.")
        del self.containers[id][file]
        return JSONResponse({"id": file, "object": "container.file.deleted", "deleted": True})

    async def _content(self, request: Request) -> Response:
        id = request.path_params["id"]
        if refused := self._missing(id):
            return refused
        return Response(self.containers[id][request.path_params["file"]]["content"])

    async def _create_response(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        previous = body.get("previous_response_id")
        if previous is not None and previous not in self.responses:
            text = f"Previous response with id '{previous}' not found."
            return _error(400, text, "previous_response_not_found")
        container = body["tools"][0]["container"]
        if isinstance(container, str):
            if refused := self._missing(container):
                return refused
            container_id = container
        else:
            assert container["network_policy"] == {"type": "disabled"}
            missing = [id for id in container["file_ids"] if id not in self.uploads]
            if missing:
                return _error(404, f"No such File object: {missing[0]}")
            container_id = self._new_container(container["file_ids"])
        id = self.id("resp_")
        self.responses[id] = _response(id, body)
        self.events[id] = []
        task = asyncio.create_task(self._answer(id, body, container_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        drop = self.drop_stream_after
        self.drop_stream_after = None
        return StreamingResponse(
            self._stream(id, -1, drop_after=drop), media_type="text/event-stream"
        )

    async def _get_response(self, request: Request) -> Response:
        id = request.path_params["id"]
        if id not in self.responses:
            return _error(404, f"Response with id '{id}' not found.")
        if request.query_params.get("stream") != "true":
            return JSONResponse(self.responses[id])
        after = int(request.query_params.get("starting_after", -1))
        return StreamingResponse(self._stream(id, after), media_type="text/event-stream")

    async def _delete_response(self, request: Request) -> Response:
        id = request.path_params["id"]
        if id not in self.responses:
            return _error(404, f"Response with id '{id}' not found.")
        del self.responses[id]
        return JSONResponse({"id": id, "object": "response", "deleted": True})

    async def _cancel(self, request: Request) -> Response:
        id = request.path_params["id"]
        self.responses[id] |= {"status": "cancelled", "usage": self.tokens.as_usage()}
        return JSONResponse(self.responses[id])

    async def _stream(
        self, id: str, after: int, drop_after: int | None = None
    ) -> AsyncIterator[str]:
        sent = 0
        position = after + 1
        while True:
            while position < len(self.events[id]):
                event = self.events[id][position]
                yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
                position += 1
                sent += 1
                if drop_after is not None and sent >= drop_after:
                    raise ConnectionResetError("dropped by the test")
            if self.responses[id]["status"] != "in_progress":
                return
            await asyncio.sleep(0.001)

    def _emit(self, id: str, type: str, **values: Any) -> None:
        event = {"type": type, "sequence_number": len(self.events[id]), **values}
        self.events[id].append(event)

    async def _answer(self, id: str, body: dict[str, Any], container_id: str) -> None:
        response = self.responses[id]
        self._emit(id, "response.created", response=dict(response))
        self._emit(id, "response.in_progress", response=dict(response))
        made: dict[str, dict[str, Any]] = {}
        for step in self.script(body):
            if isinstance(step, Wait):
                await step.gate.wait()
            elif isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, Fail):
                error = {"code": step.code, "message": step.message}
                response |= {"status": "failed", "error": error}
                response["usage"] = self.tokens.as_usage()
                self._emit(id, "response.failed", response=dict(response))
                return
            elif isinstance(step, Code):
                response["output"].append(self._run(id, container_id, step, made))
            else:
                response["output"].append(await self._say(id, container_id, step, made))
            if response["status"] == "cancelled":
                return
        response["status"] = "completed"
        response["usage"] = self.tokens.as_usage()
        self._emit(id, "response.completed", response=dict(response))

    def _run(
        self, id: str, container_id: str, step: Code, made: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        index = len(self.responses[id]["output"])
        item: dict[str, Any] = {
            "id": self.id("ci_"),
            "type": "code_interpreter_call",
            "status": "in_progress",
            "code": "",
            "container_id": container_id,
            "outputs": [],
        }
        at = {"output_index": index, "item_id": item["id"]}
        self._emit(id, "response.output_item.added", output_index=index, item=dict(item))
        self._emit(id, "response.code_interpreter_call.in_progress", **at)
        self._emit(id, "response.code_interpreter_call_code.delta", delta=step.code, **at)
        self._emit(id, "response.code_interpreter_call_code.done", code=step.code, **at)
        self._emit(id, "response.code_interpreter_call.interpreting", **at)
        for name, content in step.makes.items():
            made[name] = self._place(container_id, f"/mnt/data/{name}", content, "assistant")
        outputs = [{"type": "logs", "logs": step.logs}] if step.logs else []
        if step.image_url:
            outputs.append({"type": "image", "url": step.image_url})
        item |= {"status": "completed", "code": step.code, "outputs": outputs}
        self._emit(id, "response.code_interpreter_call.completed", **at)
        self._emit(id, "response.output_item.done", output_index=index, item=dict(item))
        return item

    async def _say(
        self, id: str, container_id: str, step: Say, made: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        index = len(self.responses[id]["output"])
        text, annotations = _cite(step.text, container_id, made)
        item: dict[str, Any] = {
            "id": self.id("msg_"),
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        at = {"output_index": index, "item_id": item["id"], "content_index": 0}
        part: dict[str, Any] = {
            "type": "output_text",
            "text": "",
            "annotations": [],
            "logprobs": [],
        }
        self._emit(id, "response.output_item.added", output_index=index, item=dict(item))
        self._emit(id, "response.content_part.added", part=dict(part), **at)
        deltas = [text[start : start + 20] for start in range(0, len(text), 20)]
        for delta in deltas:
            self._emit(id, "response.output_text.delta", delta=delta, logprobs=[], **at)
            if step.seconds:
                await asyncio.sleep(step.seconds / len(deltas))
        self._emit(id, "response.output_text.done", text=text, logprobs=[], **at)
        part |= {"text": text, "annotations": annotations}
        item |= {"status": "completed", "content": [part]}
        self._emit(id, "response.content_part.done", part=part, **at)
        self._emit(id, "response.output_item.done", output_index=index, item=dict(item))
        return item


def _cite(
    text: str, container_id: str, made: dict[str, dict[str, Any]]
) -> tuple[str, list[dict[str, Any]]]:
    annotations = []
    for name, file in made.items():
        mark = "{cite:" + name + "}"
        if mark not in text:
            continue
        url = f"sandbox:/mnt/data/{name}"
        start = text.index(mark) + len(f"[{name}](")
        text = text.replace(mark, f"[{name}]({url})", 1)
        annotations.append(
            {
                "type": "container_file_citation",
                "container_id": container_id,
                "file_id": file["id"],
                "filename": name,
                "start_index": start,
                "end_index": start + len(url),
            }
        )
    return text, annotations


def _public(file: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in file.items() if name != "content"}


def _response(id: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": id,
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": body.get("background", False),
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": body.get("metadata", {}),
        "model": body["model"],
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "temperature": 1,
        "tool_choice": "auto",
        "tools": body["tools"],
        "top_p": 1,
        "usage": None,
    }


def _error(
    status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": error}, status, headers=headers)


@asynccontextmanager
async def responses_api(script: Script) -> AsyncIterator[FakeResponsesApi]:
    """The fake, served on a free loopback port."""
    fake = FakeResponsesApi(script)
    async with serve(fake.app()) as address:
        fake.base_url = f"{address}/v1"
        yield fake
