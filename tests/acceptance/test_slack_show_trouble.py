"""The whole bot on a Slack that is slow, refuses, or ends what was begun; installed and removed."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.slack.methods import METHODS
from tests.fakes.slack import FakeSlack, Person
from tests.fakes.slack_driver import loopback
from tests.fakes.slack_thread import SECONDS, answers, busy_bot, rests, said, shared

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SALES = b"region,revenue\nNorth,120\nSouth,80\nNorth,30\nEast,55\n"
CHART = "total revenue by region and a bar chart"
TOTAL = "what is the total revenue?"
IN_PLACE_OF_A_STREAM = "chat.update"
AT_START = ("apps.connections.open", "auth.test")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeSlack]:
    async with loopback() as fake:
        for method in AT_START:
            ask_to_wait(fake, method)
        async with busy_bot(fake, tmp_path_factory.mktemp("bot")):
            yield fake


@pytest.fixture
def ann(slack: FakeSlack) -> Person:
    return somebody(slack)


def somebody(slack: FakeSlack) -> Person:
    """A member of C1 whose name Slack was never asked for."""
    number = len(slack.users)
    person = slack.person(f"U{number}", f"Person {number}")
    slack.channel("C1", "general", members=[person])
    return person


def ask_to_wait(slack: FakeSlack, method: str, times: int = 1, after: int = 0) -> None:
    """Answer the next calls of a method with 429."""
    slack.fail(method, status=429, retry_after_seconds=0, times=times, after=after)


async def a_chart(slack: FakeSlack, ann: Person) -> None:
    """A question with a file: totals in one answer, both files once."""
    asked = await ann.say("C1", CHART, mention=True, files={"sales.csv": SALES})
    await shared(slack, asked, ".png")
    (answer,) = await answers(slack, asked)
    await rests(slack, asked)

    assert "150" in answer.text
    files = [file.name for m in slack.answers("C1", asked.ts) for file in m.files]
    assert sorted(name.rpartition(".")[2] for name in files) == ["csv", "png"]
    assert len(slack.answers("C1", asked.ts)) == 2


async def under_a_message_of_others(slack: FakeSlack, ann: Person) -> None:
    """The bot is called under somebody's file: it has the file."""
    posted = await somebody(slack).say("C1", "our sales", files={"sales.csv": SALES})
    asked = await ann.say("C1", f"{TOTAL} (see <#C1>)", mention=True, thread_ts=posted.ts)
    (answer,) = await answers(slack, asked)

    assert "285" in answer.text


async def by_the_shortcut(slack: FakeSlack, ann: Person) -> None:
    """A question in a modal: posted once, and answered."""
    posted = await somebody(slack).say("C1", "our sales", files={"sales.csv": SALES})
    await ann.shortcut("threadlab_analyse", posted)
    await ann.submit(ann.modal(), {"question": TOTAL})
    question, answer = await answers(slack, posted, 2)

    assert TOTAL in question.text
    assert "285" in answer.text


async def beside_the_answers(slack: FakeSlack, ann: Person) -> None:
    """A file has its sign, a button its answer, the app its home and prompts."""
    asked = await ann.say("C1", "what is 3 * 4?", mention=True)
    (answer,) = await answers(slack, asked)
    dropped = await ann.say("C1", files={"sales.csv": SALES}, thread_ts=asked.ts)
    await slack.until(lambda: "inbox_tray" in dropped.reactions, timeout_seconds=SECONDS)
    await ann.click(answer, "Files")
    await ann.open_home()
    await ann.open_home("messages")
    tab = slack.sessions_of(slack.dm(ann.id).id, None)

    await slack.until(lambda: slack.ephemerals(ann.id), timeout_seconds=SECONDS)
    await slack.until(lambda: ann.id in slack.homes and tab.prompts, timeout_seconds=SECONDS)
    assert "in the workspace" in slack.ephemerals(ann.id)[0].text


# What people do, and the methods that are busy then: how often, and after how many good calls.
BUSY = {
    a_chart: {
        "users.info": (1, 0),
        "chat.appendStream": (1, 0),
        "chat.stopStream": (2, 0),
        "files.getUploadURLExternal": (2, 0),
        "files.completeUploadExternal": (2, 0),
        "agents.sessions.setStatus": (1, 0),
        "assistant.threads.setStatus": (1, 0),
    },
    under_a_message_of_others: {"conversations.replies": (1, 0), "conversations.info": (1, 0)},
    by_the_shortcut: {"views.open": (1, 0), "files.info": (2, 0), "chat.postMessage": (1, 0)},
    beside_the_answers: {
        "reactions.add": (2, 0),
        "chat.postEphemeral": (2, 0),
        "views.publish": (2, 0),
        "assistant.threads.setSuggestedPrompts": (2, 0),
        "chat.startStream": (1, 0),
    },
}


@pytest.mark.parametrize("play", BUSY, ids=lambda play: play.__name__)
async def test_what_slack_asks_to_wait_for_comes_all_the_same(
    slack: FakeSlack, ann: Person, play: object
) -> None:
    """A 429 at any method: what people asked for is there, whole and once."""
    assert callable(play)
    before = len(slack.requests)
    for method, (times, after) in BUSY[play].items():
        ask_to_wait(slack, method, times, after)

    await play(slack, ann)

    waited = {r.method for r in slack.requests[before:] if r.outcome == "http 429"}
    assert waited == set(BUSY[play])


async def test_every_method_is_busy_once() -> None:
    """None that the code calls is left out: at the start, in a play, or with the dead stream."""
    met = {method for methods in BUSY.values() for method in methods}

    assert met | {*AT_START, IN_PLACE_OF_A_STREAM} == set(METHODS)


async def test_a_start_that_has_to_wait_comes_about(slack: FakeSlack, ann: Person) -> None:
    """Where Slack asks the bot to wait before it is there, it is there a moment later."""
    assert {r.method for r in slack.requests if r.outcome == "http 429"} >= set(AT_START)

    asked = await ann.say("C1", "what is 6 * 7?", mention=True)
    (answer,) = await answers(slack, asked)

    assert "42" in answer.text


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("assistant:write", "150"),
        ("channels:history", "150"),
        ("channels:read", "150"),
        ("files:read", "files:read"),
        ("files:write", "files:write"),
        ("reactions:write", "150"),
        ("users:read", "150"),
    ],
)
async def test_a_scope_that_is_missing_costs_what_it_is_for(
    slack: FakeSlack, ann: Person, missing: str, words: str
) -> None:
    """The app was installed before a scope was added: questions are answered, and where people
    would miss what the scope is for, it is named."""
    token = slack.tokens[slack.bot_token]
    token.scopes -= {missing}
    try:
        await ann.open_home("messages")
        question = f"{CHART} (see <#C1>)"
        asked = await ann.say("C1", question, mention=True, files={"sales.csv": SALES})
        await said(slack, asked, words)
        await ann.say("C1", files={"more.csv": SALES}, thread_ts=asked.ts)
        await ann.say("C1", "what is 6 * 7?", mention=True, thread_ts=asked.ts)
        await said(slack, asked, "42")
        await rests(slack, asked)
    finally:
        token.scopes |= {missing}

    if missing == "files:write":
        await said(slack, asked, "150")
    refused = [v for v in slack.violations if v.endswith(f"without the scope {missing}")]
    assert slack.violations == refused
    slack.violations.clear()
