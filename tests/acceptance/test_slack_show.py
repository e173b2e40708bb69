"""People on Slack and the whole bot: every command, by name, menu, modal and button."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.fakes.slack import FakeSlack, Person
from tests.fakes.slack_driver import loopback
from tests.fakes.slack_thread import (
    SECONDS,
    answers,
    busy_bot,
    picked,
    rests,
    said,
    seen,
    shared,
    typed,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SALES = b"region,revenue\nNorth,120\nSouth,80\nNorth,30\nEast,55\n"
OFFLINE = "there is no model to choose"
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
async def slack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeSlack]:
    async with loopback() as fake, busy_bot(fake, tmp_path_factory.mktemp("bot")):
        yield fake


@pytest.fixture
def ann(slack: FakeSlack) -> Person:
    person = slack.person("U1", "Ann", admin=True)
    slack.channel("C1", "general", members=[person])
    return person


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


async def test_every_file_can_be_had(slack: FakeSlack, ann: Person) -> None:
    """Of many files the newest have buttons; the others are chosen from a menu, and the list
    stays."""
    files = {f"part{n}.csv": SALES for n in range(6)}
    asked = await ann.say("C1", "what is 3 * 4?", mention=True, files=files)
    (answer,) = await answers(slack, asked)
    told = len(slack.ephemerals("U1"))
    await ann.click(answer, "Files")
    await slack.until(lambda: len(slack.ephemerals("U1")) > told, timeout_seconds=SECONDS)
    listing = slack.ephemerals("U1")[-1]
    (oldest,) = [name for name in files if f"Get {name}" not in listing.buttons][:1]

    (option,) = await ann.suggest(listing, "threadlab_among", oldest)
    await ann.click(listing, "threadlab_among", option)

    assert await shared(slack, asked, oldest) == SALES
    assert "6 files in the workspace" in listing.text


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
