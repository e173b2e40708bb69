"""Files in from the browser and out to it."""

from __future__ import annotations

import asyncio
import mimetypes
import re
import uuid
from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.web.context import WebContext
from adapters.web.conversations import found_conversation
from adapters.web.records import StoredFile, attachment_of, thread_key
from adapters.web.refusal import EarlyRefusal
from adapters.web.requests import shown_name
from adapters.web.views import IMAGE_TYPES, last_part, upload_view, workspace_file_view
from bot.errors import BlobMissing, TooLarge

_ONE = "/api/conversations/{conversation_id}"
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,100}/[a-z0-9.+-]{1,100}")
_UNKNOWN_TYPE = "application/octet-stream"


class Files:
    """The endpoints of uploads and artifacts."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    @property
    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route(_ONE + "/files", self.workspace, methods=["GET"]),
            Route(_ONE + "/files", self.upload, methods=["POST"]),
            Route(_ONE + "/uploads/{id}/{name:path}", self.uploaded),
            Route(_ONE + "/artifacts/{id}/{name:path}", self.artifact),
        ]

    async def workspace(self, request: Request) -> Response:
        """The files of the conversation's workspace, the newest first."""
        found = await found_conversation(self._context, request)
        files = await self._context.services.workspaces.files(thread_key(found.id))
        shown = files[: self._context.settings.web_files_listed]
        return JSONResponse(
            {"files": [workspace_file_view(file) for file in shown], "count": len(files)}
        )

    async def upload(self, request: Request) -> Response:
        """`POST …/files?name=…`: the raw body, streamed to the blob store."""
        conversation_id = (await found_conversation(self._context, request)).id
        name = shown_name(request.query_params.get("name", ""))
        limit_bytes = self._context.services.attachment_limit_bytes
        too_large = EarlyRefusal(
            f"{name} is larger than {limit_bytes // 1_000_000} MB.",
            linger_seconds=self._context.settings.web_linger_seconds,
        )
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit_bytes:
            return too_large
        try:
            blob = await self._context.services.blobs.put(
                thread_key(conversation_id), self._body(request), limit_bytes=limit_bytes
            )
        except TooLarge:
            return too_large
        except ClientDisconnect as error:
            raise HTTPException(400, "The upload was broken off.") from error
        file = StoredFile(
            uuid.uuid4().hex, name, _media_type(request, name), blob.size_bytes, blob.sha256
        )
        await self._context.files.add_upload(conversation_id, file)
        view = upload_view(conversation_id, attachment_of(file))
        warning = "" if file.size_bytes else "This file is empty."
        return JSONResponse(view | {"warning": warning}, status_code=201)

    async def uploaded(self, request: Request) -> Response:
        """A file that a person sent in this conversation."""
        conversation_id, file_id = _ids(request)
        file = await self._context.files.upload(conversation_id, file_id)
        return await self._download(conversation_id, file)

    async def artifact(self, request: Request) -> Response:
        """A file that was posted or handed out in this conversation."""
        conversation_id, file_id = _ids(request)
        file = await self._context.files.artifact(conversation_id, file_id)
        return await self._download(conversation_id, file)

    async def _body(self, request: Request) -> AsyncIterator[bytes]:
        """The request's body; an upload that stands still for too long is broken off."""
        chunks = aiter(request.stream())
        idle_seconds = self._context.settings.web_upload_idle_seconds
        while True:
            try:
                async with asyncio.timeout(idle_seconds):
                    chunk = await anext(chunks, None)
            except TimeoutError as error:
                raise HTTPException(408, "The upload stood still for too long.") from error
            if chunk is None:
                return
            yield chunk

    async def _download(self, conversation_id: str, file: StoredFile | None) -> Response:
        if file is None:
            raise HTTPException(404, "There is no such file in this conversation.")
        chunks = self._context.services.blobs.open(thread_key(conversation_id), file.sha256)
        try:
            first = await anext(chunks, b"")
        except BlobMissing as error:
            raise HTTPException(404, f"{file.name} is no longer kept here.") from error
        return StreamingResponse(
            _with_first(first, chunks), media_type=_served_type(file), headers=_headers(file)
        )


def _ids(request: Request) -> tuple[str, str]:
    return request.path_params["conversation_id"], request.path_params["id"]


async def _with_first(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _media_type(request: Request, name: str) -> str:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != _UNKNOWN_TYPE and _MEDIA_TYPE.fullmatch(declared):
        return declared
    return mimetypes.guess_type(name)[0] or _UNKNOWN_TYPE


def _served_type(file: StoredFile) -> str:
    """The type a browser is told: images it may draw, everything else is just bytes."""
    return file.media_type if file.media_type in IMAGE_TYPES else _UNKNOWN_TYPE


def _headers(file: StoredFile) -> dict[str, str]:
    # RFC 6266: the name in UTF-8, percent-encoded.
    disposition = "inline" if file.media_type in IMAGE_TYPES else "attachment"
    name = quote(last_part(file.name), safe="")
    return {
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{name}",
        "Content-Length": str(file.size_bytes),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=86400, immutable",
    }
