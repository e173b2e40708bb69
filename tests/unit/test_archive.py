"""A zip of a workspace: names that can be unpacked anywhere, bytes that come through."""

from __future__ import annotations

import io
import posixpath
import random
import zipfile
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from bot.archive import Entry, archive_names, zipped

# Names that get into each other's way, and names that want out of the folder.
PARTS = st.sampled_from(["a", "A", "a.csv", "A.CSV", "..", ".", "", "b", "a (2).csv", "c:", "\\x"])
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join) | st.text(max_size=12)


async def chunks(content: bytes, size: int = 3) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def archive_of(contents: dict[str, bytes]) -> bytes:
    entries = (Entry(name, chunks(content), 1.7e9) for name, content in contents.items())
    return b"".join([chunk async for chunk in zipped(entries)])


class TestNames:
    @given(st.lists(NAMES, max_size=12))
    def test_side_by_side(self, names: list[str]) -> None:
        """Each file has its own name, on systems that ignore case too, and none is a folder."""
        found = archive_names(names)

        folded = [name.casefold() for name in found]
        folders = {posixpath.dirname(name) for name in folded}
        assert len(found) == len(names)
        assert len(set(folded)) == len(found)
        assert not set(folded) & folders

    @given(st.lists(NAMES, max_size=12))
    def test_inside(self, names: list[str]) -> None:
        """No name leads out of the folder into which it is unpacked."""
        for name in archive_names(names):
            assert name
            assert not name.startswith("/")
            assert "\\" not in name
            assert ".." not in name.split("/")
            assert "" not in name.split("/")

    @given(st.lists(st.sampled_from("abcdefgh"), unique=True))
    def test_kept(self, names: list[str]) -> None:
        """Names that are fine stay as they are."""
        assert archive_names(names) == names

    def test_numbers(self) -> None:
        """The same name twice gets a number before its ending; folders are kept."""
        names = archive_names(["t/x.csv", "t/X.csv", "x.csv", "t"])

        assert names == ["t/x.csv", "t/X (2).csv", "x.csv", "t (2)"]


class TestZip:
    @given(st.dictionaries(st.text("abc", min_size=1, max_size=4), st.binary(max_size=50)))
    async def test_round_trip(self, contents: dict[str, bytes]) -> None:
        """What is packed can be unpacked."""
        packed = await archive_of(contents)

        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert archive.testzip() is None
            assert {name: archive.read(name) for name in archive.namelist()} == contents

    async def test_constant_memory(self) -> None:
        """The archive leaves in pieces: no more than a chunk or two is ever held."""

        async def long() -> AsyncIterator[bytes]:
            chance = random.Random(0)  # what is compressible would not come out in pieces
            for _ in range(50):
                yield chance.randbytes(20_000)

        pieces = [len(piece) async for piece in zipped([Entry("long.bin", long(), 0)])]

        assert sum(pieces) > 5 * max(pieces)
        assert max(pieces) < 200_000
