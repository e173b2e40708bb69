"""The page in a real browser, over a scripted core."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect

from bot.domain import Answer, ContainerState, IncomingMessage, Progress, WorkspaceView
from tests.fakes.browser import Person, chromium, needs_chromium
from tests.fakes.core import FakeCore
from tests.fakes.web import WebSite, echo, serve
from tests.fakes.web_scripts import ManyRuns, SalesTurn, chart, failing

# One browser, and so one event loop, for all tests here; each person has a profile of their own.
pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

_CSV = b"date,region,revenue\n2026-01-01,North,10\n"
_ATTACKS = """<script>window.hacked = 1</script>
<img src=x onerror="window.hacked = 2">
[press me](javascript:window.hacked=3) [data](data:text/html,<script>window.hacked=4</script>)
![x](https://evil.example/spy.png)
<details open ontoggle="window.hacked=5">x</details>
```html
<img src=x onerror="window.hacked = 6">
```
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def browser(shared_browser: Browser) -> AsyncIterator[Browser]:
    yield shared_browser
    for profile in shared_browser.contexts:
        await profile.close()


@pytest.fixture
def turn() -> SalesTurn:
    return SalesTurn()


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path, turn: SalesTurn) -> AsyncIterator[WebSite]:
    async with serve(tmp_path, turn) as running:
        yield running


