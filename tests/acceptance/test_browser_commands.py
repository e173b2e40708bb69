"""Commands on the page, in a real browser over a scripted core."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from bot.domain import (
    Action,
    Answer,
    ContainerState,
    IncomingMessage,
    Progress,
    WorkspaceFile,
    WorkspaceView,
)
from bot.ports import Choice, CommandResult
from tests.fakes.browser import Person, chromium, needs_chromium
from tests.fakes.core import FakeCore
from tests.fakes.web import WebSite, serve
from tests.fakes.web_scripts import SalesTurn, artifact

# One browser, and so one event loop, for all tests here; each person has a profile of their own.
pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

_NAMELESS = """() => [...document.querySelectorAll("button, a, input, textarea, [role=option]")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true }))
  .filter((element) => !(element.getAttribute("aria-label") || element.innerText.trim()))
  .map((element) => element.outerHTML)"""
STATUS = (
    "Container `cntr_1` (1g) is running; about **12 min** left while nobody asks.\n\n"
    "| | |\n|---|---|\n| files | 2 |\n| cost | $0.12 |\n"
)


class ActionsTurn(SalesTurn):
    """The sales answer with every button that an answer has."""

    async def __call__(
        self, core: FakeCore, message: IncomingMessage
    ) -> AsyncIterator[Progress | Answer]:
        async for item in super().__call__(core, message):
            if isinstance(item, Answer):
                actions = (
                    Action("code", "Code", item.turn_id),
                    Action("files", "Files"),
                    Action("notebook", "Notebook"),
                    Action("retry", "Retry"),
                    Action("reset", "Reset"),
                )
                item = replace(item, actions=actions)
            yield item


async def out_of_memory(
    core: FakeCore, message: IncomingMessage
) -> AsyncIterator[Progress | Answer]:
    """Fails, and offers the next tier."""
    yield Answer(
        f"turn-{message.id}-{core.attempts}",
        "The container ran out of memory (1g).",
        actions=(
            Action("files", "Files"),
            Action("retry", "Retry with 4g", "4g"),
            Action("retry", "Retry"),
        ),
        failed=True,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def browser(shared_browser: Browser) -> AsyncIterator[Browser]:
    yield shared_browser
    for profile in shared_browser.contexts:
        await profile.close()


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path) -> AsyncIterator[WebSite]:
    async with serve(tmp_path, ActionsTurn()) as running:
        yield running


def options(person: Person) -> Locator:
    """What the slash menu offers."""
    return person.page.locator("#slash [role=option]")


def card(person: Person, name: str) -> Locator:
    """The newest result of a command."""
    return person.page.locator(f".result[data-command={name}]").last


async def given(site: WebSite, count: int) -> list[tuple[str, str]]:
    """The first `count` commands that reached the core, with their arguments."""
    async with asyncio.timeout(10):
        while len(site.core.calls) < count:
            await asyncio.sleep(0.01)
    return [(name, arguments) for name, _, _, arguments in site.core.calls]


async def with_workspace(site: WebSite, person: Person) -> None:
    """A conversation with an answer and two files in its workspace."""
    site.core.workspace = WorkspaceView(ContainerState.EXPIRED, "c1", "1g", None, 2)
    await person.ask("total revenue by region")
    key = site.core.accepted[0].key
    site.core.in_workspace = [
        WorkspaceFile("sales.csv", "text/csv", 12_000, made_by_code=False, author_name="Ann"),
        WorkspaceFile("totals.csv", "text/csv", 90, made_by_code=True, versions=2),
    ]
    file = await artifact(site.core, key, "f1", "sales.csv", "text/csv", b"a,b\n")
    site.core.results["files"] = CommandResult("Here it is.", files=(file,))


class TestSlashMenu:
    async def test_runs_a_command_by_keyboard(self, site: WebSite, browser: Browser) -> None:
        """Slash opens the list, typing narrows it, Enter runs; the result is a card with a cross,
        and no message was sent."""
        site.core.results["status"] = CommandResult(STATUS)
        person = await Person.visit(browser, site.url)
        field = person.page.locator("#text")
        await field.press("/")
        await expect(options(person)).to_have_count(15)
        await expect(field).to_have_attribute("aria-activedescendant", "slash-0")
        await person.screenshot("slash")

        await field.press_sequentially("sta")
        await expect(options(person)).to_have_count(1)
        await field.press("Enter")

        await expect(card(person, "status")).to_contain_text("about 12 min left")
        await expect(field).to_have_value("")
        await expect(options(person)).to_have_count(0)
        await person.screenshot("result")
        await card(person, "status").get_by_label("Dismiss").click()
        await expect(person.page.locator(".result")).to_have_count(0)
        assert await given(site, 1) == [("status", "")]
        assert site.core.accepted == []
        assert person.errors == []

    async def test_completes_arguments_by_keyboard(self, site: WebSite, browser: Browser) -> None:
        """Tab takes the command, arrows choose among its values, Enter runs it with the value."""
        site.core.results["memory"] = CommandResult("The next container has **4g**.")
        person = await Person.visit(browser, site.url)
        field = person.page.locator("#text")
        await field.press_sequentially("/mem")
        await field.press("Tab")
        await expect(field).to_have_value("/memory ")
        await expect(options(person)).to_have_text(["1g", "4g", "16g", "64g"])
        await person.screenshot("slash-arguments")

        await field.press("ArrowDown")
        await field.press("Enter")

        await expect(card(person, "memory")).to_contain_text("4g")
        assert await given(site, 1) == [("memory", "4g")]

    async def test_completes_what_only_the_core_knows(
        self, site: WebSite, browser: Browser
    ) -> None:
        """Names of files are suggested while they are typed; a click takes one and runs."""
        site.core.choices["files"] = [Choice("f1", "sales.csv"), Choice("f2", "totals.csv")]
        site.core.results["files"] = CommandResult("Deleted.")
        person = await Person.visit(browser, site.url)
        field = person.page.locator("#text")
        await field.press_sequentially("/files delete tot")
        await expect(options(person)).to_have_text(["totals.csv"])

        await options(person).click()
        await person.page.locator("#confirm-yes").click()

        await expect(card(person, "files")).to_contain_text("Deleted.")
        assert await given(site, 1) == [("files", "delete f2")]

    async def test_stays_out_of_the_way(self, site: WebSite, browser: Browser) -> None:
        """Escape closes it; a message that only begins with a slash is a message."""
        person = await Person.visit(browser, site.url)
        field = person.page.locator("#text")
        await field.press("/")
        await field.press("Escape")
        await expect(options(person)).to_have_count(0)

        await field.fill("/mnt/data has what in it?")
        await expect(options(person)).to_have_count(0)
        await field.press("Enter")
        await person.answer()

        assert [message.text for message in site.core.accepted] == ["/mnt/data has what in it?"]
        assert site.core.calls == []

    async def test_reset_by_slash_asks_first(self, site: WebSite, browser: Browser) -> None:
        """What can't be taken back is asked about, however it was given."""
        person = await Person.visit(browser, site.url)
        await person.ask("something")
        await person.write("/reset everything")
        await expect(person.page.locator("#confirm")).to_contain_text("Its files go too.")

        await person.page.locator("#confirm-yes").click()

        await expect(person.page.locator("#toast")).to_have_text("The lab was reset.")
        await expect(person.page.locator(".divider")).to_be_visible()
        assert await given(site, 1) == [("reset", "everything")]


