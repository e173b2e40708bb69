"""The blob store on a real folder, and on an object store that speaks S3."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.blobs import BlobStore, folder_of
from bot.domain import ThreadKey
from bot.errors import BlobMissing, SettingsError, TooLarge
from tests.fakes.objects import BUCKET, KEYS, s3_server

ONE = ThreadKey("p", "w", "c", "1")
OTHER = ThreadKey("p", "w", "c", "2")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with s3_server() as address:
        yield address


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "folder":
        return BlobStore.in_folder(tmp_path)
    return BlobStore.at(
        f"s3://{BUCKET}/{secrets.token_hex(4)}",
        tmp_path / "scratch",
        config=KEYS | {"endpoint": request.getfixturevalue("s3")},
        client_options={"allow_http": True},
    )


class TestBlobStore:
    async def test_round_trip(self, blobs: BlobStore) -> None:
        """What goes in comes out, named by its content."""
        blob = await blobs.put(ONE, chunks(b"ab", b"c"), limit_bytes=10)

        assert blob.sha256 == hashlib.sha256(b"abc").hexdigest()
        assert blob.size_bytes == 3
        assert b"".join([chunk async for chunk in blobs.open(ONE, blob.sha256)]) == b"abc"

    async def test_empty(self, blobs: BlobStore) -> None:
        """Nothing at all can be kept too."""
        blob = await blobs.put(ONE, chunks(), limit_bytes=10)

        assert blob.size_bytes == 0

    async def test_other_thread(self, blobs: BlobStore) -> None:
        """Another thread can't reach a blob, even by its right name."""
        blob = await blobs.put(ONE, chunks(b"secret"), limit_bytes=10)

        with pytest.raises(BlobMissing):
            _ = [chunk async for chunk in blobs.open(OTHER, blob.sha256)]

    async def test_too_large(self, blobs: BlobStore) -> None:
        """A stream past its limit is refused, and nothing of it stays."""
        with pytest.raises(TooLarge):
            await blobs.put(ONE, chunks(b"x" * 6, b"x" * 6), limit_bytes=10)

        assert await blobs.folders() == []
        assert await blobs.erase_unfinished(time.time() + 2) == 0

    async def test_large(self, blobs: BlobStore) -> None:
        """What is larger than one part of an upload arrives whole, also as a file."""
        content = secrets.token_bytes(1_000_003) * 9

        blob = await blobs.put(
            ONE,
            chunks(*(content[at : at + 65_536] for at in range(0, len(content), 65_536))),
            limit_bytes=len(content),
        )

        assert blob.sha256 == hashlib.sha256(content).hexdigest()
        async with blobs.as_file(ONE, blob.sha256) as path:
            assert path.read_bytes() == content

    async def test_as_file(self, blobs: BlobStore) -> None:
        """A blob that is not there is no file either."""
        assert not await blobs.has(ONE, "0" * 64)
        with pytest.raises(BlobMissing):
            async with blobs.as_file(ONE, "0" * 64):
                raise AssertionError

    async def test_no_store(self, tmp_path: Path) -> None:
        """An address that names no store is an error in the settings."""
        with pytest.raises(SettingsError, match="BLOBS_URL"):
            BlobStore.at("nowhere://x", tmp_path)

    async def test_leftovers(self, tmp_path: Path) -> None:
        """What was arriving when a process died is gone at the next start."""
        (tmp_path / "arriving").mkdir()
        (tmp_path / "arriving" / "half").write_bytes(b"x")

        BlobStore.in_folder(tmp_path)

        assert not (tmp_path / "arriving").exists()

    @pytest.mark.parametrize("name", ["../../../etc/passwd", "", "A" * 64, "0" * 63])
    async def test_names(self, blobs: BlobStore, name: str) -> None:
        """Only a sha256 names a blob: no path gets through."""
        with pytest.raises(BlobMissing):
            _ = [chunk async for chunk in blobs.open(ONE, name)]


class TestErasing:
    async def test_one(self, blobs: BlobStore) -> None:
        """A blob that is deleted is gone, in its thread alone; deleting it again is fine."""
        blob = await blobs.put(ONE, chunks(b"abc"), limit_bytes=10)
        await blobs.put(OTHER, chunks(b"abc"), limit_bytes=10)

        for _ in range(2):
            await blobs.delete(ONE, blob.sha256, before=time.time() + 2)

        with pytest.raises(BlobMissing):
            _ = [chunk async for chunk in blobs.open(ONE, blob.sha256)]
        assert b"".join([chunk async for chunk in blobs.open(OTHER, blob.sha256)]) == b"abc"

    async def test_put_again_meanwhile(self, blobs: BlobStore) -> None:
        """What came in after somebody asked for the deletion belongs to somebody, and stays."""
        asked_at = time.time() - 60
        blob = await blobs.put(ONE, chunks(b"abc"), limit_bytes=10)

        await blobs.delete(ONE, blob.sha256, before=asked_at)
        erased = await blobs.erase(folder_of(ONE), before=asked_at)

        assert erased == 0
        assert b"".join([chunk async for chunk in blobs.open(ONE, blob.sha256)]) == b"abc"

    async def test_unfinished(self, tmp_path: Path) -> None:
        """In a folder that several share, what has been arriving for long is erased, counted once;
        what arrives now stays, and so do blobs."""
        blobs = BlobStore.in_folder(tmp_path, shared=True)
        await blobs.put(ONE, chunks(b"abc"), limit_bytes=10)
        arriving = tmp_path / "arriving"
        arriving.mkdir(exist_ok=True)
        for name in ("old", "new"):
            (arriving / name).write_bytes(b"x")
        os.utime(arriving / "old", (1, 1))

        erased = await blobs.erase_unfinished(before=time.time() - 60)

        assert erased == 1
        assert [path.name for path in arriving.iterdir()] == ["new"]
        assert await blobs.folders() == [folder_of(ONE)]

    async def test_all_of_a_thread(self, blobs: BlobStore) -> None:
        """A thread is erased as one, but for what is kept; its empty folder goes too."""
        kept = await blobs.put(ONE, chunks(b"kept"), limit_bytes=10)
        await blobs.put(ONE, chunks(b"gone"), limit_bytes=10)
        await blobs.put(OTHER, chunks(b"other"), limit_bytes=10)
        later = time.time() + 2

        first = await blobs.erase(folder_of(ONE), before=later, keep={kept.sha256})
        second = await blobs.erase(folder_of(ONE), before=later)
        third = await blobs.erase(folder_of(ONE), before=later)

        assert (first, second, third) == (1, 1, 0)
        assert await blobs.folders() == [folder_of(OTHER)]
