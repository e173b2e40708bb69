"""A thread as a notebook: made by the whole bot, run again by Jupyter's own client."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from bot.domain import Artifact, Caller
from tests.fakes.platform import ANN, ScriptedChat
from tests.fakes.responses_api import Code, FakeResponsesApi, Say
from tests.fakes.threadlab import running

SAMPLE = Path(__file__).parents[2] / "adapters/web/static/sample-sales.csv"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()

needs_bwrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="no bubblewrap")


async def exported(chat: ScriptedChat) -> tuple[Artifact, bytes]:
    """What `notebook` delivers for the first thread."""
    result = await chat.services.commands.run("notebook", chat.thread(), Caller(ANN))
    assert result.ok, result.text
    (file,) = result.files
    chunks = chat.services.blobs.open(chat.thread(), file.blob.sha256)
    return file, b"".join([chunk async for chunk in chunks])


def read(content: bytes) -> Any:
    """A notebook, checked against its schema."""
    notebook = nbformat.reads(content.decode(), as_version=4)
    nbformat.validate(notebook)
    return notebook


async def run_again(notebook: Any, folder: Path) -> Any:
    """Every cell run in `folder` by a fresh kernel; CellExecutionError where one fails."""
    folder.mkdir(exist_ok=True)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    await client.async_execute(env=dict(os.environ))
    return notebook


def codes(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"][1:]  # after the setup


def texts(notebook: Any) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def printed(cell: Any) -> str:
    return "".join(out.text for out in cell.outputs if out.output_type == "stream")


@needs_bwrap
@pytest.mark.slow
async def test_five_questions_run_again_in_an_empty_folder(
    chat: ScriptedChat, tmp_path: Path
) -> None:
    """The notebook of five answered questions runs from top to bottom where nothing else lies, and
    prints what was printed."""
    questions = (
        "total revenue by region and a bar chart",
        "revenue by month as a line chart",
        "clean it",
        "3x + 11 = 14. Show x.",
        "```python\nimport matplotlib.pyplot as plt\nplt.plot([6, 7])\nplt.show()\nprint(42)\n```",
    )
    async with running(chat, tmp_path / "data", "", engine="embedded"):
        for number, question in enumerate(questions, start=1):
            files = {"sales.csv": SAMPLE.read_bytes()} if number == 1 else {}
            await chat.say(question, files=files)
            await chat.finished(number, timeout_seconds=120)
        file, content = await exported(chat)
    notebook = read(content)
    before = [printed(cell).replace("/mnt/data", ".") for cell in codes(notebook)]

    again = await run_again(read(content), tmp_path / "empty")

    assert file.name == "total revenue by region and a bar chart.ipynb"
    for number, question in enumerate(questions, start=1):
        assert f"## Question {number}, by Ann\n\n{question}" in texts(notebook)
    assert len(before) >= 5
    for drawn in (codes(notebook)[-1], codes(again)[-1]):
        assert [out.output_type for out in drawn.outputs].count("display_data") == 1
    assert [printed(cell).strip() for cell in codes(again)] == before
    assert "attachment:image-1" in texts(notebook)


async def thread_of(
    chat: ScriptedChat, api: FakeResponsesApi, *scripts: list[Code | Say], **files: bytes
) -> None:
    """Questions answered by scripts, with files beside the first."""
    named = {name.replace("__", "."): content for name, content in files.items()}
    for number, script in enumerate(scripts, start=1):
        api.script = lambda body, script=script: script  # type: ignore[misc]
        await chat.say(f"question {number}", files=named if number == 1 else {})
        await chat.finished(number)


async def test_code_finds_the_uploads_it_opened(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
) -> None:
    """Paths of uploads lead to the bytes that people sent, also where the engine gave them another
    id meanwhile; what code overwrote is whole again."""
    code = Code(
        'import glob\nold = "/mnt/data/file-00000001-a.csv"\n'
        'print(open(old).read(), open("/mnt/data/file-99999999-a.csv").read())\n'
        'open(old, "w").write("overwritten")\nprint(len(glob.glob("/mnt/data/*")))'
    )
    async with running(chat, tmp_path / "bot", api.base_url):
        await thread_of(chat, api, [code, Say("Done.")], a__csv=b"1,2")
        assert list(api.uploads) == ["file-00000001"]
        _, content = await exported(chat)
    notebook = read(content)

    for _ in range(2):
        await run_again(notebook, tmp_path / "work")

        assert printed(codes(notebook)[0]) == "1,2 1,2\n2\n"
    assert "/mnt/data" not in codes(notebook)[0].source


async def test_failing_cells_do_not_stop_the_rest(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
) -> None:
    """Code that raised raises again, and what follows runs."""
    raised = Code(
        "1 / 0", "Traceback (most recent call last):\nZeroDivisionError: division by zero"
    )
    gone = Code('open("/mnt/data/file-00000777-gone.csv")', "…")
    async with running(chat, tmp_path / "bot", api.base_url):
        await thread_of(chat, api, [raised, gone, Code("print(3)"), Say("Three.")])
        _, content = await exported(chat)

    notebook = await run_again(read(content), tmp_path / "work")

    first, second, third = codes(notebook)
    assert first.outputs[-1].ename == "ZeroDivisionError"
    assert second.outputs[-1].ename == "FileNotFoundError"
    assert printed(third) == "3\n"


async def test_images_are_where_they_were(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
) -> None:
    """A figure that was shown is an output of the code that drew it; a chart that was saved is in
    the answer, which links to files where the code makes them."""
    script: list[Code | Say] = [
        Code("x = 1", "one"),
        Code("plt.show()", image_url=DATA_URL),
        Code("save()", makes={"chart.png": PNG + b"\0", "out.csv": b"1"}),
        Say("Here: {cite:out.csv}."),
    ]
    async with running(chat, tmp_path, api.base_url):
        await thread_of(chat, api, script)
        _, content = await exported(chat)
    notebook = read(content)

    shown = [[out.output_type for out in cell.outputs] for cell in codes(notebook)]
    answer = notebook.cells[-1]
    assert shown == [["stream"], ["display_data"], []]
    assert base64.b64decode(codes(notebook)[1].outputs[0].data["image/png"]) == PNG
    assert "[out.csv](work/out.csv)" in answer.source
    assert list(answer.attachments["image-1"]) == ["image/png"]


async def test_large_data_lies_beside_the_notebook(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
) -> None:
    """What is too large for the notebook comes in one archive with it; the notebook runs where
    the archive was unpacked."""
    code = Code('print(len(open("/mnt/data/file-00000001-big.csv").read()))')
    async with running(chat, tmp_path / "bot", api.base_url, notebook_embed_mb=0):
        await thread_of(chat, api, [code, Say("Done.")], big__csv=b"x" * 1_000)
        file, content = await exported(chat)
    await asyncio.to_thread(zipfile.ZipFile(io.BytesIO(content)).extractall, tmp_path)

    folder = tmp_path / "question 1"
    notebook = await run_again(read((folder / "question 1.ipynb").read_bytes()), folder)

    assert file.name == "question 1.zip"
    assert printed(codes(notebook)[0]) == "1000\n"


async def test_data_that_cannot_come_along_is_named(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
) -> None:
    """Past what an archive may hold, the person is told which files are left out; the notebook
    still runs to its end."""
    code = Code('print(len(open("/mnt/data/file-00000001-huge.csv").read()))')
    async with running(chat, tmp_path / "bot", api.base_url, notebook_embed_mb=0, zip_max_mb=1):
        await thread_of(
            chat, api, [code, Code("print(2)"), Say("Done.")], huge__csv=b"x" * 1_000_001
        )
        result = await chat.services.commands.run("notebook", chat.thread(), Caller(ANN))
        _, content = await exported(chat)

    notebook = await run_again(read(content), tmp_path / "work")

    assert "not in it: huge.csv" in result.text
    assert printed(codes(notebook)[1]) == "2\n"


async def test_nothing_to_export(chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
    """A thread in which nothing was asked has no notebook."""
    async with running(chat, tmp_path, api.base_url):
        result = await chat.services.commands.run("notebook", chat.thread(), Caller(ANN))

    assert not result.ok
    assert "nothing to export" in result.text