async def test_results_stay_where_they_were_given(tmp_path: Path, browser: Browser) -> None:
    """Cards keep their order and their place among the messages, also when all is drawn anew."""
    async with serve(tmp_path, ActionsTurn(), environ={"WEB_EVENT_BUFFER_BYTES": "1"}) as site:
        for name in ("status", "usage"):
            site.core.results[name] = CommandResult(f"This is {name}.")
        person = await Person.visit(browser, site.url)
        for line in ("/status", "/usage"):
            await person.write(line)
            await expect(card(person, line[1:])).to_have_attribute("data-state", "done")
        await person.ask("one")
        await person.write("/status")
        await expect(person.page.locator(".result[data-state=done]")).to_have_count(3)
        await person.ask("two")

        order = person.page.locator("#messages > li")
        await expect(order).to_have_count(7)
        kinds = [
            (await item.get_attribute("class") or "").split()[-1] for item in await order.all()
        ]
        assert kinds == ["result", "result", "person", "bot", "result", "person", "bot"]
        await expect(order.first).to_contain_text("This is status.")


class TestUnderAnAnswer:
    async def test_code_and_notebook(self, site: WebSite, browser: Browser) -> None:
        """Each button is its command: the code of this answer, the notebook as a download."""
        person = await Person.visit(browser, site.url)
        answer = await person.ask("total revenue by region")
        key = site.core.accepted[0].key
        site.core.results["code"] = CommandResult("```python\nprint(1)\n```")
        file = await artifact(site.core, key, "n1", "sales.ipynb", "application/json", b"{}")
        site.core.results["notebook"] = CommandResult("The thread as a notebook.", files=(file,))
        await person.screenshot("buttons")

        await answer.get_by_role("button", name="Code", exact=True).click()
        await expect(card(person, "code").locator("pre")).to_contain_text("print(1)")
        await answer.get_by_role("button", name="Notebook").click()
        name, content = await person.download(card(person, "notebook").locator("a.file"))

        assert (name, content) == ("sales.ipynb", b"{}")
        turn_id = await given(site, 2)
        assert turn_id[0] == ("code", f"turn-{site.core.accepted[0].id}-0")
        await person.screenshot("cards")

    async def test_older_answers_keep_their_code_button(
        self, site: WebSite, browser: Browser
    ) -> None:
        """Retry and Reset are about the last answer alone."""
        person = await Person.visit(browser, site.url)
        first = await person.ask("one")
        second = await person.ask("two")

        await expect(first.locator(".action:visible")).to_have_text(["Code"])
        await expect(second.locator(".action:visible")).to_have_count(5)

    async def test_a_thumb_is_remembered(self, site: WebSite, browser: Browser) -> None:
        """It reaches the core with the answer's turn, and stays pressed after a reload."""
        site.core.results["feedback"] = CommandResult("Thanks.")
        person = await Person.visit(browser, site.url)
        answer = await person.ask("one")

        await answer.get_by_role("button", name="Good answer").click()
        await expect(answer.get_by_label("Good answer")).to_have_attribute("aria-pressed", "true")
        await person.reload()

        answer = await person.answer()
        await expect(answer.get_by_label("Good answer")).to_have_attribute("aria-pressed", "true")
        await expect(answer.get_by_label("Bad answer")).to_have_attribute("aria-pressed", "false")
        turn_id = f"turn-{site.core.accepted[0].id}"
        assert await given(site, 1) == [("feedback", f"{turn_id} good")]

    async def test_a_failure_puts_retry_first(self, tmp_path: Path, browser: Browser) -> None:
        """Retry comes first, the best way to try again stands out, with its arguments."""
        async with serve(tmp_path, out_of_memory) as site:
            person = await Person.visit(browser, site.url)
            answer = await person.ask("too much")
            await expect(answer.locator(".action")).to_have_text(
                ["Retry with 4g", "Retry", "Files"]
            )
            await expect(answer.locator(".primary")).to_have_text("Retry with 4g")
            await person.screenshot("out-of-memory")

            await answer.get_by_role("button", name="Retry with 4g").click()

            assert await given(site, 1) == [("retry", "4g")]
            await person.answer(1)


