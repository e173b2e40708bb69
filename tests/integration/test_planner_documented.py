"""Every example of the planner's page is understood wholly."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from engine.planner.offline import OfflinePlanner
from engine.planner.protocol import Exchange, Question
from tests.fakes.lab import FolderLab

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/offline-planner.md").read_text()
SAMPLE = (ROOT / "adapters/web/static/sample-sales.csv").read_bytes()
DOUBTS = ("I made nothing of", "I did not understand", "I could not tell", "left aside")


def examples(title: str) -> list[str]:
    """The questions in the table under a heading."""
    _, _, rest = PAGE.partition(f"\n## {title}\n")
    rows = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    cells = [row.partition(" | ")[2] for row in rows[1:]]
    found = [example for cell in cells for example in re.findall(r"`([^`]+)`", cell)]
    assert len(found) > 5
    return [example.removeprefix("… and ") for example in found]


async def ask(folder: Path, text: str, *earlier: str, **files: bytes) -> str:
    """The answer to a question that comes with files, in a conversation of earlier ones."""
    lab = FolderLab(folder)
    paths = tuple(lab.upload(name.replace("__", "."), content) for name, content in files.items())
    history = tuple(Exchange(each, "") for each in earlier)
    await OfflinePlanner().answer(Question(text, attached=paths, history=history), lab)
    return lab.answer


@pytest.mark.parametrize("text", examples("Tables"))
async def test_of_tables(tmp_path: Path, text: str) -> None:
    """A question about the sample gets its answer, and no word of it is left over."""
    right = b"id,region,qty,name\n1,North,3,Ann\n2,South,4,Bob\n"
    left = b"id,price\n1,10\n2,20\n"
    files = {"b__csv": left, "a__csv": right} if "join" in text else {"sales__csv": SAMPLE}

    answer = await ask(tmp_path, text, "total revenue by region", **files)

    assert [doubt for doubt in DOUBTS if doubt in answer] == []
    assert "but it failed" not in answer


@pytest.mark.parametrize("text", examples("Pictures"))
async def test_of_pictures(tmp_path: Path, text: str) -> None:
    """An edit is made, and no word of it is left over."""
    out = io.BytesIO()
    Image.new("RGB", (400, 300), "teal").save(out, format="PNG")

    answer = await ask(tmp_path, text, cat__png=out.getvalue())

    assert [doubt for doubt in DOUBTS if doubt in answer] == []
    assert "but it failed" not in answer


@pytest.mark.parametrize("text", examples("Numbers"))
async def test_of_numbers(tmp_path: Path, text: str) -> None:
    """A calculation gives its value, and no word of it is left over."""
    answer = await ask(tmp_path, text)

    assert [doubt for doubt in DOUBTS if doubt in answer] == []
    assert "**" in answer
