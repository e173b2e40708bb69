"""What people, or somebody who wishes them ill, may send: a clear sentence, and it lives on."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fakes.program import Program, View, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

MEGABYTE = 1_000_000
BIG_BYTES = 600 * MEGABYTE
SMALL_GROWTH_MB = 64
TOO_LARGE = {"error": "big.bin is larger than 512 MB."}
CODE_SECONDS = "2"
LIMITS = {
    "ENGINE_CODE_SECONDS": CODE_SECONDS,
    "ENGINE_INTERRUPT_GRACE_SECONDS": "1",
    "ENGINE_DISK_MB": "20",
    "ENGINE_PROCESSES_MAX": "64",
    "ENGINE_KERNELS_MAX": "4",
}
SECRET = "a-secret-of-the-server"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    settings = {**LIMITS, "SOME_SECRET": SECRET}
    async with running(tmp_path_factory.mktemp("program"), **settings) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def talk(program: Program) -> AsyncIterator[str]:
    """A conversation, whose next question must be answered whatever happened in it."""
    conversation = await program.create()
    yield conversation
    answer = await program.ask(conversation, "what is 2 + 2?")
    assert "**4**" in answer["text"]
    assert not answer["failed"]


def said(answer: View) -> str:
    """All sentences of an answer."""
    return "\n".join([answer["text"], *answer["notes"]])


async def big_body() -> AsyncIterator[bytes]:
    """600 MB, a piece at a time."""
    for _ in range(BIG_BYTES // MEGABYTE):
        yield bytes(MEGABYTE)


def bomb() -> bytes:
    """A small archive whose one file claims to be 4 GB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bin", bytes(MEGABYTE))
    real, claimed = MEGABYTE.to_bytes(4, "little"), (0xFFFF_FFF0).to_bytes(4, "little")
    return out.getvalue().replace(real, claimed)


class TestFiles:
    async def test_an_empty_one(self, program: Program, talk: str) -> None:
        """An empty file is named, with the reason why it was not taken, first of all."""
        answer = await program.ask(talk, "total revenue by region", {"empty.csv": b""})

        assert answer["text"].startswith("empty.csv is empty, so I computed nothing.")
        assert "“empty.csv” was not taken: it is empty." in answer["notes"]

    async def test_600_mb_announced(self, program: Program, talk: str) -> None:
        """A file past the limit is refused by its length, before a byte of it has travelled."""
        address = f"/api/conversations/{talk}/files?name=big.bin"
        host, port = program.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        request = f"POST {address} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {BIG_BYTES}\r\n\r\n"
        writer.write(request.encode())

        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readuntil(b"}")
        writer.close()

        assert head.startswith(b"HTTP/1.1 413")
        assert json.loads(body) == TOO_LARGE

    @pytest.mark.parametrize("headers", [{"Content-Length": str(BIG_BYTES)}, {}])
    async def test_600_mb_sent(self, program: Program, talk: str, headers: dict[str, str]) -> None:
        """A client that sends it all the same, with a length or without one, gets the sentence;
        memory stays flat, and nothing is kept."""
        before_mb = program.peak_mb

        answer = await program.client.post(
            f"/api/conversations/{talk}/files",
            params={"name": "big.bin"},
            content=big_body(),
            headers=headers,
        )

        assert (answer.status_code, answer.json()) == (413, TOO_LARGE)
        assert program.peak_mb - before_mb < SMALL_GROWTH_MB
        kept = [
            path for path in (program.data_dir / "blobs" / "threads").rglob("*") if path.is_file()
        ]
        assert sum(path.stat().st_size for path in kept) < MEGABYTE

    async def test_a_name_that_climbs(self, program: Program, talk: str) -> None:
        """A name with a path in it stays a name: the file lies in /mnt/data like any other."""
        code = """```python
import os
print(os.listdir("/mnt/data"), os.path.getsize("/etc/passwd"))
```"""

        answer = await program.ask(talk, code, {"../../etc/passwd": b"root::0:0\n" * 999})

        listing = answer["runs"][-1]["logs"]
        assert "-passwd'" in listing
        assert "9990" not in listing
        assert not list(program.folder.rglob("etc/passwd"))

    async def test_a_corrupt_workbook(self, program: Program, talk: str) -> None:
        """What only calls itself a workbook is told so."""
        answer = await program.ask(talk, "total revenue", {"book.xlsx": b"PK\x03\x04nonsense" * 9})

        assert "book.xlsx" in said(answer)
        assert "not a real Excel workbook" in said(answer)

    async def test_an_archive_that_explodes(self, program: Program, talk: str) -> None:
        """An archive is looked at and never unpacked."""
        answer = await program.ask(talk, "what is in it?", {"bomb.zip": bomb()})

        assert "unpacked nothing" in said(answer)
        folders = (program.data_dir / "engine" / "containers").rglob("*")
        assert max(path.stat().st_size for path in folders) < MEGABYTE


class TestCode:
    @pytest.mark.parametrize(
        ("code", "sentence"),
        [
            pytest.param("while True: pass", "stopped after 2 s", id="loops"),
            pytest.param(
                "while True:\n    try:\n        while True: pass\n    except: pass",
                "stopped after 2 s",
                id="loops-and-resists",
            ),
            pytest.param("x = bytearray(3 * 10**9)", "ran out of its 1 GB of memory", id="memory"),
            pytest.param("import os\nwhile True: os.fork()", "stopped after 2 s", id="forks"),
            pytest.param(
                "with open('/mnt/data/x', 'wb') as f:\n    while True: f.write(bytes(10**6))",
                "beyond 18 MB",
                id="disk",
            ),
            pytest.param(
                "for n in range(99): open(f'/mnt/data/{n}', 'wb').write(bytes(9 * 10**6))",
                "filled its disk",
                id="disk-by-many-files",
            ),
            pytest.param("for _ in range(100): print('x' * 10**6)", "characters", id="prints"),
            pytest.param(
                "import urllib.request\nurllib.request.urlopen('http://1.1.1.1', timeout=1)",
                "Network is unreachable",
                id="network",
            ),
            pytest.param("print(open('/etc/shadow').read())", "No such file", id="shadow"),
        ],
    )
    async def test_stopped(self, program: Program, talk: str, code: str, sentence: str) -> None:
        """Each kind of bad code ends with a sentence that says what stopped it."""
        answer = await program.ask(talk, f"```python\n{code}\n```")

        assert sentence in said(answer)
        assert len(said(answer)) < 10_000

    async def test_sees_nothing_of_the_server(self, program: Program, talk: str) -> None:
        """Neither the data folder, nor the environment, nor other processes can be seen."""
        code = f"""```python
import os, pathlib
print(os.path.exists({str(program.data_dir)!r}), os.path.exists({str(Path(__file__))!r}))
print(sorted(os.environ))
print([p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/environ")])
print(len(list(pathlib.Path("/proc").glob("[0-9]*"))))
```"""
        answer = await program.ask(talk, code)

        (logs,) = (run["logs"] for run in answer["runs"])
        assert logs.startswith("False False")
        assert SECRET not in logs
        assert "SOME_SECRET" not in logs
        assert int(logs.splitlines()[-1]) < 10
