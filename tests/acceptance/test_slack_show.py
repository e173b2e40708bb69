"""People on Slack and the whole bot: every command, menus, files first, events that come oddly."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.app import Application
from tests.fakes.slack import Envelope, FakeSlack, Message, Person
from tests.fakes.slack_driver import QUICK, loopback, whole_bot
from tests.fakes.slack_thread import ENDLESS, SECONDS, answers, picked, running, shared, typed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SALES = b"region,revenue\nNorth,120\nSouth,80\nNorth,30\nEast,55\n"
OFFLINE = "there is no model to choose"
# What people do here in a minute takes them ten: so do Slack's rates, and ours.
RATES = 10
PACE = {**QUICK, "SLACK_STREAMS_PER_MINUTE": "150", "SLACK_SESSIONS_PER_MINUTE": "400"}
# What is typed after /threadlab in a channel, what the person then reads, and what everybody does
# in the thread: words of a message, or the name of a file. In this order, in one thread.
ANYWHERE = (
    ("", "Ask me about files", ""),
    ("help all", "`notebook`: the whole thread", ""),
    ("usage", "1 answer", ""),
    ("settings followups all", "`followups`: `all` (set here)", ""),
    ("settings followups default", "`smart` (default)", ""),
    ("stop", "Nothing is being worked on", ""),
    ("summarise", "There is no command “summarise”", ""),
    ("memory", "needs how much memory", ""),
)
IN_THREADS = (
    ("status", "Python is running", ""),
    ("files", "`sales.csv`: 51 bytes, from Ann", ""),
    ("files get sales.csv", "The file is in", "sales.csv"),
    ("files zip", "in one zip", "workspace.zip"),
    ("files delete sales.csv", "was deleted", "`sales.csv` was deleted"),
    ("code", "The code of “total revenue by region and a bar chart”", "code.py"),
    ("notebook", "as a notebook", ".ipynb"),
    ("memory 4g", "has 4g", "has 4g"),
    ("mode explicit", "I keep Python awake", "I keep Python awake"),
    ("model", OFFLINE, ""),
    ("effort low", OFFLINE, ""),
    ("retry", "Asking again", "total_revenue_by_region.csv"),
    ("reset", "The container was ended", "The container was ended"),
    ("forget", "There is no way back", ""),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack() -> AsyncIterator[FakeSlack]:
    async with loopback() as fake:
        fake.limits.scale = RATES
        yield fake
        assert not fake.violations, fake.violations


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(
    slack: FakeSlack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Application]:
    async with whole_bot(slack, tmp_path_factory.mktemp("bot"), **PACE) as started:
        yield started


@pytest.fixture
def ann(slack: FakeSlack, app: Application) -> Person:
    del app  # it runs
    person = slack.person("U1", "Ann", admin=True)
    slack.channel("C1", "general", members=[person])
    return person


def seen(slack: FakeSlack, asked: Message) -> list[str]:
    """What the bot has said in a thread, and the names of its files."""
    found = slack.answers(asked.channel, asked.thread_ts or asked.ts)
    return [word for message in found for word in (message.text, *(f.name for f in message.files))]


async def said(slack: FakeSlack, asked: Message, words: str, since: int = 0) -> None:
    """Wait until words or a file's name stand in the thread."""
    await slack.until(
        lambda: any(words in one for one in seen(slack, asked)[since:]), timeout_seconds=SECONDS
    )


async def rests(slack: FakeSlack, asked: Message) -> None:
    """Wait until nothing in the thread looks as if it went on."""
    thread = asked.thread_ts or asked.ts

    def resting() -> bool:
        return (
            slack.sessions_of(asked.channel, thread).status != "processing"
            and slack.status(asked.channel, thread) == ""
            and not any(
                m.streaming or "Stop" in m.buttons for m in slack.answers(asked.channel, thread)
            )
        )

    await slack.until(resting, timeout_seconds=SECONDS)


