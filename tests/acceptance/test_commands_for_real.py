"""Commands in a real browser, over the real program and its own engine."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import nbformat
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.fakes.browser import Person, chromium, needs_chromium
from tests.fakes.program import Program, running

pytestmark = [
    needs_chromium,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SALES = b"region,revenue\nNorth,10\nSouth,20\nNorth,5\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    async with running(tmp_path_factory.mktemp("program")) as started:
        yield started


async def asked(browser: Browser, program: Program) -> tuple[Person, Locator]:
    """A person who has asked about a spreadsheet, and the answer."""
    person = await Person.visit(browser, program.url)
    await person.drop("sales.csv", SALES, "text/csv")
    return person, await person.ask("total revenue by region and a bar chart")


def card(person: Person, name: str) -> Locator:
    return person.page.locator(f".result[data-command={name}]").last


async def command(person: Person, line: str) -> Locator:
    """Give a command in the composer; its result, once it is there."""
    await person.write(line)
    shown = card(person, line.removeprefix("/").split()[0])
    await expect(shown).not_to_have_attribute("data-state", "running", timeout=20_000)
    return shown


async def test_an_answers_code_and_its_thread_as_a_notebook(
    browser: Browser, program: Program
) -> None:
    """The code that ran is shown as it ran, and the notebook holds question, code and data."""
    person, answer = await asked(browser, program)

    await answer.get_by_role("button", name="Code", exact=True).click()
    await expect(card(person, "code")).to_contain_text("The code of", timeout=20_000)
    await answer.get_by_role("button", name="Notebook").click()
    name, content = await person.download(card(person, "notebook").locator("a.file"))

    assert name == "total revenue by region and a bar chart.ipynb"
    notebook = nbformat.reads(content.decode(), as_version=4)
    nbformat.validate(notebook)
    assert "sales.csv" in json.dumps(notebook)
    await person.screenshot("real-notebook")
    assert person.errors == []


async def test_the_workspaces_files(browser: Browser, program: Program) -> None:
    """What was sent and what was made is listed; one is got, one deleted, the rest zipped."""
    person, answer = await asked(browser, program)
    panel = person.page.locator("#panel")
    await answer.get_by_role("button", name="Files").click()
    sent = panel.locator("li", has_text="sales.csv")
    made = panel.locator("li", has_text="total_revenue_by_region.csv")
    await expect(sent).to_contain_text("from You")
    await expect(made).to_contain_text("made by code")
    await person.screenshot("real-files")

    got = await person.download(sent.get_by_label("Download sales.csv"))
    await made.get_by_role("button", name="Delete").click()
    await person.page.locator("#confirm-yes").click()
    await expect(made).to_have_count(0)
    _, packed = await person.download(panel.locator("#panel-all"))

    assert got == ("sales.csv", SALES)
    names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
    assert "sales.csv" in names
    assert "total_revenue_by_region.csv" not in names


async def test_status_settings_and_usage(browser: Browser, program: Program) -> None:
    """Every command that only tells something is answered in a card."""
    person, _ = await asked(browser, program)

    await expect(await command(person, "/status")).to_contain_text("Python")
    await expect(await command(person, "/usage")).to_have_attribute("data-state", "done")
    await expect(await command(person, "/settings")).to_contain_text("Settings of this channel")
    await expect(await command(person, "/help")).to_contain_text("notebook")
    await expect(await command(person, "/memory 4g")).to_contain_text("4g")
    await expect(await command(person, "/effort high")).to_contain_text("high")
    await expect(await command(person, "/mode explicit")).to_have_attribute("data-state", "done")
    await expect(await command(person, "/model")).to_contain_text("model")
    await person.screenshot("real-cards")
    assert person.errors == []


async def test_files_without_a_word_and_the_question_after(
    browser: Browser, program: Program
) -> None:
    """A dropped file is taken with a light sign; the next question knows it."""
    person = await Person.visit(browser, program.url)
    await person.drop("sales.csv", SALES, "text/csv")
    await person.page.locator("#send").click()
    await expect(person.page.locator(".taken")).to_be_visible(timeout=20_000)
    await expect(person.page.locator("#typing")).to_be_hidden()

    answer = await person.ask("total revenue by region")

    await expect(answer.locator("table")).to_contain_text("15")
    await expect(person.page.locator(".message.bot")).to_have_count(1)


async def test_reset_ends_the_container(browser: Browser, program: Program) -> None:
    """The chip disappears, a line marks the place, and the files stay."""
    person, answer = await asked(browser, program)
    await expect(person.page.locator("#container")).to_contain_text("left")

    await answer.get_by_role("button", name="Reset").click()
    await person.page.locator("#confirm-yes").click()

    await expect(person.page.locator(".divider")).to_be_visible(timeout=20_000)
    await expect(person.page.locator("#container")).to_be_hidden()
    await person.page.locator("#show-files").click()
    await expect(person.page.locator("#panel li")).not_to_have_count(0)


async def test_a_thumb_and_the_end(browser: Browser, program: Program) -> None:
    """Feedback is remembered; Delete leaves nothing of the conversation on the page or in the
    blob folder."""
    person, answer = await asked(browser, program)
    before = await asyncio.to_thread(_blobs, program)
    await answer.get_by_role("button", name="Good answer").click()
    await expect(answer.get_by_label("Good answer")).to_have_attribute("aria-pressed", "true")
    address = person.page.url

    await person.page.locator("#more").click()
    await person.page.get_by_role("menuitem", name="Delete").click()
    await person.page.locator("#confirm-yes").click()

    await expect(person.page.locator("#toast")).to_contain_text("Erased for good", timeout=20_000)
    await expect(person.page.locator("#welcome")).to_be_visible()
    conversation = address.rpartition("/")[2]
    answered = await program.client.get(f"/api/conversations/{conversation}")
    assert answered.status_code == 404
    assert len(await asyncio.to_thread(_blobs, program)) < len(before)


async def test_deleting_takes_files_that_were_never_sent(
    browser: Browser, program: Program
) -> None:
    """An attached file is erased with its conversation, also where nothing was asked yet."""
    before = await asyncio.to_thread(_blobs, program)
    person = await Person.visit(browser, program.url)
    await person.drop("draft.csv", b"never sent\n", "text/csv")
    assert len(await asyncio.to_thread(_blobs, program)) == len(before) + 1

    await person.page.locator("#more").click()
    await person.page.get_by_role("menuitem", name="Delete").click()
    await person.page.locator("#confirm-yes").click()

    await expect(person.page.locator("#welcome")).to_be_visible()
    await expect(person.page.locator("#toast")).to_be_visible(timeout=20_000)
    assert await asyncio.to_thread(_blobs, program) == before


def _blobs(program: Program) -> list[Path]:
    return sorted(
        path for path in (program.data_dir / "blobs" / "threads").rglob("*") if path.is_file()
    )
