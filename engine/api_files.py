"""Routes of `/v1/files`."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from engine.errors import InvalidRequest
from engine.files import FileStore, StoredFile
from engine.names import attachment_header
from engine.requests import listing, page_query
from engine.schema import FileForm
from engine.uploads import FILE_FIELD, receive
from engine.validation import parse

FILES_LIST_MAX = 10_000


class FilesApi:
    """The handlers; `limit_bytes` is the largest file that is taken."""

    def __init__(self, files: FileStore, limit_bytes: int) -> None:
        self._files = files
        self._limit_bytes = limit_bytes

    def routes(self) -> list[Route]:
        """What is served where."""
        return [
            Route("/files", self.create, methods=["POST"]),
            Route("/files", self.page, methods=["GET"]),
            Route("/files/{file_id}", self.retrieve, methods=["GET"]),
            Route("/files/{file_id}", self.delete, methods=["DELETE"]),
            Route("/files/{file_id}/content", self.content, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """`POST /files`."""
        async with receive(request, self._files.folder, self._limit_bytes) as upload:
            form = parse(FileForm, nested(upload.fields))
            if upload.file is None:
                text = f"Missing required parameter: '{FILE_FIELD}'."
                raise InvalidRequest(text, param=FILE_FIELD, code="missing_required_parameter")
            seconds = form.expires_after.seconds if form.expires_after else None
            file = await self._files.add(upload.file, form.purpose, seconds)
        return JSONResponse(file.as_json())

    async def page(self, request: Request) -> Response:
        """`GET /files`."""
        query = page_query(request, limit_default=FILES_LIST_MAX, most=FILES_LIST_MAX)
        page = await self._files.page(query, request.query_params.get("purpose"))
        data = [StoredFile.from_row(row).as_json() for row in page.rows]
        return JSONResponse(listing(data, has_more=page.has_more))

    async def retrieve(self, request: Request) -> Response:
        """`GET /files/{file_id}`."""
        file = await self._files.get(request.path_params["file_id"])
        return JSONResponse(file.as_json())

    async def delete(self, request: Request) -> Response:
        """`DELETE /files/{file_id}`."""
        file_id = request.path_params["file_id"]
        await self._files.delete(file_id)
        return JSONResponse({"object": "file", "deleted": True, "id": file_id})

    async def content(self, request: Request) -> Response:
        """`GET /files/{file_id}/content`."""
        file = await self._files.get(request.path_params["file_id"])
        headers = {"Content-Disposition": attachment_header(file.filename)}
        kind = "application/octet-stream"
        return FileResponse(self._files.path(file.id), media_type=kind, headers=headers)


def nested(fields: dict[str, str]) -> dict[str, Any]:
    """Form fields as the JSON they stand for: `expires_after[seconds]` lies in an object."""
    body: dict[str, Any] = {}
    for name, text in fields.items():
        outer, bracket, inner = name.partition("[")
        if not bracket:
            body[outer] = text
            continue
        value: str | int = int(text) if text.isascii() and text.isdigit() else text
        group = body.setdefault(outer, {})
        if isinstance(group, dict):
            group[inner.rstrip("]")] = value
    return body