class TestFilesPanel:
    async def test_lists_gets_and_deletes(self, site: WebSite, browser: Browser) -> None:
        """Names with who brought them; one is downloaded, one is deleted after a question."""
        person = await Person.visit(browser, site.url)
        await with_workspace(site, person)
        panel = person.page.locator("#panel")

        await person.page.locator("#show-files").click()
        await expect(panel.locator("li")).to_have_count(2)
        await expect(panel.locator("li").first).to_contain_text("12 kB · from Ann")
        await person.screenshot("files")
        name, content = await person.download(panel.get_by_label("Download sales.csv"))
        site.core.results["files"] = CommandResult("totals.csv is deleted.")
        del site.core.in_workspace[1]
        await panel.get_by_label("Delete totals.csv").click()
        await person.page.locator("#confirm-yes").click()

        await expect(panel.locator("#panel-note")).to_have_text("totals.csv is deleted.")
        await expect(panel.locator("li")).to_have_count(1)
        assert (name, content) == ("sales.csv", b"a,b\n")
        assert await given(site, 2) == [("files", "get sales.csv"), ("files", "delete totals.csv")]
        await person.page.keyboard.press("Escape")
        await expect(panel).to_be_hidden()
        assert person.errors == []

    async def test_asks_before_a_written_command_deletes(
        self, site: WebSite, browser: Browser
    ) -> None:
        """Written or pressed, a file is deleted only after the same question."""
        person = await Person.visit(browser, site.url)
        await with_workspace(site, person)
        site.core.results["files"] = CommandResult("totals.csv is deleted.")
        field = person.page.locator("#text")
        await field.fill("/files delete totals.csv")
        await field.press("Escape")
        await field.press("Enter")
        await expect(person.page.locator("#confirm-title")).to_have_text("Delete totals.csv?")
        assert site.core.calls == []

        await person.page.locator("#confirm-yes").click()

        await expect(card(person, "files")).to_contain_text("totals.csv is deleted.")
        assert await given(site, 1) == [("files", "delete totals.csv")]

    async def test_gives_all_as_a_zip(self, site: WebSite, browser: Browser) -> None:
        """One button brings everything; a refusal is a sentence in the panel."""
        person = await Person.visit(browser, site.url)
        await with_workspace(site, person)
        panel = person.page.locator("#panel")
        await person.page.locator("#show-files").click()

        name, _ = await person.download(panel.locator("#panel-all"))
        site.core.results["files"] = CommandResult("Together they are too large.", ok=False)
        await panel.locator("#panel-all").click()

        await expect(panel.locator("#panel-note")).to_have_text("Together they are too large.")
        assert name == "sales.csv"
        assert (await given(site, 2))[0] == ("files", "zip")

    async def test_finds_one_among_many(self, site: WebSite, browser: Browser) -> None:
        """A long list has a field that narrows it by name."""
        person = await Person.visit(browser, site.url)
        await with_workspace(site, person)
        site.core.in_workspace = [
            WorkspaceFile(f"part-{n}.csv", "text/csv", n, made_by_code=True) for n in range(40)
        ]
        await person.page.locator("#show-files").click()
        await expect(person.page.locator("#panel li")).to_have_count(40)
        await person.screenshot("many-files")

        await person.page.locator("#panel-search").fill("PART-17")

        await expect(person.page.locator("#panel li .file-name")).to_have_text(["part-17.csv"])

    async def test_opens_from_the_answer(self, site: WebSite, browser: Browser) -> None:
        """The Files button of an answer is the panel; an empty workspace says so."""
        person = await Person.visit(browser, site.url)
        answer = await person.ask("one")

        await answer.get_by_role("button", name="Files").click()

        await expect(person.page.locator("#panel-note")).to_contain_text("No files yet.")
        await expect(person.page.locator("#panel-all")).to_be_disabled()


