"""Files at the engine: uploads, and what lies in a container."""

from __future__ import annotations

import asyncio
import posixpath
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import openai

from bot.errors import ContainerGone, EngineRefused
from bot.interpreter.faults import absent_is_fine, engine_faults

SECONDS_PER_DAY = 86_400
LISTING_MAX = 2_000  # files of one container that are looked at
UPLOADS_LISTED_MAX = 20_000
DOWNLOAD_CHUNK_BYTES = 1024 * 1024
PURPOSE: Final = "user_data"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file at the engine. `expires_at` is when the engine deletes it (seconds since 1970).

    `repeated` says that it was sent more than once: there may be another copy.
    """

    file_id: str
    expires_at: float
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file at the engine, whoever brought it. `created_at` is in seconds since 1970."""

    id: str
    name: str
    size_bytes: int
    created_at: float


@dataclass(frozen=True, slots=True)
class ContainerFile:
    """A file in a container. `size_bytes` may be unknown to the service."""

    id: str
    path: str
    size_bytes: int | None
    made_by_code: bool

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return posixpath.basename(self.path)


class EngineFiles:
    """Uploads and container files. All raise EngineError."""

    def __init__(self, client: openai.AsyncOpenAI, *, keep_days: int) -> None:
        self._client = client
        self._keep_seconds = keep_days * SECONDS_PER_DAY

    async def upload(self, name: str, media_type: str, path: Path) -> Upload:
        """Send a file, streamed from disk; the engine deletes it by itself after its time."""
        with engine_faults(), await asyncio.to_thread(path.open, "rb") as content:
            answer = await self._client.files.with_raw_response.create(
                file=(name, content, media_type),
                purpose=PURPOSE,
                expires_after={"anchor": "created_at", "seconds": self._keep_seconds},
            )
            made = answer.parse()
        expires_at = made.expires_at or time.time() + self._keep_seconds
        return Upload(made.id, expires_at, repeated=answer.retries_taken > 0)

    async def uploaded_since(self, when: float) -> list[UploadedFile]:
        """Uploads since then (seconds since 1970), newest first, at most UPLOADS_LISTED_MAX."""
        found: list[UploadedFile] = []
        with engine_faults():
            async for file in self._client.files.list(purpose=PURPOSE, order="desc"):
                if file.created_at < when or len(found) == UPLOADS_LISTED_MAX:
                    break
                found.append(UploadedFile(file.id, file.filename, file.bytes, file.created_at))
        return found

    async def is_alive(self, container_id: str) -> bool:
        """Whether a container can be used. Asking counts as use."""
        try:
            with engine_faults():
                container = await self._client.containers.retrieve(container_id)
        except ContainerGone:
            return False
        except EngineRefused as refused:
            if isinstance(refused.__cause__, openai.NotFoundError):
                return False
            raise
        return container.status not in ("expired", "deleted")

    async def create_container(
        self, name: str, *, memory_limit: str, file_ids: tuple[str, ...], idle_seconds: int
    ) -> str:
        """An explicit container, and its id."""
        with engine_faults():
            container = await self._client.containers.create(
                name=name,
                memory_limit=memory_limit,  # type: ignore[arg-type]  # the settings' type is the same
                file_ids=list(file_ids),
                expires_after={"anchor": "last_active_at", "minutes": -(-idle_seconds // 60)},
                network_policy={"type": "disabled"},
            )
        return container.id

    async def delete_container(self, container_id: str) -> None:
        """End a container; one that is gone already is fine."""
        with absent_is_fine():
            await self._client.containers.delete(container_id)

    async def delete_upload(self, file_id: str) -> None:
        """Delete an uploaded file; one that is gone already is fine."""
        with absent_is_fine():
            await self._client.files.delete(file_id)

    async def remove(self, container_id: str, file_id: str) -> None:
        """Take a file out of a container; one that is gone already is fine."""
        with absent_is_fine():
            await self._client.containers.files.delete(file_id, container_id=container_id)

    async def add(self, container_id: str, file_id: str) -> ContainerFile:
        """Put an uploaded file into a living container."""
        with engine_faults():
            made = await self._client.containers.files.create(container_id, file_id=file_id)
        return ContainerFile(made.id, made.path, made.bytes, made.source == "assistant")

    async def listing(self, container_id: str) -> list[ContainerFile]:
        """The container's files, at most LISTING_MAX."""
        found: list[ContainerFile] = []
        with engine_faults():
            async for file in self._client.containers.files.list(
                container_id, order="asc", limit=100
            ):
                found.append(
                    ContainerFile(file.id, file.path, file.bytes, file.source == "assistant")
                )
                if len(found) == LISTING_MAX:
                    break
        return found

    async def download(self, container_id: str, file_id: str) -> AsyncIterator[bytes]:
        """A container file's bytes, in chunks."""
        with engine_faults():
            content = self._client.containers.files.content
            async with content.with_streaming_response.retrieve(
                file_id, container_id=container_id
            ) as response:
                async for chunk in response.iter_bytes(DOWNLOAD_CHUNK_BYTES):
                    yield chunk