class TestAsking:
    async def test_a_dropped_spreadsheet_becomes_numbers_a_chart_and_a_file(
        self, site: WebSite, browser: Browser
    ) -> None:
        """Drop, ask, and get everything back, without an error of the page."""
        person = await Person.visit(browser, site.url)
        await person.drop("sales.csv", _CSV, "text/csv")

        answer = await person.ask("total revenue by region and a bar chart")

        await expect(answer.locator("table")).to_contain_text("182,400.50")
        await expect(answer.locator("figure img")).to_have_js_property("naturalWidth", 770)
        name, content = await person.download(answer.locator(".file"))
        assert (name, content[:6]) == ("totals.csv", b"region")
        assert site.core.accepted[0].attachments[0].name == "sales.csv"
        assert person.page.url.endswith(f"/c/{site.core.accepted[0].key.thread}")
        await person.screenshot("answer")
        assert person.errors == []

    async def test_shows_code_while_it_runs_and_folds_it_afterwards(
        self, site: WebSite, turn: SalesTurn, browser: Browser
    ) -> None:
        """The person sees what is being run; later it is there on demand, with its logs."""
        turn.go_on.clear()
        person = await Person.visit(browser, site.url)
        await person.write("total revenue by region")
        run = person.page.locator(".run")

        await expect(run).to_have_attribute("data-state", "running")
        await expect(person.page.locator(".status")).to_contain_text("running Python…")
        await expect(run.locator("pre.code")).to_be_visible()
        await expect(person.page.locator("#stop")).to_be_visible()
        await person.screenshot("running")
        turn.go_on.set()
        await person.answer()

        await expect(run.locator("pre.code")).to_be_hidden()
        await run.locator("summary").click()
        await expect(run.locator("pre.logs")).to_contain_text("North    182400.50")
        await expect(person.page.locator("#stop")).to_be_hidden()

    async def test_keeps_the_question_in_view_and_offers_the_end(
        self, site: WebSite, browser: Browser
    ) -> None:
        """Each question comes to the top, its answer begins below; a button jumps to the end."""
        person = await Person.visit(browser, site.url, height=500)
        for number, question in enumerate(("the first question", "the second question")):
            answer = await person.ask(question)
            bubble = person.page.locator(".bubble").nth(number)

            await expect(bubble).to_be_in_viewport()
            await expect(answer.locator("table")).to_be_in_viewport()
            await expect(answer.locator(".file")).not_to_be_in_viewport()
        await person.screenshot("question-in-view")
        await person.reload()
        await expect(bubble).to_be_in_viewport()

        await person.page.locator("#latest").click()

        await expect(answer.locator(".file")).to_be_in_viewport()
        await expect(person.page.locator("#latest")).to_be_hidden()

    async def test_folds_many_runs_into_one_line(self, tmp_path: Path, browser: Browser) -> None:
        """More than two runs are one line that opens to the list; the one at work is visible."""
        turn = ManyRuns()
        async with serve(tmp_path, turn) as site:
            person = await Person.visit(browser, site.url)
            await person.write("total revenue by region")
            group = person.page.locator(".run-group")
            await expect(person.page.locator(".run[data-state=running]")).to_be_visible()
            await expect(group).to_contain_text("Ran Python 3 times")
            turn.go_on.set()
            answer = await person.answer()

            await expect(group).to_contain_text("Ran Python 4 times, 1 with an error")
            await expect(answer.locator(".run").first).to_be_hidden()
            await person.screenshot("many-runs")
            runs = await person.open_runs(answer)

            assert len(runs) == 4
            await expect(runs[2]).to_contain_text("Python, with an error")
            await person.screenshot("many-runs-open")
            assert person.errors == []

    async def test_starts_with_one_click_on_the_sample(
        self, site: WebSite, browser: Browser
    ) -> None:
        """The first screen has a spreadsheet and a question at hand."""
        person = await Person.visit(browser, site.url)
        welcome = person.page.locator("#welcome")
        await expect(welcome).to_contain_text("There is no language model here")
        await person.screenshot("welcome")
        await person.page.locator("#understands").click()
        await expect(person.page.locator("#abilities")).to_contain_text("Equations")
        await person.screenshot("abilities")
        await person.page.get_by_role("button", name="Close").click()

        await person.page.locator("#try-sample").click()
        await person.answer()

        (message,) = site.core.accepted
        assert message.attachments[0].name == "sample-sales.csv"
        assert "revenue" in message.text
        await expect(person.page.locator("#welcome")).to_be_hidden()
        await person.page.locator("#hint button").click()
        await expect(person.page.locator("#abilities")).to_be_visible()

    async def test_takes_pasted_images_and_shows_them(
        self, site: WebSite, browser: Browser
    ) -> None:
        """A screenshot pasted into the composer goes along, with a picture in the bubble."""
        person = await Person.visit(browser, site.url)
        await person.paste("image.png", chart(), "image/png")

        await person.ask("what is this?")

        assert site.core.accepted[0].attachments[0].name.startswith("pasted-")
        thumbnail = person.page.locator(".thumbnail img")
        await expect(thumbnail).to_have_js_property("naturalWidth", 770)
        await thumbnail.click()
        await expect(person.page.locator("#lightbox")).to_be_visible()

    async def test_sends_with_enter_and_breaks_lines_with_shift(
        self, site: WebSite, browser: Browser
    ) -> None:
        """Enter sends; Shift+Enter makes a new line."""
        person = await Person.visit(browser, site.url)
        field = person.page.locator("#text")
        await field.type("one")
        await field.press("Shift+Enter")
        await field.type("two")
        await field.press("Enter")
        await person.answer()

        assert site.core.accepted[0].text == "one\ntwo"
        await expect(field).to_have_value("")

    async def test_shows_sent_code_as_code_and_shrinks_the_field_again(
        self, site: WebSite, browser: Browser
    ) -> None:
        """Fences are not shown; what is around them is text; the field is one line high again."""
        person = await Person.visit(browser, site.url)
        field = person.page.locator("#text")
        height = await field.evaluate("field => field.offsetHeight")

        await person.ask("run this:\n```python\nx = 1\n\nprint(x)\n```\nand <b>explain</b>")

        bubble = person.page.locator(".bubble")
        assert await bubble.locator("pre").inner_text() == "x = 1\n\nprint(x)"
        await expect(bubble).to_contain_text("and <b>explain</b>")
        assert "```" not in await bubble.inner_text()
        assert await field.evaluate("field => field.offsetHeight") == height
        await person.screenshot("sent-code")

    async def test_refuses_a_pasted_text_that_is_too_long(
        self, tmp_path: Path, browser: Browser
    ) -> None:
        """Half a text is worse than none: nothing is put in, and a sentence says why."""
        async with serve(tmp_path, environ={"WEB_TEXT_LIMIT_CHARS": "10"}) as site:
            person = await Person.visit(browser, site.url)
            await person.page.evaluate("navigator.clipboard.writeText('twelve chars')")

            await person.page.locator("#text").press("Control+v")

            await expect(person.page.locator("#toast")).to_contain_text("at most 10 characters")
            await expect(person.page.locator("#text")).to_have_value("")