class TestMenu:
    async def test_chooses_a_tier(self, site: WebSite, browser: Browser) -> None:
        """Memory offers its tiers; the one that is chosen goes to the core."""
        site.core.results["memory"] = CommandResult("The next container has 16g.")
        person = await Person.visit(browser, site.url)
        await person.ask("one")
        await person.page.locator("#more").click()
        await person.screenshot("menu")

        await person.page.get_by_role("menuitem", name="Memory").click()
        await person.screenshot("chooser")
        await person.page.locator("#chooser").get_by_role("button", name="16g").click()

        await expect(card(person, "memory")).to_contain_text("16g")
        assert await given(site, 1) == [("memory", "16g")]

    async def test_works_by_keyboard(self, site: WebSite, browser: Browser) -> None:
        """Arrows move through it, Escape closes it and gives the focus back."""
        site.core.results["usage"] = CommandResult("1,000 tokens.")
        person = await Person.visit(browser, site.url)
        await person.ask("one")
        button = person.page.locator("#more")
        await button.press("Enter")
        await expect(person.page.get_by_role("menuitem", name="Rename")).to_be_focused()

        await person.page.keyboard.press("ArrowUp")
        await expect(person.page.get_by_role("menuitem", name="Delete")).to_be_focused()
        await person.page.keyboard.press("Escape")
        await expect(button).to_be_focused()
        await expect(person.page.locator("#more-menu")).to_be_hidden()
        await button.press("Enter")
        await person.page.get_by_role("menuitem", name="Usage").press("Enter")

        await expect(card(person, "usage")).to_contain_text("1,000 tokens.")

    async def test_renames(self, site: WebSite, browser: Browser) -> None:
        """The title changes everywhere; Cancel changes nothing."""
        person = await Person.visit(browser, site.url)
        await person.ask("one")
        for button, expected in (("Cancel", "one"), ("Rename", "Sales 2026")):
            await person.page.locator("#more").click()
            await person.page.get_by_role("menuitem", name="Rename").click()
            await person.page.locator("#rename-title").fill("Sales 2026")
            await person.page.locator("#rename").get_by_role("button", name=button).click()
            await expect(person.page.locator("#title")).to_have_text(expected)

    async def test_deletes_the_conversation_in_every_tab(
        self, site: WebSite, browser: Browser
    ) -> None:
        """After a question it is erased; tabs that showed it are on the first screen, no list has
        it, and its address leads nowhere."""
        person = await Person.visit(browser, site.url)
        await person.ask("a secret")
        address = person.page.url
        other = await person.another_tab()
        await other.answer()
        await other.page.locator("#text").fill("half a secret")

        await person.page.locator("#more").click()
        await person.page.get_by_role("menuitem", name="Delete").click()
        await person.screenshot("delete")
        await person.page.locator("#confirm-yes").click()

        for tab in (person, other):
            await expect(tab.page.locator("#welcome")).to_be_visible()
            await expect(tab.page.locator("#conversations li")).to_have_count(0)
        drafts = await other.page.evaluate("JSON.stringify(sessionStorage)")
        assert "half a secret" not in drafts
        await expect(other.page.locator("#toast")).to_have_text(
            "This conversation was deleted elsewhere."
        )
        await expect(person.page.locator("#toast")).to_have_text("The thread is erased.")
        assert await given(site, 1) == [("forget", "yes")]
        await person.page.goto(address)
        await person.ready()
        await expect(person.page.locator("#welcome")).to_be_visible()

    async def test_asking_again_brings_the_end_into_view(
        self, site: WebSite, browser: Browser
    ) -> None:
        """The new answer comes without a new question, so the view goes where it appears."""
        site.core.results["retry"] = CommandResult("Asking again.")
        site.core.results["status"] = CommandResult("\n\n".join(["A tall card."] * 40))
        person = await Person.visit(browser, site.url, height=500)
        await person.ask("total")
        await person.write("/status")
        await expect(card(person, "status")).to_contain_text("A tall card.")
        await expect(person.page.locator("#latest")).to_be_visible()

        await person.write("/retry")

        await expect(person.page.locator("#toast")).to_have_text("Asking again.")
        await expect(person.page.locator("#latest")).to_be_hidden()

    async def test_the_containers_chip_tells_its_status(
        self, site: WebSite, browser: Browser
    ) -> None:
        """A click on the chip is the command `status`."""
        site.core.results["status"] = CommandResult(STATUS)
        person = await Person.visit(browser, site.url)
        await with_workspace(site, person)

        await person.page.locator("#container").click()

        await expect(card(person, "status")).to_contain_text("$0.12")


