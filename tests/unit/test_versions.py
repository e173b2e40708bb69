"""Versions of files, and how people ask for one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.commands.files import find, version_of
from bot.rebuilding import fitting
from bot.store.files import Origin, StoredFile, newest, versions_by_name

NAMES = st.sampled_from(["a.csv", "A.csv", "b/a.csv", "a.csv@1", "a.csv@2", "c.csv"])


def stored(id: str, name: str, size_bytes: int = 1) -> StoredFile:
    return StoredFile(id, "turn_1", Origin.CODE, name, "text/csv", "0" * 64, size_bytes)


def files(names: list[str]) -> list[StoredFile]:
    return [stored(str(number), name) for number, name in enumerate(names)]


class TestVersions:
    @given(st.lists(NAMES))
    def test_none_is_lost(self, names: list[str]) -> None:
        """Every version is listed under its name, oldest first."""
        written = files(names)

        by_name = versions_by_name(written)

        assert sorted(
            (version.id for versions in by_name.values() for version in versions), key=int
        ) == [file.id for file in written]
        assert all(
            [int(version.id) for version in versions]
            == sorted(int(version.id) for version in versions)
            for versions in by_name.values()
        )

    @given(st.lists(NAMES))
    def test_newest(self, names: list[str]) -> None:
        """The newest version of each name counts, in the order of writing."""
        found = [int(file.id) for file in newest(files(names))]

        assert found == sorted({name: number for number, name in enumerate(names)}.values())

    @given(st.lists(NAMES, min_size=1), st.data())
    def test_each_can_be_had(self, names: list[str], data: st.DataObject) -> None:
        """A name gives its newest version, `name@n` the n-th, unless a file has that very name."""
        by_name = versions_by_name(files(names))
        name = data.draw(st.sampled_from(sorted(by_name)))
        number = data.draw(st.integers(1, len(by_name[name])))
        asked = f"{name}@{number}"

        assert version_of(by_name, name) == by_name[name][-1]
        if asked not in by_name:
            assert version_of(by_name, asked) == by_name[name][number - 1]

    @given(st.lists(NAMES), st.text(max_size=8))
    def test_any_words(self, names: list[str], words: str) -> None:
        """Whatever is asked for, an answer is a file of the thread or none."""
        by_name = versions_by_name(files(names))

        file = version_of(by_name, words)

        assert file is None or file in by_name[file.name]

    def test_as_people_write(self) -> None:
        """Case and folders may be left out where that is plain enough."""
        by_name = versions_by_name(files(["Sales.csv", "out/total.csv"]))

        assert find(by_name, "sales.CSV") == "Sales.csv"
        assert find(by_name, "out-total.csv") == "out/total.csv"
        assert find(versions_by_name(files(["a.csv", "A.csv"])), "A.CSV") is None


class TestFitting:
    @given(st.lists(st.integers(0, 9)), st.integers(0, 30), st.integers(0, 10))
    def test_newest_first(self, sizes: list[int], most_bytes: int, most: int) -> None:
        """The newest files that fit are taken, in their order; of those left out none would
        have fitted beside the newer ones."""
        given_ = [stored(str(number), f"{number}", size) for number, size in enumerate(sizes)]

        chosen = fitting(given_, most_bytes=most_bytes, most=most)

        assert chosen == [file for file in given_ if file in chosen]
        assert len(chosen) <= most
        assert sum(file.size_bytes for file in chosen) <= most_bytes
        for position, file in enumerate(given_):
            newer = [other for other in given_[position + 1 :] if other in chosen]
            fits = sum(other.size_bytes for other in [file, *newer]) <= most_bytes
            assert (file in chosen) == (fits and len(newer) < most)
