"""Dead `sandbox:` links become links to the files that were kept."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.events import Citation
from bot.links import link
from bot.names import name_in_data, safe_name
from bot.store.files import Origin, StoredFile

# What a file may be called; brackets, spaces, quotes and percent signs more often than not.
ODD = "ab ()[]<>%20'\"!*_."
NAMES = st.one_of(st.text(min_size=1, max_size=20), st.text(ODD, min_size=1)).map(safe_name)


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

    @pytest.mark.parametrize(
        "address",
        [
            "sandbox:/mnt/data/report%20(1).csv",
            "<sandbox:/mnt/data/report (1).csv>",
            "sandbox:/mnt/data/report (1).csv",
            "sandbox:/mnt/data/report%20\\(1\\).csv",
            'sandbox:/mnt/data/report%20%281%29.csv "The report"',
        ],
    )
    def test_spaces_and_brackets(self, address: str) -> None:
        """However a name with spaces and brackets is written, its link leads to the file."""
        linked = link(f"Here: [r]({address}).", [], [kept("report (1).csv")])

        assert linked == "Here: [r](artifact:file_cfile_1)."

    def test_folders(self) -> None:
        """Of two files with one name, a link leads to the one in its folder."""
        files = [kept("a/x.csv"), kept("b/x.csv", "cfile_2")]

        linked = link("[x](sandbox:/mnt/data/a/x.csv) sandbox:/mnt/data/b/x.csv.", [], files)

        assert linked == "[x](artifact:file_cfile_1) [b-x.csv](artifact:file_cfile_2)."

    def test_address_as_label(self) -> None:
        """An address that stands as its own label becomes the name, not a link in a link."""
        address = "sandbox:/mnt/data/a.csv"

        assert link(f"[{address}]({address})", [], [kept("a.csv")]) == (
            "[a.csv](artifact:file_cfile_1)"
        )

    def test_unlinked_image(self) -> None:
        """A citation that covers no address, as those of unlinked images do, changes nothing."""
        cited = Citation("cntr_1", "cfile_1", "cfile_1.png", 0, 0)

        assert link("Look.", [cited], [kept("a.png")]) == "Look."

    @given(NAMES, st.booleans())
    def test_any_cited_name(self, name: str, was_kept: bool) -> None:
        """Whatever a cited file is called, its link is replaced and the text around it stays."""
        address = f"sandbox:/mnt/data/{name}"
        text = f"Before (see) [f]({address}), after [x](https://a.b)."
        start = text.index(address)
        cited = Citation("cntr_1", "cfile_1", name, start, start + len(address))

        linked = link(text, [cited], [kept(name)] if was_kept else [])

        replaced = "[f](artifact:file_cfile_1)" if was_kept else "f"
        assert linked == f"Before (see) {replaced}, after [x](https://a.b)."

    @given(NAMES)
    def test_any_encoded_name(self, name: str) -> None:
        """Whatever a file is called, an encoded link to it is found without a citation."""
        file = kept(name_in_data(name))

        linked = link(f"a [f](sandbox:/mnt/data/{quote(name)}) z", [], [file])

        assert linked == "a [f](artifact:file_cfile_1) z"

    @given(st.text("ab[]()<>!:/\\ \n.", max_size=40), st.integers(-5, 99), st.integers(-5, 99))
    def test_wrong_spans(self, noise: str, start: int, end: int) -> None:
        """Citations that point anywhere leave no link to the sandbox behind, and raise nothing."""
        cited = [Citation("cntr_1", "cfile_1", "f.csv", start, end)] * 2

        linked = link(f"{noise} [f](sandbox:/mnt/data/f.csv) {noise}", cited, [kept("f.csv")])

        assert "(sandbox:" not in linked

    def test_long_text(self) -> None:
        """Text made to slow the search down is read in a moment."""
        for piece in ("[", "[a", "[a](sandbox:", "[a](sandbox:/(", "[\\", "![](<sandbox:"):
            assert link(piece * 20_000, [], []).count("[") == (piece * 20_000).count("[")