async def test_files_without_a_word_are_taken(site: WebSite, browser: Browser) -> None:
    """A light sign under the message, no answer, and nothing that looks like waiting."""
    site.core.answers = False
    person = await Person.visit(browser, site.url)
    await person.drop("sales.csv", b"a,b\n")
    await person.page.locator("#send").click()
    await expect(person.page.locator("#typing")).to_be_visible()

    await site.platform.taken(site.core.accepted[0])

    await expect(person.page.locator(".taken")).to_contain_text("In the workspace.")
    await expect(person.page.locator("#typing")).to_be_hidden()
    await expect(person.page.locator("#stop")).to_be_hidden()
    await person.screenshot("taken")
    await person.reload()
    await expect(person.page.locator(".taken")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_fits_a_phone(site: WebSite, browser: Browser, scheme: str) -> None:
    """Menu, slash menu, cards and panel stay within a phone's width."""
    site.core.results["status"] = CommandResult(STATUS)
    colours: Literal["light", "dark"] = "dark" if scheme == "dark" else "light"
    person = await Person.visit(browser, site.url, width=390, height=800, scheme=colours)
    await with_workspace(site, person)
    await person.write("/status")
    await expect(card(person, "status")).to_contain_text("12 min")
    await person.screenshot(f"phone-card-{scheme}")
    await person.page.locator("#text").press("/")
    await person.screenshot(f"phone-slash-{scheme}")
    await person.page.locator("#text").fill("")
    await person.page.locator("#more").click()
    await person.screenshot(f"phone-menu-{scheme}")
    await person.page.keyboard.press("Escape")
    await person.page.locator("#show-files").click()
    await expect(person.page.locator("#panel li")).to_have_count(2)
    await person.screenshot(f"phone-files-{scheme}")

    assert await person.page.evaluate("document.documentElement.scrollWidth") == 390
    assert await person.page.evaluate(_NAMELESS) == []
    box = await person.page.locator("#panel").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert person.errors == []
