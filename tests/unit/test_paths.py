"""The server's way to a container's files: nothing outside, no links, no special files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.paths import UnsafePath, list_files, open_file, safe_path


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.txt").write_text("bb")
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff.txt"))).write_text("no UTF-8")
    return folder


def test_regular_file_is_opened(data_dir: Path) -> None:
    """A file in a folder is read."""
    with open_file(data_dir, "sub/b.txt") as file:
        assert file.read() == b"bb"


@pytest.mark.parametrize(
    "name",
    [
        *("passwd", "out/secret.txt", "../secret.txt", "/etc/passwd", "sub/../../secret.txt"),
        *("pipe", "", ".", "a\x00b", "a.txt/b", "sub", "x" * 300, "\udcff.txt"),
    ],
)
def test_everything_else_is_refused(data_dir: Path, name: str) -> None:
    """Links, ways out, pipes, folders and no names at all are refused, without waiting."""
    with pytest.raises(UnsafePath):
        open_file(data_dir, name)


def test_missing_file_is_missing(data_dir: Path) -> None:
    """A name that nobody has is FileNotFoundError, not a danger."""
    with pytest.raises(FileNotFoundError):
        open_file(data_dir, "nobody.txt")


def test_listing_shows_regular_files_only(data_dir: Path) -> None:
    """The listing has regular files with sizes, sorted, up to its bound."""
    listed = list_files(data_dir)

    assert [(path, size) for path, size, _ in listed] == [("a.txt", 1), ("sub/b.txt", 2)]
    assert len(list_files(data_dir, most=1)) == 1


@pytest.mark.parametrize("name", ["passwd", "out/x", "../x", "/x", "a\nb", "sub/../x"])
def test_safe_path_refuses(data_dir: Path, name: str) -> None:
    """A path for writing neither leaves the folder nor goes over a link."""
    with pytest.raises(UnsafePath):
        safe_path(data_dir, name)


@given(st.text(st.characters(), max_size=40) | st.text("./a\ud800", max_size=20))
def test_safe_path_stays_inside(name: str) -> None:
    """Whatever the name, the path lies beneath the folder or is refused."""
    root = Path("/nonexistent/data")
    try:
        path = safe_path(root, name)
    except UnsafePath:
        return

    assert path != root
    assert Path(os.path.normpath(path)).is_relative_to(root)
