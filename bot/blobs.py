"""The blob store: bytes of attachments and artifacts, kept per thread under their sha256."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import obstore
from obstore.store import LocalStore

from bot.domain import Blob, ThreadKey
from bot.errors import BlobMissing, TooLarge

CHUNK_BYTES = 1024 * 1024
ARRIVING = "arriving"
THREADS = "threads"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """Blobs in a local folder. A thread's blobs lie under its own prefix, so that no key reaches
    another thread's bytes and a thread can be erased as one."""

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        self._folder = folder
        self._store = LocalStore(folder, mkdir=True)
        if not shared:
            # What was arriving when a process died; nobody else uses the folder now.
            shutil.rmtree(folder / ARRIVING, ignore_errors=True)

    async def put(self, key: ThreadKey, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> Blob:
        """Store a stream in constant memory.

        Raises:
            TooLarge: past `limit_bytes`; nothing is kept.
        """
        digest = hashlib.sha256()
        size_bytes = 0

        async def measured() -> AsyncIterator[bytes]:
            nonlocal size_bytes
            async for chunk in chunks:
                size_bytes += len(chunk)
                if size_bytes > limit_bytes:
                    raise TooLarge(limit_bytes)
                digest.update(chunk)
                yield chunk

        # The name is known only at the end, so the bytes arrive under another one.
        arriving = f"{ARRIVING}/{secrets.token_hex(16)}"
        await obstore.put_async(
            self._store, arriving, measured(), chunk_size=CHUNK_BYTES, max_concurrency=2
        )
        blob = Blob(digest.hexdigest(), size_bytes)
        await obstore.rename_async(self._store, arriving, _path(key, blob.sha256))
        return blob

    async def open(self, key: ThreadKey, sha256: str) -> AsyncIterator[bytes]:
        """The bytes, in chunks. Raises BlobMissing where this thread has none of that name."""
        try:
            found = await obstore.get_async(self._store, _path(key, sha256))
        except FileNotFoundError as missing:
            raise BlobMissing(f"No blob {sha256[:12]}… in {key}.") from missing
        async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)

    async def has(self, key: ThreadKey, sha256: str) -> bool:
        """Whether this thread has a blob of that name."""
        return await asyncio.to_thread((self._folder / _path(key, sha256)).is_file)

    @asynccontextmanager
    async def as_file(self, key: ThreadKey, sha256: str) -> AsyncIterator[Path]:
        """The blob as a file to read, for clients that want one. Raises BlobMissing."""
        if not await self.has(key, sha256):
            raise BlobMissing(f"No blob {sha256[:12]}… in {key}.")
        yield self._folder / _path(key, sha256)

    async def delete(self, key: ThreadKey, sha256: str, *, before: float) -> None:
        """Delete a blob, unless it was put again after a time (seconds since 1970)."""
        path = self._folder / _path(key, sha256)
        await asyncio.to_thread(_unlink_older, path, before)

    async def erase(self, folder: str, *, before: float, keep: Collection[str] = ()) -> int:
        """Delete a thread's blobs, and the folder where it is empty then; how many there were.

        Args:
            folder: as `folder_of` names it.
            before: only what was put before this time (seconds since 1970): what comes in
                meanwhile belongs to somebody.
            keep: blobs that stay, by their sha256.
        """
        return await asyncio.to_thread(_erase, self._folder / THREADS / folder, before, keep)

    async def folders(self) -> list[str]:
        """The folders of all threads that have blobs."""
        return [path.name for path in await asyncio.to_thread(_paths, self._folder / THREADS)]


def folder_of(key: ThreadKey) -> str:
    """The name of the folder in which a thread's blobs lie."""
    return hashlib.sha256(str(key).encode()).hexdigest()[:32]


def _path(key: ThreadKey, sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise BlobMissing("That is no blob's name.")
    return f"{THREADS}/{folder_of(key)}/{sha256}"


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _erase(folder: Path, before: float, keep: Collection[str]) -> int:
    old = [path for path in _paths(folder) if path.name not in keep]
    erased = sum(_unlink_older(path, before) for path in old)
    with suppress(OSError):  # not empty, or not there
        folder.rmdir()
    return erased


def _unlink_older(path: Path, before: float) -> bool:
    try:
        if path.stat().st_mtime >= before:
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True
