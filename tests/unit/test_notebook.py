"""The notebook's files and paths: data in, source out."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import CodeRun, RunState
from bot.notebook.cells import Exchange, notebook
from bot.notebook.data import Needed, needed, packages, portable, relocated, setup_cell
from bot.store.files import Origin, StoredFile


def stored(
    name: str,
    turn: str,
    *,
    engine_id: str | None,
    origin: Origin = Origin.PERSON,
    path: str | None = None,
) -> StoredFile:
    return StoredFile(
        f"file_{turn}_{name}",
        turn,
        origin,
        name,
        "text/csv",
        "0" * 64,
        3,
        engine_file_id=engine_id,
        container_path=path,
    )


class TestNeeded:
    def test_is_everything_that_people_sent(self) -> None:
        """Code may look for files in the folder, so those it does not name count too."""
        files = [stored("a.csv", "t1", engine_id="file-aaaa")]

        assert list(needed(files, [("print(1)", 1)])) == ["file-aaaa-a.csv"]

    def test_is_the_version_of_its_time(self) -> None:
        """An upload that is known no more is the newest version that there was at that time."""
        old = stored("a.csv", "t1", engine_id="file-bbbb")
        new = stored("a.csv", "t2", engine_id="file-cccc")
        codes = [('open("/mnt/data/file-gone-a.csv")', 1), ('open("/mnt/data/file-lost-a.csv")', 2)]

        found = needed([old, new], codes)

        assert found["file-gone-a.csv"].file is old
        assert found["file-lost-a.csv"].file is new

    def test_of_made_files_is_what_was_uploaded_again(self) -> None:
        """What code makes is made again; only its upload to a later container is needed."""
        made = stored("b.csv", "t1", engine_id="file-dddd", origin=Origin.CODE)

        assert needed([made], [('open("/mnt/data/b.csv")', 1)]) == {}
        assert list(needed([made], [("'/mnt/data/file-dddd-b.csv'", 1)])) == ["file-dddd-b.csv"]

    def test_is_what_was_sent_where_code_wrote_over_it(self) -> None:
        """The notebook begins with the bytes that the code found."""
        path = "/mnt/data/file-eeee-a.csv"
        sent = stored("a.csv", "t1", engine_id="file-eeee", path=path)
        written = stored("a.csv", "t2", engine_id=None, origin=Origin.CODE, path=path)

        assert needed([sent, written], [(f"open('{path}')", 2)])["file-eeee-a.csv"].file is sent


@pytest.mark.parametrize(
    ("code", "becomes"),
    [
        ('open("/mnt/data/a.csv")', 'open("./a.csv")'),
        ('Path("/mnt/data") / name', 'Path(".") / name'),
        ("os.chdir('/mnt/data')", "os.chdir('.')"),
        ('f"/mnt/data/{name}.csv"', 'f"./{name}.csv"'),
        ("'/mnt/data-old/x'", "'/mnt/data-old/x'"),
        ("'/mnt/data/file-1234-what?.csv'", "'./file-1234-what_.csv'"),
    ],
)
def test_paths_lead_to_the_notebooks_folder(code: str, becomes: str) -> None:
    """/mnt/data becomes the current folder; names that Windows can't have are changed."""
    name = "file-1234-what?.csv"
    files = {name: Needed(name, stored("what?.csv", "t1", engine_id="file-1234"))}

    assert relocated(code, files) == becomes


@given(
    st.dictionaries(
        st.from_regex(r"[a-zä' .{}]{1,20}x", fullmatch=True), st.binary(max_size=500), max_size=3
    )
)
def test_the_first_cell_lays_out_what_it_carries(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    """Whatever the names and bytes, running the cell, also twice, puts them into `work`."""
    folder, before = tmp_path_factory.mktemp("run"), Path.cwd()
    (folder / "data").mkdir()
    (folder / "data" / "large.bin").write_bytes(b"large")
    source = setup_cell(["large.bin"], files)
    names: dict[str, object] = {}
    try:
        os.chdir(folder)
        for _ in range(2):
            exec(source, names)
    finally:
        os.chdir(before)

    laid_out = {path.name: path.read_bytes() for path in (folder / "work").iterdir()}
    assert laid_out == {**files, "large.bin": b"large"}


def test_packages_are_named_as_they_are_installed() -> None:
    """The standard library is left out, some have another name, broken code says nothing."""
    codes = ["import os, numpy as np\nfrom PIL import Image", "from . import x", "def", "\0"]

    assert packages(codes) == ["numpy", "pillow"]


@given(
    st.lists(
        st.builds(
            Exchange,
            author=st.text(max_size=9),
            question=st.text(max_size=30),
            attachments=st.tuples(st.text(max_size=9)),
            runs=st.lists(
                st.builds(
                    CodeRun,
                    st.just("r"),
                    st.text(max_size=30),
                    st.sampled_from(RunState),
                    st.text(max_size=30),
                ),
                max_size=3,
            ).map(tuple),
            answer=st.text(max_size=50),
        ),
        max_size=3,
    ),
    st.text(max_size=20),
)
def test_whatever_is_said_the_notebook_is_valid(exchanges: list[Exchange], title: str) -> None:
    """The schema holds for any text, and code that did not end is not run again."""
    made = notebook(title, exchanges, {}, embedded={}, beside=())

    nbformat.validate(nbformat.reads(nbformat.writes(made), as_version=4))
    ended = [r for e in exchanges for r in e.runs if r.state is RunState.DONE]
    assert sum(cell.cell_type == "code" for cell in made.cells) == 1 + len(ended)


def test_what_builds_on_stopped_code_may_fail() -> None:
    """After code that can't be run again, a missing name does not stop the notebook."""
    states = (RunState.DONE, RunState.STOPPED, RunState.DONE)
    runs = tuple(CodeRun(f"r{n}", "x", state) for n, state in enumerate(states))
    later = (CodeRun("r3", "y", RunState.DONE),)
    exchanges = [Exchange("Ann", "?", (), runs, ""), Exchange("Ann", "?", (), later, "")]

    made = notebook("", exchanges, {}, embedded={}, beside=())

    cells = [cell for cell in made.cells if cell.cell_type == "code"][1:]
    assert [cell.metadata.get("tags") for cell in cells] == [
        None,
        ["raises-exception"],
        ["raises-exception"],
    ]


def test_the_same_thread_gives_the_same_notebook() -> None:
    """Nothing in it depends on when it was made."""
    exchanges = [Exchange("Ann", "?", (), (CodeRun("r", "1", RunState.DONE, "1"),), "One.")]
    made = [notebook("t", exchanges, {}, embedded={"a": b"1"}, beside=()) for _ in range(2)]

    assert nbformat.writes(made[0]) == nbformat.writes(made[1])


@given(st.text(max_size=50))
def test_names_suit_every_system(name: str) -> None:
    """No character is left that Windows refuses, and a name that suits it stays."""
    assert not set(portable(name)) & set('<>:"|?*\\')
    assert portable(portable(name)) == portable(name)