class TestFiles:
    async def test_too_large_are_refused_before_they_travel(
        self, tmp_path: Path, browser: Browser
    ) -> None:
        """A file past the limit is a sentence at once."""
        async with serve(tmp_path, attachment_limit_bytes=1000) as site:
            person = await Person.visit(browser, site.url)
            await person.page.set_input_files(
                "#files", {"name": "big.bin", "mimeType": "x/y", "buffer": b"x" * 2000}
            )

            await expect(person.page.locator("#toast")).to_contain_text("big.bin is larger than")
            assert await person.page.locator(".upload").count() == 0

    async def test_can_be_removed_before_sending(self, site: WebSite, browser: Browser) -> None:
        """A removed file is not part of the message; an empty one is pointed out."""
        person = await Person.visit(browser, site.url)
        await person.drop("wrong.csv", _CSV)
        await person.drop("empty.csv", b"")
        await expect(person.page.locator(".upload").nth(1)).to_contain_text("empty")

        await person.page.get_by_label("Remove wrong.csv").click()
        await person.ask("and this?")

        assert [a.name for a in site.core.accepted[0].attachments] == ["empty.csv"]

    async def test_still_on_their_way_hold_the_message_back(
        self, site: WebSite, browser: Browser
    ) -> None:
        """Enter during an upload sends once the file has arrived, together with it."""
        person = await Person.visit(browser, site.url)
        go_on = asyncio.Event()

        async def slowly(route: Route) -> None:
            await go_on.wait()
            await route.continue_()

        await person.page.route("**/files?name=*", slowly)
        await person.page.set_input_files(
            "#files", {"name": "slow.csv", "mimeType": "text/csv", "buffer": _CSV}
        )
        await person.write("total revenue?")
        await expect(person.page.locator("#toast")).to_contain_text("as soon as its files")
        assert site.core.accepted == []
        go_on.set()
        await person.answer()

        (message,) = site.core.accepted
        assert (message.text, message.attachments[0].name) == ("total revenue?", "slow.csv")

    async def test_are_invited_while_held_over_the_page(
        self, site: WebSite, browser: Browser
    ) -> None:
        """Dragging a file over the page shows where it may fall."""
        person = await Person.visit(browser, site.url)

        await person.drag_over()

        await expect(person.page.locator("#dropzone")).to_be_visible()
        await person.screenshot("drag")


