"""However a turn ends, its agent session does: no Stop and no status stays on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.slack import plugin
from bot.app import application
from bot.domain import IncomingMessage, Progress
from engine.planner.protocol import Lab, Question
from tests.fakes.core import FakeCore
from tests.fakes.engine import KEY, running_engine
from tests.fakes.slack import FakeSlack, Message
from tests.fakes.slack_driver import environment, loopback, serve
from tests.fakes.slack_process import other_process
from tests.fakes.threadlab import settings_for

SECONDS = 30


class Scripted:
    """Answers, breaks, or writes until it is released, as the question says."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    async def answer(self, question: Question, lab: Lab) -> None:
        """Do what the question says."""
        await lab.say("So far ")
        if "break" in question.text:
            raise RuntimeError("broken")
        if "wait" in question.text:
            await self.released.wait()
        await lab.say("and whole.")


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with loopback() as fake:
        yield fake
        assert not fake.violations, fake.violations


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
async def base_url(scripted: Scripted, tmp_path: Path) -> AsyncIterator[str]:
    async with running_engine(tmp_path / "engine", scripted.answer) as engine:
        yield engine.base_url


@asynccontextmanager
async def bot(slack: FakeSlack, folder: Path, base_url: str, **others: str) -> AsyncIterator[None]:
    """The bot, until the block ends as if by SIGTERM."""
    settings = settings_for(
        folder, base_url, openai_api_key=KEY, engine_attempts=1, shutdown_seconds=0.1, **others
    )
    async with application(settings, environment(slack), [plugin]) as app:
        serving = asyncio.create_task(app.serve())
        await slack.connected()
        try:
            yield
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def ask(slack: FakeSlack, text: str) -> Message:
    """Ann's question, once its session works."""
    ann = slack.person("U1", "Ann")
    slack.channel("C1", members=[ann])
    asked = await ann.say("C1", text, mention=True)
    session = slack.sessions_of("C1", asked.ts)
    await slack.until(lambda: session.history, timeout_seconds=SECONDS)
    assert session.history[0] == "session: processing"
    return asked


async def rests(slack: FakeSlack, asked: Message, said: str) -> None:
    """Wait until a text stands in the thread, and nothing looks as if it went on."""

    def answered() -> bool:
        return any(said in answer.text for answer in slack.answers("C1", asked.ts))

    def resting() -> bool:
        return (
            slack.sessions_of("C1", asked.ts).status == "active"
            and slack.status("C1", asked.ts) == ""
            and not any(answer.streaming for answer in slack.answers("C1", asked.ts))
        )

    await slack.until(answered, timeout_seconds=SECONDS)
    await slack.until(resting, timeout_seconds=SECONDS)


@pytest.mark.parametrize(("question", "said"), [("hello", "and whole."), ("break", "Retry")])
async def test_an_answer_or_a_failure_ends_it(
    slack: FakeSlack, base_url: str, tmp_path: Path, question: str, said: str
) -> None:
    """Answered or failed, the session rests."""
    async with bot(slack, tmp_path, base_url):
        await rests(slack, await ask(slack, question), said)


async def test_a_refusal_ends_it(slack: FakeSlack, base_url: str, tmp_path: Path) -> None:
    """Who may not ask hears so, and nothing seems to work on it."""
    async with bot(slack, tmp_path, base_url, deny_users="slack:U1"):
        await rests(slack, await ask(slack, "hello"), "may not use me")


async def test_a_stop_ends_it(slack: FakeSlack, base_url: str, tmp_path: Path) -> None:
    """Slack's own Stop leaves the session to the app, which ends it."""
    async with bot(slack, tmp_path, base_url):
        asked = await ask(slack, "wait")
        await slack.until(lambda: slack.answers("C1", asked.ts), timeout_seconds=SECONDS)
        await slack.person("U1", "Ann").stop("C1", asked.ts)

        await rests(slack, asked, "Stopped")


async def test_a_turn_that_is_taken_up_ends_it(
    slack: FakeSlack, scripted: Scripted, base_url: str, tmp_path: Path
) -> None:
    """The bot ended in the middle of an answer; the next one finishes it, and its session."""
    async with bot(slack, tmp_path, base_url):
        asked = await ask(slack, "wait")
        await slack.until(lambda: slack.answers("C1", asked.ts), timeout_seconds=SECONDS)
    scripted.released.set()

    async with bot(slack, tmp_path, base_url):
        await rests(slack, asked, "and whole.")

    assert len(slack.answers("C1", asked.ts)) == 1


async def test_a_question_that_waits_behind_another_ends_it(
    slack: FakeSlack, scripted: Scripted, base_url: str, tmp_path: Path
) -> None:
    """Two questions in a thread, the second withdrawn: the first one's end is the end."""
    async with bot(slack, tmp_path, base_url):
        asked = await ask(slack, "wait")
        await slack.until(lambda: slack.answers("C1", asked.ts), timeout_seconds=SECONDS)
        ann = slack.person("U1", "Ann")
        second = await ann.say("C1", "hello", mention=True, thread_ts=asked.ts)
        await slack.settled()
        await ann.delete(second)
        await slack.settled()
        assert slack.sessions_of("C1", asked.ts).status == "processing"
        scripted.released.set()

        await rests(slack, asked, "and whole.")


async def test_one_that_another_process_has_begun_ends_with_its_question(
    slack: FakeSlack, tmp_path: Path
) -> None:
    """A question that waits is deleted, and another process hears of it: nothing seems to go on."""
    async with serve(slack, tmp_path) as site:
        asked = await ask(slack, "hello")
        await site.answer(asked)
        session = slack.sessions_of("C1", asked.ts)
        await slack.until(lambda: session.status == "active")
        site.core.answers = False
        second = await site.ann.say("C1", "and?", mention=True, thread_ts=asked.ts)
        await slack.until(lambda: session.status == "processing")
        async with other_process(site):
            await site.ann.delete(second)

            await slack.until(lambda: session.status == "active")


async def test_one_that_shows_an_answer_outlives_a_deleted_question(
    slack: FakeSlack, tmp_path: Path
) -> None:
    """Behind a running answer of another process, a deletion leaves its Stop where it is."""

    async def endless(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress]:
        del core, message
        yield Progress("writing…", (), "So far ")
        await asyncio.Event().wait()

    async with serve(slack, tmp_path, endless) as site:
        asked = await ask(slack, "count")
        await slack.until(lambda: slack.answers("C1", asked.ts))
        second = await site.ann.say("C1", "and?", mention=True, thread_ts=asked.ts)
        await slack.settled()
        async with other_process(site):
            await site.ann.delete(second)
            await slack.until(lambda: site.core.withdrawn)
            await slack.settled()

            assert "session: active" not in slack.sessions_of("C1", asked.ts).history


async def test_one_that_another_process_has_ended_begins_anew(
    slack: FakeSlack, tmp_path: Path
) -> None:
    """The first sign of a follow-up comes at once, though the last answer was another's work."""
    async with serve(slack, tmp_path, SLACK_SESSION_SECONDS="0.001") as site:
        site.core.answers = False  # another process has the turns
        asked = await ask(slack, "hello")
        session = slack.sessions_of("C1", asked.ts)
        session.set_status("active")

        await site.ann.say("C1", "and?", mention=True, thread_ts=asked.ts)

        await slack.until(lambda: session.status == "processing")
