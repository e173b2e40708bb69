"""The blob store: bytes of attachments and artifacts, kept per thread under their sha256."""

from __future__ import annotations

import asyncio
import hashlib
import math
import posixpath
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from bot.domain import Blob, ThreadKey
from bot.errors import BlobMissing, SettingsError, TooLarge

if TYPE_CHECKING:
    from obstore import ObjectMeta

CHUNK_BYTES = 1024 * 1024
REMOTE_PART_BYTES = 8 * 1024 * 1024  # S3 takes no parts below 5 MiB
ARRIVING = "arriving"
PROBE = bytes(4096)
THREADS = "threads"
MARK = "mark"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """Blobs in a local folder, or in an object store (S3, GCS, Azure). A thread's blobs lie under
    its own prefix, so that no key reaches another thread's bytes and a thread can be erased as
    one."""

    def __init__(
        self, store: ObjectStore, scratch: Path, *, folder: Path | None, shared: bool
    ) -> None:
        self._store = store
        self._scratch = scratch
        self._folder = folder
        self._part_bytes = CHUNK_BYTES if folder else REMOTE_PART_BYTES
        if folder and not shared:
            # What was arriving when a process died; nobody else uses the folder now.
            shutil.rmtree(folder / ARRIVING, ignore_errors=True)

    @classmethod
    def in_folder(cls, folder: Path, *, shared: bool = False) -> BlobStore:
        """Blobs in a folder; `shared` where other processes may use it at the same time."""
        store = LocalStore(folder, mkdir=True, automatic_cleanup=True)
        return cls(store, folder / ARRIVING, folder=folder, shared=shared)

    @classmethod
    def at(
        cls, url: str, scratch: Path, *, config: Any = None, client_options: Any = None
    ) -> BlobStore:
        """Blobs in the object store of a URL such as `s3://bucket/prefix`.

        Args:
            url: as obstore reads it; keys and region come from the environment.
            scratch: a local folder for bytes on their way to a client that wants a file.
            config: the store's own settings, over the environment.
            client_options: of its HTTP client.

        Raises:
            SettingsError: the URL names no store.
        """
        try:
            store = from_url(url, config=config, client_options=client_options)
        except (BaseError, ValueError) as error:
            raise SettingsError(f"BLOBS_URL can't be used: {error}") from error
        return cls(store, scratch, folder=None, shared=True)

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
            self._store, arriving, measured(), chunk_size=self._part_bytes, max_concurrency=2
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
        try:
            await obstore.head_async(self._store, _path(key, sha256))
        except FileNotFoundError:
            return False
        return True

    @asynccontextmanager
    async def as_file(self, key: ThreadKey, sha256: str) -> AsyncIterator[Path]:
        """The blob as a file to read, for clients that want one. Raises BlobMissing."""
        if self._folder is not None:
            if not await self.has(key, sha256):
                raise BlobMissing(f"No blob {sha256[:12]}… in {key}.")
            yield self._folder / _path(key, sha256)
            return
        await asyncio.to_thread(self._scratch.mkdir, mode=0o700, parents=True, exist_ok=True)
        path = self._scratch / secrets.token_hex(16)
        try:
            with await asyncio.to_thread(path.open, "xb") as file:
                async for chunk in self.open(key, sha256):
                    await asyncio.to_thread(file.write, chunk)
            yield path
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def delete(self, key: ThreadKey, sha256: str, *, before: float) -> None:
        """Delete a blob, unless it was put again after a time (seconds since 1970)."""
        with suppress(FileNotFoundError):
            meta = await obstore.head_async(self._store, _path(key, sha256))
            if self._older(meta, before):
                await obstore.delete_async(self._store, meta["path"])

    async def erase(self, folder: str, *, before: float, keep: Collection[str] = ()) -> int:
        """Delete a thread's blobs; how many there were.

        Args:
            folder: as `folder_of` names it.
            before: only what was put before this time (seconds since 1970): what comes in
                meanwhile belongs to somebody.
            keep: blobs that stay, by their sha256.
        """
        return await self._erase(f"{THREADS}/{folder}", before, keep)

    async def erase_unfinished(self, before: float) -> int:
        """Delete what was arriving, or on its way out, when a process died; how many there were."""
        if self._folder is not None:  # nothing leaves a folder by way of another
            return await self._erase(ARRIVING, before)
        scratch = LocalStore(self._scratch, mkdir=True)
        unread = [
            meta["path"]
            async for batch in obstore.list(scratch)
            for meta in batch
            if meta["last_modified"].timestamp() < before
        ]
        await obstore.delete_async(scratch, unread)
        return len(unread) + await self._erase(ARRIVING, before)

    async def probe(self) -> None:
        """Write and delete a little. Raises where that fails, such as on a full disk, or where the
        files are gone."""
        if await self.mark() is None:
            raise BlobMissing("The folder or bucket of the files is not there, or another one.")
        path = f"{ARRIVING}/{secrets.token_hex(16)}"
        await obstore.put_async(self._store, path, PROBE)
        await obstore.delete_async(self._store, path)

    async def mark(self) -> str | None:
        """What says whose files these are; None where nothing does."""
        try:
            found = await obstore.get_async(self._store, MARK)
        except FileNotFoundError:
            return None
        return bytes(await found.bytes_async()).decode(errors="replace")

    async def ensure_mark(self, mark: str) -> str:
        """Say whose files these are, unless it is said already; what is said now."""
        with suppress(AlreadyExistsError):
            await obstore.put_async(self._store, MARK, mark.encode(), mode="create")
        return await self.mark() or mark

    async def folders(self) -> list[str]:
        """The folders of all threads that have blobs."""
        found = await obstore.list_with_delimiter_async(self._store, THREADS)
        return [posixpath.basename(prefix) for prefix in found["common_prefixes"]]

    async def _erase(self, prefix: str, before: float, keep: Collection[str] = ()) -> int:
        old = [
            meta["path"]
            async for batch in obstore.list(self._store, prefix)
            for meta in batch
            if self._older(meta, before) and posixpath.basename(meta["path"]) not in keep
        ]
        for path in old:
            with suppress(FileNotFoundError):  # somebody else tidies up as well
                await obstore.delete_async(self._store, path)
        return len(old)

    def _older(self, meta: ObjectMeta, before: float) -> bool:
        # Object stores tell whole seconds: one of the same second may have come later.
        limit = before if self._folder is not None else math.floor(before)
        return meta["last_modified"].timestamp() < limit


def folder_of(key: ThreadKey) -> str:
    """The name of the folder in which a thread's blobs lie."""
    return hashlib.sha256(str(key).encode()).hexdigest()[:32]


def _path(key: ThreadKey, sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise BlobMissing("That is no blob's name.")
    return f"{THREADS}/{folder_of(key)}/{sha256}"
