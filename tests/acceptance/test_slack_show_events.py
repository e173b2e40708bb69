"""The whole bot on Slack where events come oddly: twice, late, not at all, or are taken back."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.fakes.slack import Envelope, FakeSlack, Person
from tests.fakes.slack_driver import loopback
from tests.fakes.slack_thread import ENDLESS, SECONDS, answers, busy_bot, rests, running, said

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SALES = b"region,revenue\nNorth,120\nSouth,80\nNorth,30\nEast,55\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeSlack]:
    async with loopback() as fake, busy_bot(fake, tmp_path_factory.mktemp("bot")):
        yield fake


@pytest.fixture
def ann(slack: FakeSlack) -> Person:
    person = slack.person("U1", "Ann", admin=True)
    slack.channel("C1", "general", members=[person])
    return person


async def lost_line(slack: FakeSlack) -> None:
    """Cut all connections, and wait for a new one."""
    connects = slack.sockets.connects
    slack.sockets.drop()
    await slack.until(lambda: slack.sockets.connects > connects, timeout_seconds=SECONDS)


async def test_a_file_dropped_into_a_thread_is_asked_about(slack: FakeSlack, ann: Person) -> None:
    """In a thread of a channel a file without a word gets a sign and no answer; the next question
    knows it."""
    asked = await ann.say("C1", "what is 3 * 4?", mention=True)
    await answers(slack, asked)

    dropped = await ann.say("C1", files={"sales.csv": SALES}, thread_ts=asked.ts)
    await slack.until(lambda: "inbox_tray" in dropped.reactions, timeout_seconds=SECONDS)
    await ann.say("C1", "what is the total revenue?", thread_ts=asked.ts)
    _, answer = await answers(slack, asked, 2)

    assert "285" in answer.text


@pytest.mark.parametrize("order", [("app_mention", "message"), ("message", "app_mention")])
async def test_a_mention_that_two_events_tell_of_is_answered_once(
    slack: FakeSlack, ann: Person, order: tuple[str, ...]
) -> None:
    """In whichever order the two events come, and delivered once more after the answer: one
    question, one answer."""
    slack.mention_order = order
    before = len(slack.delivery.sent)
    asked = await ann.say("C1", "what is 6 * 7?", mention=True)
    await answers(slack, asked)

    for envelope in slack.delivery.sent[before : before + 2]:
        again = await slack.delivery.send(Envelope("events_api", envelope.payload))
        assert again.acknowledged
    await slack.settled()
    await ann.say("C1", "what is 8 * 8?", thread_ts=asked.ts)
    first, second = await answers(slack, asked, 2)

    assert "42" in first.text
    assert "64" in second.text
    assert asked.reactions == {}


async def test_an_event_that_was_not_acknowledged_comes_again(
    slack: FakeSlack, ann: Person
) -> None:
    """The line breaks before the acknowledgement: Slack delivers again, and the question is
    answered once."""
    before = len(slack.delivery.sent)
    asked = await ann.say("C1", "what is 12 * 12?", mention=True)
    await lost_line(slack)
    await slack.clock.advance(60)

    (answer,) = await answers(slack, asked)

    assert "144" in answer.text
    await rests(slack, asked)
    assert len(slack.answers("C1", asked.ts)) == 1
    assert max(envelope.attempts for envelope in slack.delivery.sent[before:]) > 1


async def test_an_upload_whose_mention_is_never_told(slack: FakeSlack, ann: Person) -> None:
    """Slack may tell of a mention with a file by one event alone: it is answered."""
    slack.app_mention_on_uploads = False
    asked = await ann.say(
        "C1", "what is the total revenue?", mention=True, files={"sales.csv": SALES}
    )

    (answer,) = await answers(slack, asked)

    slack.app_mention_on_uploads = True
    assert "285" in answer.text


async def test_a_running_answer_survives_lost_connections(slack: FakeSlack, ann: Person) -> None:
    """Slack asks to reconnect, then cuts the line, while code runs: Stop still works, and so does
    the next question."""
    asked = await ann.say("C1", ENDLESS, mention=True)
    await running(slack, asked)

    connects = slack.sockets.connects
    await slack.sockets.disconnect()
    await slack.until(lambda: slack.sockets.connects > connects, timeout_seconds=SECONDS)
    await lost_line(slack)
    await ann.stop("C1", asked.ts)
    await answers(slack, asked)
    await ann.say("C1", "what is 2 + 2?", thread_ts=asked.ts)
    stopped, answer = await answers(slack, asked, 2)

    assert "Stopped" in stopped.text
    assert "4" in answer.text


async def test_a_question_that_is_deleted_is_not_worked_on(slack: FakeSlack, ann: Person) -> None:
    """Its code is interrupted, nothing in the thread looks as if it went on, and the thread
    answers what is asked next."""
    asked = await ann.say("C1", ENDLESS, mention=True)
    await running(slack, asked)

    await ann.delete(asked)
    await rests(slack, asked)
    await ann.say("C1", "what is 9 * 9?", thread_ts=asked.ts, mention=True)

    await said(slack, asked, "81")
