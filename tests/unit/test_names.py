"""Names and types of files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.names import (
    NAME_CHARACTERS_MAX,
    media_type_of,
    name_in_data,
    plain_name,
    safe_name,
)


class TestSafeName:
    @pytest.mark.parametrize(
        ("given_name", "safe"),
        [
            ("sales.csv", "sales.csv"),
            ("../../etc/passwd", "passwd"),
            ("C:\\temp\\a.xlsx", "a.xlsx"),
            ("..", "file"),
            ("", "file"),
            (".env", "env"),
            ("a\nb\x00.csv", "ab.csv"),
            ("Umsätze 2025.xlsx", "Umsätze 2025.xlsx"),
        ],
    )
    def test_examples(self, given_name: str, safe: str) -> None:
        """Folders, control characters and leading dots go; the rest stays."""
        assert safe_name(given_name) == safe

    @given(st.text())
    def test_anything(self, name: str) -> None:
        """Whatever comes in, one printable path component of bounded length comes out."""
        safe = safe_name(name)

        assert 1 <= len(safe) <= NAME_CHARACTERS_MAX
        assert safe.isprintable()
        assert "/" not in safe
        assert "\\" not in safe
        assert safe not in (".", "..")

    def test_ending_survives(self) -> None:
        """A name that is too long keeps the ending that code goes by."""
        assert safe_name("x" * 500 + ".xlsx").endswith("x.xlsx")


class TestNameInData:
    @pytest.mark.parametrize(
        ("path", "name", "plain"),
        [
            ("/mnt/data/x.csv", "x.csv", "x.csv"),
            ("/mnt/data/b/x.csv", "b/x.csv", "b-x.csv"),
            ("/mnt/data/../../etc/passwd", "etc/passwd", "etc-passwd"),
            ("/mnt/data//a/./x\n.csv", "a/x.csv", "a-x.csv"),
            ("x.csv", "x.csv", "x.csv"),
            ("/mnt/data/", "mnt/data", "mnt-data"),
            ("", "file", "file"),
        ],
    )
    def test_examples(self, path: str, name: str, plain: str) -> None:
        """A file is called by its path below the data folder; people see that without folders."""
        assert (name_in_data(path), plain_name(name_in_data(path))) == (name, plain)

    @given(st.text())
    def test_anything(self, path: str) -> None:
        """Whatever code called its file, people and the engine get one safe component."""
        name = name_in_data(f"/mnt/data/{path}")

        assert all(part not in ("", ".", "..") for part in name.split("/"))
        assert 1 <= len(plain_name(name)) <= NAME_CHARACTERS_MAX
        assert "/" not in plain_name(name)


class TestMediaType:
    @pytest.mark.parametrize(
        ("name", "media_type"),
        [
            ("a.CSV", "text/csv"),
            ("chart.png", "image/png"),
            ("report.pdf", "application/pdf"),
            ("data.parquet", "application/vnd.apache.parquet"),
            ("README", "application/octet-stream"),
        ],
    )
    def test_by_ending(self, name: str, media_type: str) -> None:
        """The ending decides; what is unknown is just bytes."""
        assert media_type_of(name) == media_type