async def lost_line(slack: FakeSlack) -> None:
    """Cut all connections, and wait for a new one."""
    connects = slack.sockets.connects
    slack.sockets.drop()
    await slack.until(lambda: slack.sockets.connects > connects, timeout_seconds=SECONDS)


async def test_no_command_is_forgotten(slack: FakeSlack, ann: Person) -> None:
    """What the tables give are all the commands that `help all` lists."""
    given = {text.partition(" ")[0] for text, _, _ in (*ANYWHERE, *IN_THREADS)}

    listed = re.findall(r"^- `(\w+)", (await typed(slack, ann, "help all")).text, re.MULTILINE)

    assert len(listed) > 10
    assert set(listed) <= given


async def test_every_command(slack: FakeSlack, ann: Person) -> None:
    """Each command of `/threadlab` does what it says, for one's own thread by a menu; what concerns
    everybody, and files, stand in the thread."""
    question = "total revenue by region and a bar chart"
    asked = await ann.say("C1", question, mention=True, files={"sales.csv": SALES})
    await shared(slack, asked, ".png")
    await answers(slack, asked)

    for text, own, _ in ANYWHERE:
        assert own in (await typed(slack, ann, text)).text, text
    for text, own, everybodys in IN_THREADS:
        before = len(seen(slack, asked))
        menu = await typed(slack, ann, text)
        assert own in await picked(slack, ann, menu, asked), text
        if everybodys:
            await said(slack, asked, everybodys, before)
        await rests(slack, asked)
    await ann.click(slack.ephemerals("U1")[-1], "Erase for good")
    await said(slack, asked, "Erased")


async def test_a_menu_resets_the_thread_that_is_chosen(slack: FakeSlack, ann: Person) -> None:
    """The menu of `reset` lists one's threads by their questions; the one chosen loses its
    variables, and no other does."""
    kept = await ann.say("C1", "keep this: ```python\nkept = 41\nprint(kept)\n```", mention=True)
    lost = await ann.say("C1", "lose this: ```python\nlost = 42\nprint(lost)\n```", mention=True)
    await answers(slack, kept)
    await answers(slack, lost)

    menu = await typed(slack, ann, "reset")
    offered = [option["text"]["text"] for option in menu.all_blocks[0]["accessory"]["options"]]
    assert "The container was ended" in await picked(slack, ann, menu, lost)

    await said(slack, lost, "The container was ended")
    await ann.say("C1", "```python\nprint(lost + 1)\n```", thread_ts=lost.ts, mention=True)
    await said(slack, lost, "NameError")
    await ann.say("C1", "```python\nprint(kept + 1)\n```", thread_ts=kept.ts, mention=True)
    await said(slack, kept, "42")
    assert [label[:5] for label in offered[:2]] == ["lose ", "keep "]


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
    asked = await ann.say("C1", "what is 12 * 12?", mention=True)
    await lost_line(slack)
    await slack.clock.advance(60)

    (answer,) = await answers(slack, asked)

    assert "144" in answer.text
    await rests(slack, asked)
    assert len(slack.answers("C1", asked.ts)) == 1


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


async def test_settings_by_the_shortcut_count(slack: FakeSlack, ann: Person) -> None:
    """An admin chooses a channel, and what the threads there hear: `settings` shows it, and a
    follow-up without a mention is not answered there."""
    slack.channel("C2", "mentions", members=[ann])

    await ann.shortcut("threadlab_settings")
    await ann.submit(ann.modal(), {"threadlab_channel": "C2"})
    await ann.submit(ann.modal(), {"followups": "mentions"})

    assert "Saved" in slack.render_view(ann.modal())
    assert "`mentions` (set here)" in (await typed(slack, ann, "settings", "C2")).text
    asked = await ann.say("C2", "what is 3 * 5?", mention=True)
    await answers(slack, asked)
    await ann.say("C2", "what is 3 * 6?", thread_ts=asked.ts)
    await ann.say("C2", "what is 3 * 7?", thread_ts=asked.ts, mention=True)
    _, second = await answers(slack, asked, 2)
    assert "21" in second.text
