"""Routes of `/v1/containers` and of the files in them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from engine.container import Container
from engine.container_files import ContainerFile, ContainerFiles
from engine.containers import Containers
from engine.errors import InvalidRequest
from engine.files import FileStore
from engine.names import attachment_header
from engine.requests import listing, page_query, read_json
from engine.schema import MAX_IDLE_MINUTES, AddContainerFile, CreateContainer, check_network
from engine.settings import EngineSettings
from engine.uploads import FILE_FIELD, receive

READ_BYTES = 262_144


class ContainersApi:
    """The handlers."""

    def __init__(
        self,
        containers: Containers,
        container_files: ContainerFiles,
        files: FileStore,
        settings: EngineSettings,
    ) -> None:
        self._containers = containers
        self._contents = container_files
        self._files = files
        self._settings = settings

    def routes(self) -> list[Route]:
        """What is served where."""
        one, files = "/containers/{container_id}", "/containers/{container_id}/files"
        return [
            Route("/containers", self.create, methods=["POST"]),
            Route("/containers", self.page, methods=["GET"]),
            Route(one, self.retrieve, methods=["GET"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route(files, self.add_file, methods=["POST"]),
            Route(files, self.list_files, methods=["GET"]),
            Route(files + "/{file_id}", self.retrieve_file, methods=["GET"]),
            Route(files + "/{file_id}", self.delete_file, methods=["DELETE"]),
            Route(files + "/{file_id}/content", self.file_content, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """`POST /containers`."""
        wanted = await read_json(request, CreateContainer, self._settings.request_bytes)
        check_network(wanted.network_policy, "network_policy")
        files = await self._files.get_all(wanted.file_ids, param="file_ids")
        minutes = wanted.expires_after.minutes if wanted.expires_after else MAX_IDLE_MINUTES
        made = await self._containers.create(wanted.name, wanted.memory_limit, minutes)
        if files:
            async with self._containers.use(made.id) as container:
                for file in files:
                    await self._contents.mount(container, file)
        return JSONResponse(made.as_json())

    async def page(self, request: Request) -> Response:
        """`GET /containers`."""
        page = await self._containers.page(page_query(request))
        data = [Container.from_row(row).as_json() for row in page.rows]
        return JSONResponse(listing(data, has_more=page.has_more))

    async def retrieve(self, request: Request) -> Response:
        """`GET /containers/{container_id}`; counts as use."""
        container = await self._containers.retrieve(request.path_params["container_id"])
        return JSONResponse(container.as_json())

    async def delete(self, request: Request) -> Response:
        """`DELETE /containers/{container_id}`."""
        container_id = request.path_params["container_id"]
        await self._containers.delete(container_id)
        return JSONResponse({"id": container_id, "object": "container.deleted", "deleted": True})

    async def add_file(self, request: Request) -> Response:
        """`POST /containers/{container_id}/files`: multipart, or JSON with `file_id`."""
        async with self._containers.use(request.path_params["container_id"]) as container:
            if request.headers.get("content-type", "").startswith("multipart/"):
                file = await self._add_multipart(request, container)
            else:
                body = await read_json(request, AddContainerFile, self._settings.request_bytes)
                stored = await self._files.get(body.file_id, param="file_id")
                file = await self._contents.mount(container, stored)
        return JSONResponse(file.as_json())

    async def list_files(self, request: Request) -> Response:
        """`GET /containers/{container_id}/files`."""
        async with self._containers.use(request.path_params["container_id"]) as container:
            page = await self._contents.page(container, page_query(request))
        data = [ContainerFile.from_row(row).as_json() for row in page.rows]
        return JSONResponse(listing(data, has_more=page.has_more))

    async def retrieve_file(self, request: Request) -> Response:
        """`GET /containers/{container_id}/files/{file_id}`."""
        async with self._containers.use(request.path_params["container_id"]) as container:
            file = await self._contents.get(container, request.path_params["file_id"])
        return JSONResponse(file.as_json())

    async def delete_file(self, request: Request) -> Response:
        """`DELETE /containers/{container_id}/files/{file_id}`."""
        file_id = request.path_params["file_id"]
        async with self._containers.use(request.path_params["container_id"]) as container:
            await self._contents.delete(container, file_id)
        body = {"id": file_id, "object": "container.file.deleted", "deleted": True}
        return JSONResponse(body)

    async def file_content(self, request: Request) -> Response:
        """`GET /containers/{container_id}/files/{file_id}/content`."""
        async with self._containers.use(request.path_params["container_id"]) as container:
            file = await self._contents.get(container, request.path_params["file_id"])
            reader = await self._contents.open(container, file)
        size_bytes = os.fstat(reader.fileno()).st_size
        name = file.path.rsplit("/", 1)[-1]
        headers = {
            "Content-Disposition": attachment_header(name),
            "Content-Length": str(size_bytes),
        }
        kind = "application/octet-stream"
        return StreamingResponse(_read(reader, size_bytes), media_type=kind, headers=headers)

    async def _add_multipart(self, request: Request, container: Container) -> ContainerFile:
        limit_bytes = self._settings.file_bytes
        async with receive(request, self._files.folder, limit_bytes) as upload:
            if upload.file is not None:
                return await self._contents.add(container, upload.file)
            if "file_id" not in upload.fields:
                text = f"Missing required parameter: '{FILE_FIELD}'."
                raise InvalidRequest(text, param=FILE_FIELD, code="missing_required_parameter")
            stored = await self._files.get(upload.fields["file_id"], param="file_id")
            return await self._contents.mount(container, stored)


async def _read(reader: BinaryIO, size_bytes: int) -> AsyncIterator[bytes]:
    """The file's bytes as it was when opened, also while code appends to it."""
    try:
        while size_bytes > 0:
            chunk = await asyncio.to_thread(reader.read, min(READ_BYTES, size_bytes))
            if not chunk:
                return
            size_bytes -= len(chunk)
            yield chunk
    finally:
        reader.close()