class TestStayingInStep:
    async def test_a_reload_keeps_everything(self, site: WebSite, browser: Browser) -> None:
        """Messages, answers, drafts and uploaded files are there after a reload."""
        person = await Person.visit(browser, site.url)
        await person.ask("total revenue by region")
        await person.drop("next.csv", _CSV)
        await person.page.locator("#text").fill("a half-written question")

        await person.reload()

        answer = await person.answer()
        await expect(answer.locator("figure img")).to_be_visible()
        await expect(person.page.locator("#text")).to_have_value("a half-written question")
        await expect(person.page.locator(".upload.ready")).to_contain_text("next.csv")
        await expect(person.page.locator("#conversations li")).to_have_count(1)

    async def test_a_reload_in_the_middle_goes_on(
        self, site: WebSite, turn: SalesTurn, browser: Browser
    ) -> None:
        """A running answer is picked up by a page opened meanwhile."""
        turn.go_on.clear()
        person = await Person.visit(browser, site.url)
        await person.write("total revenue by region")
        await person.page.locator(".run[data-state=running]").wait_for()

        await person.reload()
        await expect(person.page.locator(".run")).to_have_attribute("data-state", "running")
        turn.go_on.set()

        await expect(await person.answer()).to_contain_text("182,400.50")
        await expect(person.page.locator(".message")).to_have_count(2)

    async def test_two_tabs_show_the_same(self, site: WebSite, browser: Browser) -> None:
        """What one tab asks, the other one sees, with its answer and its place in the list."""
        first = await Person.visit(browser, site.url)
        await first.ask("the first question")
        second = await first.another_tab()
        await second.answer()

        await second.ask("asked in the second tab")

        await expect(first.page.locator(".bubble").nth(1)).to_have_text("asked in the second tab")
        await expect(await first.answer(1)).to_contain_text("182,400.50")

    async def test_a_new_conversation_appears_in_every_tab(
        self, site: WebSite, browser: Browser
    ) -> None:
        """The list is one; a renamed conversation is renamed everywhere."""
        first = await Person.visit(browser, site.url)
        second = await first.another_tab()

        await first.ask("sales of the year")
        await expect(second.page.locator("#conversations a")).to_have_text("sales of the year")
        await second.page.locator("#conversations li").hover()
        await second.page.locator(".rename").click()
        await second.page.locator("#conversations input").fill("Sales 2026")
        await second.page.locator("#conversations input").press("Enter")

        await expect(first.page.locator("#title")).to_have_text("Sales 2026")

    async def test_switching_keeps_conversations_apart(
        self, site: WebSite, browser: Browser
    ) -> None:
        """Each conversation shows its own messages; the browser's Back works."""
        person = await Person.visit(browser, site.url)
        await person.ask("first conversation")
        await person.page.locator("#new").click()
        await expect(person.page.locator("#welcome")).to_be_visible()
        await person.ask("second conversation")

        await expect(person.page.locator(".bubble")).to_have_text(["second conversation"])
        await person.page.locator("#conversations a").nth(1).click()
        await expect(person.page.locator(".bubble")).to_have_text(["first conversation"])
        await person.page.go_back()
        await expect(person.page.locator(".bubble")).to_have_text(["second conversation"])


class TestButtons:
    async def test_stop_ends_the_answer_and_keeps_what_there_is(
        self, site: WebSite, turn: SalesTurn, browser: Browser
    ) -> None:
        """Stop is a command of the core; the partial answer stays, marked."""
        turn.go_on.clear()
        person = await Person.visit(browser, site.url)
        await person.write("total revenue by region")
        await person.page.locator(".run[data-state=running]").wait_for()

        await person.page.locator("#stop").click()

        answer = await person.answer()
        await expect(answer).to_contain_text("Stopped.")
        await expect(answer.locator(".run")).to_have_attribute("data-state", "stopped")
        assert [name for name, _ in site.core.commands] == ["stop"]

    async def test_retry_asks_again_after_a_failure(self, tmp_path: Path, browser: Browser) -> None:
        """A failed answer looks like one, and has a button that tries again."""
        async with serve(tmp_path, failing) as site:
            person = await Person.visit(browser, site.url)
            answer = await person.ask("something")
            await expect(answer).to_have_class("message bot failed")
            await person.screenshot("failed")

            await answer.get_by_role("button", name="Retry").click()

            await expect(await person.answer(1)).to_contain_text("Now it worked: 42.")

    async def test_reset_asks_first(self, site: WebSite, browser: Browser) -> None:
        """The container's chip counts down; Reset ends it, after a question."""
        site.core.workspace = WorkspaceView(
            ContainerState.RUNNING, "c1", "1g", datetime.now(UTC) + timedelta(minutes=10), 2
        )
        person = await Person.visit(browser, site.url)
        await person.ask("something")
        await expect(person.page.locator("#container")).to_contain_text("9:")

        await person.page.locator("#reset").click()
        await person.page.get_by_role("button", name="Cancel").click()
        assert site.core.commands == []
        await person.page.locator("#reset").click()
        await person.page.locator("#confirm-yes").click()

        await expect(person.page.locator("#toast")).to_have_text("The lab was reset.")
        await expect(person.page.locator("#container")).to_be_hidden()
        assert [name for name, _ in site.core.commands] == ["reset"]
        await person.reload()
        await expect(person.page.locator(".divider")).to_contain_text("before this is forgotten")
        await person.screenshot("reset")
        await person.page.locator("#new").click()
        await expect(person.page.locator("#toast")).to_be_hidden()


