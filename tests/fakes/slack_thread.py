"""What people see of the whole bot on the loopback Slack: its answers, and words for one alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fakes.slack import FakeSlack, Message, Person
from tests.fakes.slack_driver import QUICK, whole_bot

SECONDS = 60
# What people do here in a minute takes them ten: so do Slack's rates, and ours.
_RATES = 10
_PACE = {**QUICK, "SLACK_STREAMS_PER_MINUTE": "150", "SLACK_SESSIONS_PER_MINUTE": "400"}
# Endless, and yet it tells that it has begun.
ENDLESS = "```python\nprint('begun', flush=True)\nwhile True:\n    pass\n```"


@asynccontextmanager
async def busy_bot(slack: FakeSlack, folder: Path, **others: str) -> AsyncIterator[None]:
    """The bot with its embedded engine on a Slack where much happens in a short time."""
    slack.limits.scale = _RATES
    async with whole_bot(slack, folder, **_PACE, **others):
        yield
    assert not slack.violations, slack.violations


async def answers(
    slack: FakeSlack, asked: Message, count: int = 1, channel: str | None = None
) -> list[Message]:
    """The finished answers of a thread, once there are so many, and nothing is worked on."""
    where = channel or asked.channel
    thread = asked.thread_ts or asked.ts

    def finished() -> list[Message]:
        found = slack.answers(where, thread)
        return [m for m in found if m.metadata and not m.streaming]

    await slack.until(lambda: len(finished()) >= count, timeout_seconds=SECONDS)
    session = slack.sessions_of(where, thread)
    await slack.until(lambda: session.status != "processing", timeout_seconds=SECONDS)
    return finished()


async def shared(slack: FakeSlack, asked: Message, ending: str) -> bytes:
    """The content of a file that the bot has shared in a thread."""

    def found() -> list[bytes]:
        messages = slack.answers(asked.channel, asked.thread_ts or asked.ts)
        return [f.read() for m in messages for f in m.files if f.name.endswith(ending)]

    await slack.until(found, timeout_seconds=SECONDS)
    return found()[0]


async def running(slack: FakeSlack, asked: Message) -> None:
    """Wait until code of an answer is seen to run."""

    def seen() -> bool:
        found = slack.answers(asked.channel, asked.thread_ts or asked.ts)
        return any(t["status"] == "in_progress" for m in found for t in m.tasks.values())

    await slack.until(seen, timeout_seconds=SECONDS)


async def typed(slack: FakeSlack, person: Person, text: str, channel: str = "C1") -> Message:
    """What only that person sees in answer to a slash command."""
    before = len(slack.ephemerals(person.id))
    await person.command("/threadlab", text, channel)
    await slack.until(lambda: len(slack.ephemerals(person.id)) > before, timeout_seconds=SECONDS)
    return slack.ephemerals(person.id)[-1]


async def picked(slack: FakeSlack, person: Person, menu: Message, asked: Message) -> str:
    """Choose a thread in a menu; what then stands in its place."""
    await person.click(menu, "threadlab_pick", asked.thread_ts or asked.ts)
    await slack.until(lambda: "Which thread" not in menu.text, timeout_seconds=SECONDS)
    return menu.text


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
