"""The whole bot on Slack, with its embedded engine: files in, numbers, charts and files back."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import openpyxl
import pytest
import pytest_asyncio
from PIL import Image

from tests.fakes.engine_process import KEY, engine_process
from tests.fakes.program import COMMAND, environment
from tests.fakes.slack import FakeSlack, Person
from tests.fakes.slack_driver import loopback, over_http, whole_bot
from tests.fakes.slack_thread import ENDLESS, SECONDS, answers, running, shared, typed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

EMBEDDED = {"ENGINE": "embedded"}
STARTING = ("auth.test", "apps.connections.open")
ROWS = [("North", 120), ("South", 80), ("North", 30), ("East", 55)]
CSV = b"region,revenue\n" + b"".join(f"{region},{n}\n".encode() for region, n in ROWS)


def book() -> bytes:
    """The sales as a workbook."""
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in [("region", "revenue"), *ROWS]:
        sheet.append(row)
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeSlack]:
    async with loopback() as fake, whole_bot(fake, tmp_path_factory.mktemp("bot")):
        yield fake
        assert not fake.violations, fake.violations


@pytest.fixture
def ann(slack: FakeSlack) -> Person:
    person = slack.person("U1", "Ann")
    slack.channel("C1", "general", members=[person])
    return person


async def test_a_workbook_becomes_a_chart(slack: FakeSlack, ann: Person) -> None:
    """A mention with a workbook in a channel: totals and a chart in the thread, for few calls;
    then a follow-up without a mention."""
    before = len([r for r in slack.requests if r.method not in STARTING])
    asked = await ann.say(
        "C1",
        "total revenue by region and a bar chart",
        mention=True,
        files={"sales.xlsx": book()},
    )
    (answer,) = await answers(slack, asked)

    shown = str(answer.pieces) + answer.text
    assert "150" in shown
    assert "North" in shown
    assert answer.thread_ts == asked.ts
    assert {"Files", "Retry", "Reset"} <= set(answer.buttons)
    with Image.open(io.BytesIO(await shared(slack, asked, ".png"))) as chart:
        assert min(chart.size) > 300
    calls = [r.method for r in slack.requests if r.method not in STARTING][before:]
    assert len(calls) <= 8, calls

    await ann.say("C1", "which region has the most revenue?", thread_ts=asked.ts)
    _, follow_up = await answers(slack, asked, 2)

    assert "North" in follow_up.text


async def test_files_may_come_before_the_question(slack: FakeSlack, ann: Person) -> None:
    """Under a file dropped without a question stands where to ask about it; there, it is there."""
    dropped = await ann.dm(files={"sales.csv": CSV})
    (said,) = await answers(slack, dropped)
    assert "Ask about it here" in said.text

    await ann.dm("what is the total revenue?", thread_ts=dropped.ts)
    _said, answer = await answers(slack, dropped, 2)

    assert "285" in answer.text


async def test_a_direct_message_is_answered(slack: FakeSlack, ann: Person) -> None:
    """In the messages tab of the agent a question needs no mention; a short answer is cheap."""
    before = len(slack.requests)
    asked = await ann.dm("what is 15 * 12?")
    (answer,) = await answers(slack, asked)

    assert "180" in answer.text
    assert len(slack.requests) - before <= 4, [r.method for r in slack.requests[before:]]


async def test_stop_in_mid_code(slack: FakeSlack, ann: Person) -> None:
    """Slack's own Stop ends code that would run for ever; the thread goes on after."""
    asked = await ann.say("C1", ENDLESS, mention=True)

    await running(slack, asked)
    await ann.stop("C1", asked.ts)
    (stopped,) = await answers(slack, asked)
    assert "Stopped" in stopped.text

    await ann.say("C1", "what is 2 + 2?", thread_ts=asked.ts, mention=True)
    _, answer = await answers(slack, asked, 2)
    assert "4" in answer.text


async def test_buttons_and_mentions_give_commands(slack: FakeSlack, ann: Person) -> None:
    """Under an answer by button, in its thread by mention."""
    asked = await ann.say("C1", "what is 3 * 4?", mention=True)
    (answer,) = await answers(slack, asked)

    told = len(slack.ephemerals("U1"))
    await ann.click(answer, "Files")
    await slack.until(lambda: len(slack.ephemerals("U1")) == told + 1, timeout_seconds=SECONDS)
    await ann.say("C1", "status", mention=True, thread_ts=asked.ts)
    await slack.until(lambda: len(slack.ephemerals("U1")) == told + 2, timeout_seconds=SECONDS)
    await ann.click(answer, "Reset")
    await slack.until(
        lambda: any("forgotten" in m.text for m in slack.answers("C1", asked.ts)),
        timeout_seconds=SECONDS,
    )

    files, status = slack.ephemerals("U1")[-2:]
    assert "No files yet" in files.text
    assert "Python" in status.text


async def test_the_home_shows_what_was_used(slack: FakeSlack, ann: Person) -> None:
    """The home lists one's threads with their containers, and what the workspace has used."""
    asked = await ann.say("C1", "what is 6 * 7?", mention=True)
    await answers(slack, asked)

    await ann.open_home()
    await slack.until(lambda: "U1" in slack.homes, timeout_seconds=SECONDS)

    shown = slack.render_view(ann.home())
    assert "what is 6 * 7?" in shown
    assert "All channels" in shown
    assert "This channel" not in shown
    assert re.search(r"today: [1-9][0-9]* answer", shown), shown


