"""What is written on a chart can be read: every name is there, within the picture, in contrast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from engine.planner.offline import OfflinePlanner
from engine.planner.protocol import Question
from tests.fakes.lab import FolderLab

TEAMS = b"team,points\nAlpha,3\nBeta,5\n"
REGIONS = b"region,product,points\nNorth,A,7\nSouth,A,5\nEast,B,4\nWest,B,2\n"
WHITE = (1.0, 1.0, 1.0)
CONTRAST_MIN = 2.0


@pytest.fixture
def lab(tmp_path: Path) -> FolderLab:
    """A lab whose `/mnt/data` is empty."""
    return FolderLab(tmp_path)


async def draw(lab: FolderLab, text: str, content: bytes) -> Any:
    """Ask for a chart of a table; returns the axes that were drawn on."""
    path = lab.upload("table.csv", content)
    await OfflinePlanner().answer(Question(text, attached=(path,)), lab)
    return lab.variable("ax")


def contrast(one: Any, other: Any) -> float:
    """How well two colours are told apart: from 1, not at all, to 21 [WCAG 2]."""

    def light(color: Any) -> float:
        channels = np.asarray(to_rgb(color))
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ (0.2126, 0.7152, 0.0722))

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def ticks(axis: Any) -> list[str]:
    """The labels of an axis as they are drawn."""
    axis.figure.canvas.draw()
    return [label.get_text() for label in axis.get_ticklabels() if label.get_visible()]


def picture(lab: FolderLab) -> np.ndarray[Any, Any]:
    """The pixels of the chart that was saved."""
    (path,) = lab.folder.glob("*.png")
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


class TestPie:
    async def test_every_name_and_percentage_can_be_read(self, lab: FolderLab) -> None:
        """Names stand in contrast to the paper beside the slices, percentages to their slices."""
        ax = await draw(lab, "points by region as a pie chart", REGIONS)

        names, percents = ax.texts[:4], ax.texts[4:]
        assert [text.get_text() for text in names] == ["North", "South", "East", "West"]
        assert [text.get_text() for text in percents] == ["38.9%", "27.8%", "22.2%", "11.1%"]
        assert all(text.get_visible() for text in ax.texts)
        assert all(contrast(text.get_color(), WHITE) > CONTRAST_MIN for text in names)
        for text, slice_ in zip(percents, ax.patches, strict=True):
            assert contrast(text.get_color(), slice_.get_facecolor()[:3]) > CONTRAST_MIN

    async def test_no_two_slices_share_a_colour(self, lab: FolderLab) -> None:
        """The smallest of many slices become the others, with a colour of their own."""
        rows = "\n".join(f"Country number {n},{100 + n}" for n in range(14))

        ax = await draw(lab, "pie chart of points by country", f"country,points\n{rows}".encode())

        assert ax.texts[len(ax.patches) - 1].get_text() == "others"
        assert len({slice_.get_facecolor() for slice_ in ax.patches}) == len(ax.patches) == 8

    @pytest.mark.parametrize(
        ("question", "content", "said"),
        [
            ("points by team as a pie chart", b"team,points\na,-3\nb,5\n", "below zero"),
            ("pie chart of points by region and product", REGIONS, "here are several"),
            ("stacked bars of points by team", TEAMS, "nothing to stack"),
        ],
    )
    async def test_what_cannot_be_drawn_as_asked(
        self, lab: FolderLab, question: str, content: bytes, said: str
    ) -> None:
        """Another kind of chart than the one asked for is drawn with a word on why."""
        await draw(lab, question, content)

        assert said in lab.answer
        assert "_bar_chart.png" in lab.answer


class TestAxes:
    @pytest.mark.parametrize("kind", ["line", "bar"])
    @pytest.mark.parametrize("count", [1, 2, 3, 9])
    async def test_every_name_is_on_the_axis(self, lab: FolderLab, kind: str, count: int) -> None:
        """A chart of a few names shows each of them, under its own point or bar."""
        names = [f"Team {n}" for n in range(count)]
        rows = "\n".join(f"{name},{9 - n}" for n, name in enumerate(names))

        ax = await draw(lab, f"{kind} chart of points by team", f"team,points\n{rows}\n".encode())

        assert ticks(ax.xaxis) == names
        assert list(ax.get_xticks()) == list(range(count))

    async def test_whole_numbers_stand_on_bars_as_such(self, lab: FolderLab) -> None:
        """A count of five is 5 on its bar, not 5.00."""
        ax = await draw(lab, "points by team as a bar chart", TEAMS)

        assert [text.get_text() for text in ax.texts] == ["5", "3"]

    @pytest.mark.parametrize("kind", ["pie", "bar", "horizontal bar", "line"])
    async def test_long_names_stay_within_the_picture(self, lab: FolderLab, kind: str) -> None:
        """Long names are cut in the middle, not at the picture's edge, and stay different."""
        rows = "\n".join(f"A very long name for a product {'x' * 60} {n},{n}" for n in range(1, 9))

        ax = await draw(
            lab, f"{kind} chart of points by product", f"product,points\n{rows}".encode()
        )

        names = [text.get_text() for text in ax.texts[:8]] if kind == "pie" else ""
        names = names or ticks(ax.yaxis if "horizontal" in kind else ax.xaxis)
        assert len(set(names)) == 8
        assert all("…" in name for name in names)
        pixels = picture(lab)
        edges = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
        assert all((edge == 255).all() for edge in edges)
