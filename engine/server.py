"""The engine's web application: OpenAI's Files, Containers, Responses and Models, by key."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.api_containers import ContainersApi
from engine.api_files import FilesApi
from engine.api_responses import ResponsesApi
from engine.archive import Archive
from engine.claim import claimed
from engine.container_files import ContainerFiles
from engine.containers import Containers
from engine.errors import ApiError, InvalidRequest, NotFound, Unauthorized
from engine.files import FileStore
from engine.kernel_port import KernelHost
from engine.planner.protocol import Planner
from engine.responses import Responses
from engine.settings import EngineSettings
from engine.storage import Database
from engine.stream import EventLog

log = structlog.get_logger(__name__)

MODEL = "offline-planner"
SWEEP_SECONDS = 5.0


def create_app(
    settings: EngineSettings,
    data_dir: Path,
    hosts: KernelHost,
    planner: Planner,
    *,
    keys: Sequence[str] = (),
    model: str = MODEL,
) -> Starlette:
    """The application, serving under `/v1`. Its lifespan starts and ends what it needs.

    The start raises FolderInUse, and what `hosts.start` raises.

    Arguments:
        settings: limits and times; `settings.keys` are let in.
        data_dir: where everything is kept; a restart over it goes on.
        hosts: where kernels come from; started and closed with the application.
        planner: what decides which code answers.
        keys: more keys that are let in. Without any key nobody is.
        model: the name under which the planner answers.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(data_dir / "engine.db")
    files = FileStore(database, data_dir / "files")
    containers = Containers(database, hosts, settings)
    contents = ContainerFiles(database, containers, files, settings)
    responses = Responses(
        Archive(database),
        EventLog(database),
        containers,
        contents,
        files,
        planner,
        settings,
        model,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with claimed(data_dir):
            await hosts.start()
            await containers.start()
            await asyncio.to_thread(files.prepare)
            await responses.start()
            sweeper = asyncio.create_task(_sweep(files, containers, responses))
            try:
                yield
            finally:
                sweeper.cancel()
                await asyncio.wait([sweeper])
                await responses.close()
                await containers.close()
                await hosts.close()
                await database.close()

    routes = [
        *FilesApi(files, settings.file_bytes).routes(),
        *ContainersApi(containers, contents, files, settings).routes(),
        *ResponsesApi(responses, settings.request_bytes).routes(),
        *_model_routes(model),
    ]
    app = Starlette(
        routes=[Mount("/v1", routes=routes)],
        lifespan=lifespan,
        exception_handlers={
            ApiError: _refuse,
            HTTPException: _refuse_http,
            ClientDisconnect: _give_up,
            Exception: _fail,
        },
    )
    app.add_middleware(KeyCheck, keys=(*settings.keys, *keys))
    return app


class KeyCheck:
    """Lets requests in that carry a known key as bearer token."""

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app = app
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401."""
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            refusal = self._refusal(headers.get(b"authorization", b""))
            if refusal is not None:
                await _answer(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, header: bytes) -> Unauthorized | None:
        scheme, _, given = header.partition(b" ")
        if scheme.lower() != b"bearer" or not given:
            text = "You didn't provide an API key: send it as `Authorization: Bearer <key>`."
            return Unauthorized(text)
        # Every key is compared, so that time tells nothing of which came close.
        if any([hmac.compare_digest(key, given.strip()) for key in self._keys]):
            return None
        return Unauthorized("Incorrect API key provided.", code="invalid_api_key")


async def _sweep(files: FileStore, containers: Containers, responses: Responses) -> None:
    while True:
        try:
            await files.sweep()
            await containers.sweep()
            await responses.sweep()
        except Exception:
            log.exception("sweeping failed; trying again")
        await asyncio.sleep(SWEEP_SECONDS)


def _model_routes(model: str) -> list[Route]:
    started = int(time.time())
    body: dict[str, Any] = {
        "id": model,
        "object": "model",
        "created": started,
        "owned_by": "threadlab",
    }

    async def page(request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [body]})

    async def retrieve(request: Request) -> Response:
        name = request.path_params["model"]
        if name != model:
            text = f"The model '{name}' does not exist"
            raise NotFound(text, param="model", code="model_not_found")
        return JSONResponse(body)

    return [Route("/models", page), Route("/models/{model}", retrieve)]


def _answer(error: ApiError) -> Response:
    return JSONResponse(error.body(), status_code=error.status, headers=error.headers)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _answer(error)


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        refusal: ApiError = NotFound(f"Invalid URL ({request.method} {request.url.path})")
    else:
        refusal = InvalidRequest(f"{error.detail}: {request.method} {request.url.path}")
    return JSONResponse(refusal.body(), status_code=error.status_code, headers=error.headers)


async def _give_up(request: Request, error: Exception) -> Response:
    """Nobody waits for this answer."""
    return Response(status_code=499)


async def _fail(request: Request, error: Exception) -> Response:
    log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
    return _answer(ApiError("The engine had an error while processing your request."))
