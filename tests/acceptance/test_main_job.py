"""The main job in a real browser, over the real program: ask about files, get answers back."""

from __future__ import annotations

import csv
import io
import random
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator
from decimal import Decimal

import openpyxl
import pytest
import pytest_asyncio
from PIL import Image, ImageDraw
from playwright.async_api import Browser, Locator, expect

from tests.fakes.browser import Person, chromium, needs_chromium
from tests.fakes.program import Program, running

pytestmark = [
    needs_chromium,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

QUESTION = "total revenue by region and a bar chart"
REGIONS = ("North", "South", "East", "West")

Sale = tuple[str, str, Decimal]


def sales() -> list[Sale]:
    """Two hundred sales: date, region, revenue."""
    dice = random.Random(7)
    return [
        (
            f"2026-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}",
            dice.choice(REGIONS),
            Decimal(dice.randint(1_000, 99_999)) / 100,
        )
        for _ in range(200)
    ]


def totals(rows: list[Sale]) -> dict[str, Decimal]:
    """The revenue of each region."""
    summed: dict[str, Decimal] = defaultdict(Decimal)
    for _, region, revenue in rows:
        summed[region] += revenue
    return summed


def as_csv(rows: list[Sale]) -> bytes:
    """The sales as a CSV file."""
    out = io.StringIO()
    csv.writer(out).writerows([("date", "region", "revenue"), *rows])
    return out.getvalue().encode()


def as_book(rows: list[Sale]) -> bytes:
    """The sales as the second of three sheets."""
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "Notes"
    first.append(["This workbook was exported by the shop."])
    middle = book.create_sheet("Sales")
    middle.append(["date", "region", "revenue"])
    for date, region, revenue in rows:
        middle.append([date, region, float(revenue)])
    last = book.create_sheet("Staff")
    for line in (["name", "age"], ["Ann", 40], ["Ben", 46]):
        last.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_photo() -> bytes:
    """A colourful picture, as a camera would store it."""
    image = Image.linear_gradient("L").resize((640, 480)).convert("RGB")
    pen = ImageDraw.Draw(image)
    pen.ellipse((380, 60, 560, 240), fill=(250, 190, 40))
    pen.polygon([(0, 480), (220, 200), (440, 480)], fill=(40, 110, 70))
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    async with running(tmp_path_factory.mktemp("program")) as started:
        yield started


async def table_of(answer: Locator) -> dict[str, Decimal]:
    """The first two columns of the answer's first table."""
    rows = await answer.locator("table").first.locator("tbody tr").all()
    cells = [await row.locator("td").all_inner_texts() for row in rows]
    return {row[0]: Decimal(row[1].replace(",", "")) for row in cells}


async def pictures_of(answer: Locator) -> int:
    """How many pictures the answer shows, each of them loaded."""
    await expect(answer.locator("figure img").first).to_be_visible()
    images = await answer.locator("figure img").all()
    for image in images:
        await expect(image).not_to_have_js_property("naturalWidth", 0)
    return len(images)


async def file_of(person: Person, answer: Locator, ending: str) -> bytes:
    """The content of the answer's file with this ending, downloaded by a click."""
    name, content = await person.download(answer.locator(f"a[download$='{ending}']").first)
    assert name.endswith(ending)
    return content


async def test_a_table_becomes_totals_a_chart_and_files(program: Program, browser: Browser) -> None:
    """A dropped CSV: the right totals, the chart inline, chart and table to download; a reload
    and a second tab show the same, and the code can be looked into."""
    rows = sales()
    person = await Person.visit(browser, program.url)
    await person.drop("sales.csv", as_csv(rows), "text/csv")

    answer = await person.ask(QUESTION)

    assert await table_of(answer) == totals(rows)
    assert await pictures_of(answer) == 1
    with Image.open(io.BytesIO(await file_of(person, answer, ".png"))) as chart:
        assert chart.format == "PNG"
        assert min(chart.size) > 300
    table = list(csv.reader(io.StringIO((await file_of(person, answer, ".csv")).decode())))
    assert {region: Decimal(revenue) for region, revenue, *_ in table[1:]} == totals(rows), table
    await person.screenshot("main-csv")

    for run in await person.open_runs(answer):
        await expect(run.locator("pre.code")).to_be_visible()
        await expect(run.locator("pre.logs")).not_to_be_empty()
    await expect(answer.locator("pre.code", has_text="groupby").first).to_be_visible()
    await person.screenshot("main-csv-code")

    shown = await answer.locator(".prose").inner_text()
    second = await person.another_tab()
    await person.reload()
    for tab in (person, second):
        again = await tab.answer()
        assert await again.locator(".prose").inner_text() == shown
        assert await pictures_of(again) == 1
        await expect(tab.page.locator(".message")).to_have_count(2)
    assert person.errors == []


async def test_the_right_sheet_of_three(program: Program, browser: Browser) -> None:
    """In a workbook of three sheets the one with the named columns answers."""
    rows = sales()
    person = await Person.visit(browser, program.url)
    await person.drop("shop.xlsx", as_book(rows))

    answer = await person.ask(QUESTION)

    assert await table_of(answer) == totals(rows)
    assert await pictures_of(answer) == 1
    await person.screenshot("main-xlsx")

    follow_up = await person.ask("and the average age?")

    await expect(follow_up).to_contain_text("43")
    await person.screenshot("main-xlsx-follow-up")
    assert person.errors == []


async def test_a_photo_is_edited(program: Program, browser: Browser) -> None:
    """A photo comes back gray, with the histogram of its brightness."""
    person = await Person.visit(browser, program.url)
    await person.drop("harbour.jpg", as_photo(), "image/jpeg")

    answer = await person.ask("make it grayscale and show a histogram")

    assert await pictures_of(answer) == 2
    with Image.open(io.BytesIO(await file_of(person, answer, ".jpg"))) as gray:
        assert (gray.mode, gray.size) == ("L", (640, 480))
    await person.screenshot("main-photo")
    assert person.errors == []


async def test_numbers(program: Program, browser: Browser) -> None:
    """Steps that build on each other and an equation come out right, by code that ran."""
    person = await Person.visit(browser, program.url)

    steps = await person.ask(
        "Compute 4 * 3.82. Then take the square root of that result. Then again."
    )
    equation = await person.ask("3x + 11 = 14. Show x.")

    await expect(steps).to_contain_text("15.28")
    await expect(steps).to_contain_text("3.90896")
    await expect(steps).to_contain_text("1.97711")
    await expect(steps.locator(".run")).not_to_have_count(0)
    await expect(equation).to_contain_text("x = 1")
    await person.screenshot("main-numbers")
    assert person.errors == []
