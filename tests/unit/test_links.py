"""Dead `sandbox:` links become links to the files that were kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.events import Citation
from bot.links import link
from bot.store.files import Origin, StoredFile


def kept(name: str, file_id: str = "cfile_1") -> StoredFile:
    return StoredFile(
        id=f"file_{file_id}",
        turn_id="turn_1",
        origin=Origin.CODE,
        name=name,
        media_type="text/csv",
        sha256="0" * 64,
        size_bytes=1,
        container_file_id=file_id,
    )


class TestLink:
    def test_cited(self) -> None:
        """A cited link leads to the file that its citation names, whatever the path says."""
        text = "See [the table](sandbox:/mnt/data/odd.csv)."
        start = text.index("sandbox:")
        cited = Citation("cntr_1", "cfile_1", "odd.csv", start, text.index(")"))

        assert link(text, [cited], [kept("table.csv")]) == "See [the table](artifact:file_cfile_1)."

    def test_uncited(self) -> None:
        """A link without a citation leads to the kept file of that name."""
        text = "[a](sandbox:/mnt/data/a.csv) ![b](sandbox:/mnt/data/b.csv)"

        linked = link(text, [], [kept("a.csv"), kept("b.csv", "cfile_2")])

        assert linked == "[a](artifact:file_cfile_1) ![b](artifact:file_cfile_2)"

    def test_lost(self) -> None:
        """A link to a file that was not kept becomes its text: nobody clicks on a dead link."""
        assert link("Get [it](sandbox:/mnt/data/x.csv)!", [], []) == "Get it!"

    def test_bare(self) -> None:
        """A bare address becomes a link with the file's name."""
        linked = link("It is at sandbox:/mnt/data/a.csv now", [], [kept("a.csv")])

        assert linked == "It is at [a.csv](artifact:file_cfile_1) now"

    @given(st.text(alphabet="ab[]()!:/ \nsandbox.", max_size=80))
    def test_no_sandbox_link_survives(self, noise: str) -> None:
        """Whatever stands around it, no link to the sandbox is left."""
        linked = link(f"{noise} [f](sandbox:/mnt/data/f.csv) {noise}", [], [])

        assert "(sandbox:/mnt/data/f.csv)" not in linked