async def _attack(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    """A script whose status, code, logs, text and notes are all hostile."""
    async for item in echo(core, message):
        yield (
            Progress(status=_ATTACKS, text=_ATTACKS)
            if isinstance(item, Progress)
            else Answer(item.turn_id, _ATTACKS, notes=(_ATTACKS,))
        )


async def test_hostile_text_does_nothing(tmp_path: Path, browser: Browser) -> None:
    """Scripts, handlers and addresses in messages, answers, names and titles stay text."""
    async with serve(tmp_path, _attack) as site:
        person = await Person.visit(browser, site.url)
        requests: list[str] = []
        person.page.on("request", lambda request: requests.append(request.url))
        await person.drop("<img src=x onerror=window.hacked=7>.csv", _CSV)

        answer = await person.ask(_ATTACKS)

        assert await person.page.evaluate("window.hacked") is None
        assert await answer.locator(".prose a, .prose img, .prose details").count() == 0
        assert [url for url in requests if not url.startswith((site.url, "data:"))] == []
        assert person.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_fits_a_phone(site: WebSite, browser: Browser, scheme: str) -> None:
    """On a phone nothing sticks out to the side, the empty field is one line high, and the list is
    behind a button."""
    person = await Person.visit(
        browser, site.url, width=390, height=800, scheme="dark" if scheme == "dark" else "light"
    )
    await person.ask("total revenue by region and a bar chart")
    await person.screenshot(f"phone-{scheme}")

    width = await person.page.evaluate("document.documentElement.scrollWidth")
    await expect(person.page.locator("#sidebar")).to_be_hidden()
    await person.page.locator("#menu").click()

    field_height = await person.page.locator("#text").evaluate("field => field.offsetHeight")
    assert field_height < 50
    assert width == 390
    await expect(person.page.locator("#conversations a")).to_be_visible()


async def test_says_when_the_connection_is_lost_and_comes_back(
    tmp_path: Path, browser: Browser
) -> None:
    """When Threadlab stops, the page says so; when it is back, so is the page."""
    async with serve(tmp_path) as site:
        person = await Person.visit(browser, site.url)
        await person.ask("hello")
        port = site.url.rpartition(":")[2]
    await expect(person.page.locator("#offline")).to_be_visible()

    async with serve(tmp_path, environ={"WEB_PORT": port}) as again:
        await expect(person.page.locator("#offline")).to_be_hidden(timeout=20_000)
        await person.ask("are you back?")
        assert again.core.accepted[-1].text == "are you back?"


async def test_logs_in_with_the_token(tmp_path: Path, browser: Browser) -> None:
    """A wrong token is said to be wrong; the right one opens the page, and no address shows it."""
    async with serve(tmp_path, environ={"WEB_TOKEN": "correct horse"}) as site:
        page = await (await browser.new_context()).new_page()
        await page.goto(site.url)

        await page.get_by_label("Token").fill("wrong")
        await page.get_by_role("button", name="Open").click()
        await expect(page.locator(".wrong")).to_have_text("That token is not right.")
        await page.get_by_label("Token").fill("correct horse")
        await page.get_by_role("button", name="Open").click()

        await expect(page.locator("#welcome")).to_be_visible()
        assert page.url == f"{site.url}/"


async def test_a_page_whose_token_no_longer_holds_asks_for_it(
    tmp_path: Path, browser: Browser
) -> None:
    """It does not try for ever to get its connection back: the form for the token comes up."""
    async with serve(tmp_path, environ={"WEB_TOKEN": "correct horse"}) as site:
        page = await (await browser.new_context()).new_page()
        await page.goto(site.url)
        await page.get_by_label("Token").fill("correct horse")
        await page.get_by_role("button", name="Open").click()
        await page.locator("body[data-ready]").wait_for()

        await page.context.clear_cookies()
        await page.locator("#new").click()

        await expect(page.get_by_label("Token")).to_be_visible()