async def test_suggested_prompts_are_answered(slack: FakeSlack, ann: Person) -> None:
    """Slack sends a prompt at once when it is pressed, without a file: each is of use so."""
    await ann.open_home("messages")
    session = slack.sessions_of("D1", None)
    await slack.until(lambda: session.prompts, timeout_seconds=SECONDS)

    for prompt in session.prompts:
        asked = await ann.dm(prompt["message"])
        if prompt["message"] != "help":
            (answer,) = await answers(slack, asked)
            assert "could not" not in answer.text, answer.text
            assert "Retry" in answer.buttons


async def test_feedback_is_counted(slack: FakeSlack, ann: Person) -> None:
    """A thumb under an answer is thanked for, and counted by `usage`."""
    asked = await ann.say("C1", "what is 5 * 5?", mention=True)
    (answer,) = await answers(slack, asked)

    await ann.click(answer, "Good answer")

    await slack.until(
        lambda: any("Thank you" in m.text for m in slack.ephemerals("U1")), timeout_seconds=SECONDS
    )
    assert "1 good, 0 bad" in (await typed(slack, ann, "usage")).text


async def test_a_message_of_somebody_else_is_analysed(slack: FakeSlack, ann: Person) -> None:
    """The message shortcut: somebody's file, one's own question, the answer in that thread."""
    bo = slack.person("U2", "Bo")
    posted = await bo.say("C1", "our sales", files={"sales.csv": CSV})

    await ann.shortcut("threadlab_analyse", posted)
    await ann.submit(ann.modal(), {"question": "what is the total revenue?"})
    _question, answer = await answers(slack, posted, 2)

    assert "285" in answer.text


async def test_edits_and_deletions_while_waiting(slack: FakeSlack, ann: Person) -> None:
    """Behind a running answer, an edited question is answered as it reads now, and a deleted one
    not at all."""
    asked = await ann.say("C1", ENDLESS, mention=True)
    await slack.until(lambda: slack.answers("C1", asked.ts), timeout_seconds=SECONDS)
    edited = await ann.say("C1", "what is 6 * 6?", mention=True, thread_ts=asked.ts)
    deleted = await ann.say("C1", "what is 8 * 8?", mention=True, thread_ts=asked.ts)
    await slack.settled()
    await ann.edit(edited, f"<@{slack.bot_user_id}> what is 7 * 7?")
    await ann.delete(deleted)
    await slack.settled()

    await ann.stop("C1", asked.ts)
    _, answer = await answers(slack, asked, 2)

    assert "49" in answer.text
    assert not any("64" in m.text or "36" in m.text for m in slack.answers("C1", asked.ts)[1:])


async def test_signed_requests_do_the_same(tmp_path: Path) -> None:
    """Over HTTP: a file is asked about, a button pressed, a command typed, a modal filled in."""
    async with loopback() as slack, whole_bot(slack, tmp_path, **over_http(slack)):
        ann = slack.person("U1", "Ann")
        slack.channel("C1", "general", members=[ann])
        asked = await ann.say(
            "C1", "what is the total revenue?", mention=True, files={"sales.csv": CSV}
        )
        (answer,) = await answers(slack, asked)
        await ann.click(answer, "Files")
        await slack.until(lambda: slack.ephemerals("U1"), timeout_seconds=SECONDS)
        usage = await typed(slack, ann, "usage")
        await ann.shortcut("threadlab_analyse", asked)
        await ann.submit(ann.modal(), {"question": "what is the highest revenue?"})
        _, _question, second = await answers(slack, asked, 3)

        assert "285" in answer.text
        assert "sales.csv" in slack.ephemerals("U1")[0].text
        assert "1 answer" in usage.text
        assert "120" in second.text
        assert not slack.sockets.open
        assert not slack.violations, slack.violations


@asynccontextmanager
async def threadlab(
    folder: Path, slack: FakeSlack, engine: Mapping[str, str] = EMBEDDED
) -> AsyncIterator[None]:
    """`threadlab run` as a process, with two tokens and an engine; ended by SIGTERM."""
    given = {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        **engine,
    }
    with (folder / "program.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, "run"),
            cwd=folder,
            env=environment(folder, **given),
            stdout=log,
            stderr=log,
        )
    try:
        await slack.connected(timeout_seconds=SECONDS)
        yield
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0
    except BaseException as error:
        error.add_note((folder / "program.log").read_text(errors="replace")[-6_000:])
        raise
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_run_with_two_tokens_and_an_engine(tmp_path: Path) -> None:
    """`threadlab run` on Slack alone needs nothing else; started again, it goes on in the same
    thread."""
    async with loopback() as slack:
        ann = slack.person("U1", "Ann")
        slack.channel("C1", "general", members=[ann])
        async with threadlab(tmp_path, slack):
            asked = await ann.say("C1", "what is 4 * 3.82?", mention=True)
            (answer,) = await answers(slack, asked)
        assert "15.28" in answer.text

        async with threadlab(tmp_path, slack):
            await ann.say("C1", "what is 2 + 3?", thread_ts=asked.ts)
            _, second = await answers(slack, asked, 2)
        assert "5" in second.text
        assert "web page ready" not in (tmp_path / "program.log").read_text()
        assert not slack.violations, slack.violations


async def test_run_with_an_engine_elsewhere(tmp_path: Path) -> None:
    """With two tokens, and the address and key of an engine, `threadlab run` answers as well."""
    async with engine_process(tmp_path / "engine") as engine, loopback() as slack:
        ann = slack.person("U1", "Ann")
        slack.channel("C1", "general", members=[ann])
        where = {"OPENAI_BASE_URL": engine.base_url, "OPENAI_API_KEY": KEY}
        async with threadlab(tmp_path, slack, where):
            asked = await ann.say("C1", "what is 4 * 3.82?", mention=True)
            (answer,) = await answers(slack, asked)

        assert "15.28" in answer.text
        assert not slack.violations, slack.violations
