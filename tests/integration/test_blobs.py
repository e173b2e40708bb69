"""The blob store on a real folder."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.blobs import BlobStore, folder_of
from bot.domain import ThreadKey
from bot.errors import BlobMissing, TooLarge

ONE = ThreadKey("p", "w", "c", "1")
OTHER = ThreadKey("p", "w", "c", "2")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


class TestBlobStore:
    async def test_round_trip(self, tmp_path: Path) -> None:
        """What goes in comes out, named by its content."""
        blobs = BlobStore(tmp_path)

        blob = await blobs.put(ONE, chunks(b"ab", b"c"), limit_bytes=10)

        assert blob.sha256 == hashlib.sha256(b"abc").hexdigest()
        assert blob.size_bytes == 3
        assert b"".join([chunk async for chunk in blobs.open(ONE, blob.sha256)]) == b"abc"

    async def test_empty(self, tmp_path: Path) -> None:
        """Nothing at all can be kept too."""
        blob = await BlobStore(tmp_path).put(ONE, chunks(), limit_bytes=10)

        assert blob.size_bytes == 0

    async def test_other_thread(self, tmp_path: Path) -> None:
        """Another thread can't reach a blob, even by its right name."""
        blobs = BlobStore(tmp_path)
        blob = await blobs.put(ONE, chunks(b"secret"), limit_bytes=10)

        with pytest.raises(BlobMissing):
            _ = [chunk async for chunk in blobs.open(OTHER, blob.sha256)]

    async def test_too_large(self, tmp_path: Path) -> None:
        """A stream past its limit is refused, and nothing of it stays."""
        with pytest.raises(TooLarge):
            await BlobStore(tmp_path).put(ONE, chunks(b"x" * 6, b"x" * 6), limit_bytes=10)

        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    async def test_leftovers(self, tmp_path: Path) -> None:
        """What was arriving when a process died is gone at the next start."""
        (tmp_path / "arriving").mkdir()
        (tmp_path / "arriving" / "half").write_bytes(b"x")

        BlobStore(tmp_path)

        assert not (tmp_path / "arriving").exists()

    @pytest.mark.parametrize("name", ["../../../etc/passwd", "", "A" * 64, "0" * 63])
    async def test_names(self, tmp_path: Path, name: str) -> None:
        """Only a sha256 names a blob: no path gets through."""
        with pytest.raises(BlobMissing):
            _ = [chunk async for chunk in BlobStore(tmp_path).open(ONE, name)]


class TestErasing:
    async def test_one(self, tmp_path: Path) -> None:
        """A blob that is deleted is gone, in its thread alone; deleting it again is fine."""
        blobs = BlobStore(tmp_path)
        blob = await blobs.put(ONE, chunks(b"abc"), limit_bytes=10)
        await blobs.put(OTHER, chunks(b"abc"), limit_bytes=10)

        for _ in range(2):
            await blobs.delete(ONE, blob.sha256, before=time.time() + 1)

        with pytest.raises(BlobMissing):
            _ = [chunk async for chunk in blobs.open(ONE, blob.sha256)]
        assert b"".join([chunk async for chunk in blobs.open(OTHER, blob.sha256)]) == b"abc"

    async def test_put_again_meanwhile(self, tmp_path: Path) -> None:
        """What came in after somebody asked for the deletion belongs to somebody, and stays."""
        blobs = BlobStore(tmp_path)
        asked_at = time.time() - 60
        blob = await blobs.put(ONE, chunks(b"abc"), limit_bytes=10)

        await blobs.delete(ONE, blob.sha256, before=asked_at)
        erased = await blobs.erase(folder_of(ONE), before=asked_at)

        assert erased == 0
        assert b"".join([chunk async for chunk in blobs.open(ONE, blob.sha256)]) == b"abc"

    async def test_all_of_a_thread(self, tmp_path: Path) -> None:
        """A thread is erased as one, but for what is kept; its empty folder goes too."""
        blobs = BlobStore(tmp_path)
        kept = await blobs.put(ONE, chunks(b"kept"), limit_bytes=10)
        await blobs.put(ONE, chunks(b"gone"), limit_bytes=10)
        await blobs.put(OTHER, chunks(b"other"), limit_bytes=10)
        later = time.time() + 1

        first = await blobs.erase(folder_of(ONE), before=later, keep={kept.sha256})
        second = await blobs.erase(folder_of(ONE), before=later)
        third = await blobs.erase(folder_of(ONE), before=later)

        assert (first, second, third) == (1, 1, 0)
        assert await blobs.folders() == [folder_of(OTHER)]
