"""How answers appear in Slack: streamed where that goes, whole in any case, each character once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.slack.api import Busy
from adapters.slack.poster import Asker, Place, Poster
from adapters.slack.settings import SlackSettings
from bot.domain import (
    Action,
    Answer,
    Artifact,
    CodeRun,
    IncomingMessage,
    Progress,
    RunState,
    ThreadKey,
)
from bot.errors import AmbiguousSend, Undeliverable
from bot.ports import CommandResult
from tests.fakes.core import FakeCore
from tests.fakes.slack import SCOPES, FakeSlack, Message
from tests.fakes.slack_driver import SlackSite, loopback, serve

ACTIONS = (Action("code", "Code", "turn-1"), Action("retry", "Retry"), Action("reset", "Reset"))


class Stage:
    """A script that the test plays as it goes."""

    def __init__(self) -> None:
        self._acts: asyncio.Queue[Progress | Answer] = asyncio.Queue()

    async def script(
        self, core: FakeCore, message: IncomingMessage
    ) -> AsyncIterator[Progress | Answer]:
        """Whatever comes, until an answer ends it."""
        del core, message
        while True:
            act = await self._acts.get()
            yield act
            if isinstance(act, Answer):
                return

    def show(self, text: str = "", *runs: CodeRun, status: str = "") -> None:
        """A picture of progress."""
        self._acts.put_nowait(Progress(status, runs, text))

    def answer(self, text: str, *runs: CodeRun, **more: object) -> None:
        """The finished answer."""
        self._acts.put_nowait(Answer("turn-1", text, runs, **more))  # type: ignore[arg-type]


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with loopback() as fake:
        yield fake
        assert not fake.violations, fake.violations


@pytest.fixture
async def site(slack: FakeSlack, stage: Stage, tmp_path: Path) -> AsyncIterator[SlackSite]:
    async with serve(slack, tmp_path, stage.script) as running:
        yield running


async def ask(site: SlackSite) -> Message:
    return await site.ann.say("C1", "total by region?", mention=True)


async def stream(site: SlackSite, asked: Message, text: str) -> Message:
    """The bot's message, once it shows a text."""
    await site.slack.until(
        lambda: [m for m in site.slack.answers("C1", asked.ts) if text in m.text]
    )
    return site.slack.answers("C1", asked.ts)[0]


async def settled(site: SlackSite, asked: Message) -> list[Message]:
    """All of the bot's messages, when the session rests."""
    await site.answer(asked)
    await site.slack.until(lambda: not site.core._turns)
    return site.slack.answers("C1", asked.ts)


def artifact_of(blob: object, name: str) -> Artifact:
    return Artifact(f"cfile_{name}", name, "text/csv", blob)  # type: ignore[arg-type]


async def keep(site: SlackSite, asked: Message, name: str, content: bytes) -> Artifact:
    """A file in the blob store of the thread that was asked in."""
    await site.slack.until(lambda: site.core.accepted)

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    key = site.core.accepted[-1].key
    blob = await site.core.blobs.put(key, chunks(), limit_bytes=10_000_000)
    return artifact_of(blob, name)


class TestStreams:
    async def test_grow_and_end_with_buttons(self, site: SlackSite, stage: Stage) -> None:
        """Text appears as it comes; the finished message has buttons and asks whether it helped."""
        asked = await ask(site)
        stage.show("North ")
        message = await stream(site, asked, "North ")
        assert message.streaming
        stage.show("North leads ")
        await stream(site, asked, "North leads ")
        stage.answer("North leads with **1,200**.", actions=ACTIONS, notes=("A fresh container.",))

        (done,) = await settled(site, asked)

        assert done is message
        assert done.streamed == "North leads with **1,200**."
        assert done.buttons == ["Code", "Retry", "Reset"]
        assert "A fresh container." in done.text
        assert done.history == []
        assert site.slack.sessions_of("C1", asked.ts).status == "active"

    async def test_show_code_as_steps(self, site: SlackSite, stage: Stage) -> None:
        """Each run of code is a step, with its code and output; the status is their title."""
        asked = await ask(site)
        running = CodeRun("r1", "# Read the table\nprint(1)", RunState.RUNNING)
        stage.show("", running, status="running Python…")
        await site.slack.until(lambda: site.slack.answers("C1", asked.ts))
        (message,) = site.slack.answers("C1", asked.ts)
        await site.slack.until(lambda: message.plan_title == "Running Python…")
        assert message.tasks["r1"]["status"] == "in_progress"

        done = CodeRun("r1", "# Read the table\nprint(1)", RunState.DONE, "1\n")
        failed = CodeRun("r2", "1/0", RunState.FAILED, "ZeroDivisionError")
        stage.answer("One.", done, failed)
        await settled(site, asked)

        first, second = message.tasks["r1"], message.tasks["r2"]
        assert (first["status"], second["status"]) == ("complete", "error")
        assert first["title"] == "Ran code: Read the table"
        assert first["details"] == "```python\n# Read the table\nprint(1)\n```"
        assert (first["output"], message.plan_title) == ("```\n1\n```", "Ran code 2 times")

    async def test_end_with_slacks_own_table(self, site: SlackSite, stage: Stage) -> None:
        """A table is held back while it grows, and then is Slack's own, in its place."""
        text = "Totals:\n\n| region | total |\n|---|--:|\n| North | 12 |\n\nNorth leads."
        asked = await ask(site)
        stage.show(text[:40])
        message = await stream(site, asked, "Totals:")
        stage.answer(text)
        await settled(site, asked)

        assert "|" not in message.streamed
        (table,) = [b for p in message.pieces for b in p.get("blocks", [])]
        assert table["type"] == "data_table"
        assert message.streamed.endswith("North leads.")

    async def test_fall_back_to_markdown_tables(self, site: SlackSite, stage: Stage) -> None:
        """Where Slack does not take its own table, it is a Markdown table."""
        asked = await ask(site)
        stage.show("Totals:\n\n")
        message = await stream(site, asked, "Totals:")
        site.slack.fail("chat.stopStream", error="invalid_blocks")
        stage.answer("Totals:\n\n| a | b |\n|---|---|\n| 1 | 2 |")
        await settled(site, asked)

        assert message.streamed.endswith("| a | b |\n|---|---|\n| 1 | 2 |")

    async def test_are_replaced_where_the_text_became_another(
        self, site: SlackSite, stage: Stage
    ) -> None:
        """An answer that does not go on from what was shown stands in its place."""
        asked = await ask(site)
        stage.show("It is 1")
        message = await stream(site, asked, "It is 1")
        stage.answer("Sorry: it is 2.", actions=ACTIONS)

        (done,) = await settled(site, asked)

        assert (done, done.text, done.streaming) == (message, "Sorry: it is 2.", False)
        assert done.buttons == ["Code", "Retry", "Reset"]


STARTING = ("auth.test", "apps.connections.open")
LONG = "\n\n".join(f"{n}. " + "word " * 60 for n in range(68))


def words_of(messages: list[Message]) -> list[str]:
    return re.findall(r"\S+", "\n".join(message.text for message in messages))


class TestTrouble:
    async def test_a_dead_stream_loses_nothing(self, site: SlackSite, stage: Stage) -> None:
        """A stream that Slack has ended after five minutes goes on as a changed message: of 20,000
        characters none is lost, none is there twice."""
        assert len(LONG) > 20_000
        asked = await ask(site)
        stage.show(LONG[:3_000])
        await stream(site, asked, "5. word")
        await site.slack.clock.advance(301)
        stage.show(LONG[:6_000])
        await stream(site, asked, "10. word")
        stage.answer(LONG, actions=ACTIONS)

        messages = await settled(site, asked)
        await site.slack.until(lambda: len(site.slack.answers("C1", asked.ts)) == 2)
        messages = site.slack.answers("C1", asked.ts)

        assert words_of(messages) == LONG.split()
        assert messages[-1].buttons == ["Code", "Retry", "Reset"]
        assert not any(message.streaming for message in messages)

    async def test_a_stream_dead_at_its_end_loses_nothing(
        self, site: SlackSite, stage: Stage
    ) -> None:
        """Even the last call may come too late."""
        asked = await ask(site)
        stage.show("North ")
        await stream(site, asked, "North ")
        await site.slack.clock.advance(301)
        stage.answer("North leads.")

        (done,) = await settled(site, asked)

        assert done.text == "North leads."

    @pytest.mark.parametrize("drop", ["before", "after"])
    async def test_an_addition_in_doubt_is_not_repeated(
        self, site: SlackSite, stage: Stage, drop: str
    ) -> None:
        """Whether a lost call has arrived or not, each character is there once."""
        asked = await ask(site)
        stage.show("North ")
        await stream(site, asked, "North ")
        site.slack.fail("chat.appendStream", drop=drop)  # type: ignore[arg-type]
        stage.show("North leads ")
        await site.slack.until(lambda: site.slack.calls["chat.appendStream"])
        stage.answer("North leads with 12.")

        (done,) = await settled(site, asked)

        assert done.text == "North leads with 12."

    @pytest.mark.parametrize("drop", ["before", "after"])
    async def test_a_beginning_in_doubt_is_looked_for(
        self, site: SlackSite, stage: Stage, drop: str
    ) -> None:
        """A stream whose beginning was not answered is found, or was never there."""
        site.slack.fail("chat.startStream", drop=drop)  # type: ignore[arg-type]
        asked = await ask(site)
        stage.show("North ")
        await site.slack.until(lambda: site.slack.calls["chat.startStream"])
        stage.answer("North leads.")

        (done,) = await settled(site, asked)

        assert (done.text, done.streaming) == ("North leads.", False)

    async def test_without_streams_an_answer_is_changed_now_and_then(
        self, slack: FakeSlack, stage: Stage, tmp_path: Path
    ) -> None:
        """Streams are short: a message with a Stop button grows by changes, and ends whole."""
        async with serve(slack, tmp_path, stage.script, SLACK_STREAMS_PER_MINUTE="0") as site:
            asked = await ask(site)
            stage.show("North ")
            message = await stream(site, asked, "North ")
            assert message.buttons == ["Stop"]
            stage.show("North leads ")
            await stream(site, asked, "North leads ")
            stage.answer("North leads with 12.", actions=ACTIONS)

            (done,) = await settled(site, asked)

            assert done is message
            assert done.text == "North leads with 12."
            assert done.buttons == ["Code", "Retry", "Reset"]

    async def test_a_refused_stream_is_posted(self, site: SlackSite, stage: Stage) -> None:
        """Where Slack refuses to stream, the answer is posted."""
        site.slack.fail("chat.startStream", error="method_not_supported_for_channel_type")
        asked = await ask(site)
        stage.show("North ")
        await stream(site, asked, "North ")
        stage.answer("North leads.")

        (done,) = await settled(site, asked)

        assert done.text == "North leads."

    async def test_a_post_in_doubt_says_so(self, site: SlackSite, stage: Stage) -> None:
        """A post whose answer was lost is found by what it carries, not posted again."""
        site.core.answers = False
        asked = await ask(site)
        await site.slack.until(lambda: site.core.accepted)
        reply = await site.platform.open_reply(
            site.core.accepted[0].key, turn_id="turn-1", message_id=asked.ts, ref=None
        )
        (post,) = reply.plan(Answer("turn-1", "North leads."))
        site.slack.fail("chat.postMessage", drop="after")

        with pytest.raises(AmbiguousSend):
            await reply.send(post)
        found = await reply.find(post.id)
        await reply.close()

        (message,) = site.slack.answers("C1", asked.ts)
        assert found == message.ts

    @pytest.mark.parametrize(
        "error", ["is_archived", "missing_scope", "not_in_channel", "channel_not_found"]
    )
    async def test_a_channel_that_is_closed_is_told_apart(
        self, site: SlackSite, stage: Stage, error: str
    ) -> None:
        """What Slack will never take is not to be offered again."""
        site.core.answers = False
        asked = await ask(site)
        await site.slack.until(lambda: site.core.accepted)
        reply = await site.platform.open_reply(
            site.core.accepted[0].key, turn_id="turn-1", message_id=asked.ts, ref=None
        )
        (post,) = reply.plan(Answer("turn-1", "North leads."))
        site.slack.fail("chat.postMessage", error=error)

        with pytest.raises(Undeliverable):
            await reply.send(post)
        await reply.close()

    async def test_a_stream_of_an_ended_process_is_taken_up(
        self, slack: FakeSlack, stage: Stage, tmp_path: Path
    ) -> None:
        """What a crash left half-shown is finished in its place by the next process."""
        async with serve(slack, tmp_path, stage.script) as site:
            site.core.answers = False
            asked = await ask(site)
            await slack.until(lambda: site.core.accepted)
            key = site.core.accepted[0].key
            reply = await site.platform.open_reply(
                key, turn_id="turn-1", message_id=asked.ts, ref=None
            )
            reply.show(Progress(text="North "))
            message = await stream(site, asked, "North ")
            reply._pusher.cancel()  # the process is gone, and nobody has closed the reply

        async with serve(slack, tmp_path, stage.script) as site:
            again = await site.platform.open_reply(
                key, turn_id="turn-1", message_id=asked.ts, ref="turn-1"
            )
            (post,) = again.plan(Answer("turn-1", "North leads.", actions=ACTIONS))
            await again.send(post)
            await again.close()

            assert slack.answers("C1", asked.ts) == [message]
            assert (message.text.strip(), message.streaming) == ("North leads.", False)

    async def test_a_stream_that_was_not_noted_is_found_even_when_dead(
        self, slack: FakeSlack, stage: Stage, tmp_path: Path
    ) -> None:
        """A crash came between Slack's answer and our note of it; Slack has ended the stream since.
        Its message becomes the answer, and other words of the bot are left alone."""
        async with serve(slack, tmp_path, stage.script) as site:
            site.core.answers = False
            asked = await ask(site)
            await slack.until(lambda: site.core.accepted)
            key = site.core.accepted[0].key
            site.core.results["reset"] = CommandResult("Reset.", public=True)
            await site.ann.say("C1", "reset", mention=True, thread_ts=asked.ts)
            await slack.until(lambda: slack.answers("C1", asked.ts))
            slack.fail("chat.startStream", drop="after")
            reply = await site.platform.open_reply(
                key, turn_id="turn-1", message_id=asked.ts, ref=None
            )
            reply.show(Progress(text="North "))
            await slack.until(lambda: len(slack.answers("C1", asked.ts)) == 2)
            reply._pusher.cancel()
        await slack.clock.advance(301)

        async with serve(slack, tmp_path, stage.script) as site:
            again = await site.platform.open_reply(
                key, turn_id="turn-1", message_id=asked.ts, ref="turn-1"
            )
            (post,) = again.plan(Answer("turn-1", "North leads."))
            await again.send(post)
            await again.close()

        texts = [message.text for message in slack.answers("C1", asked.ts)]
        assert texts == ["Reset.", "North leads."]

    async def test_a_stream_that_slack_is_too_busy_to_end_is_not_taken_for_ended(
        self, site: SlackSite
    ) -> None:
        """The answer is published once the stream has ended, and not before."""
        asked = await ask(site)
        team = await site.platform._context.teams.home()
        key = ThreadKey("slack", team.id, "C1", asked.ts)
        poster = Poster(team, Place(key, "turn-1", asked.ts, Asker("U1", team.id)))
        ts = await poster.start_stream([{"type": "markdown_text", "text": "North "}])
        site.slack.fail("chat.stopStream", status=429, retry_after_seconds=3600)

        with pytest.raises(Busy):
            await poster.end_stream(ts)
        await poster.end_stream(ts)
        await poster.end_stream(ts)

        assert not site.slack.channels["C1"].messages[ts].streaming

    async def test_what_began_the_thread_is_not_overwritten(
        self, site: SlackSite, stage: Stage
    ) -> None:
        """An answer whose beginning was lost is looked for among what came after the question."""
        team = await site.platform._context.teams.home()
        posted = await team.api.call(
            "chat.postMessage", channel="C1", text="hello", unfurl_links=False, unfurl_media=False
        )
        site.slack.fail("chat.startStream", drop="before")
        await site.ann.say("C1", "total?", mention=True, thread_ts=posted["ts"])
        stage.show("North ")
        await site.slack.until(lambda: site.slack.calls["chat.startStream"])
        stage.answer("North leads.")
        await site.slack.until(lambda: not site.core._turns)

        began = site.slack.channels["C1"].messages[posted["ts"]]
        answers = [m.text for m in site.slack.answers("C1", posted["ts"]) if m is not began]
        assert (began.text, answers) == ("hello", ["North leads."])

    async def test_an_unfinished_answer_leaves_nothing_open(
        self, site: SlackSite, stage: Stage
    ) -> None:
        """A turn that ends without an answer leaves no stream, no status and no Stop."""
        site.core.answers = False
        asked = await ask(site)
        await site.slack.until(lambda: site.core.accepted)
        reply = await site.platform.open_reply(
            site.core.accepted[0].key, turn_id="turn-1", message_id=asked.ts, ref=None
        )
        reply.show(Progress(text="North "))
        message = await stream(site, asked, "North ")

        await reply.close()

        assert not message.streaming
        assert site.slack.sessions_of("C1", asked.ts).status == "active"
        assert site.slack.status("C1", asked.ts) == ""


class TestElsewhere:
    async def test_an_answer_of_another_process_is_streamed_too(
        self, slack: FakeSlack, stage: Stage, tmp_path: Path
    ) -> None:
        """Whom an answer is for is asked of Slack where another process took the question."""
        async with serve(slack, tmp_path, stage.script) as site:
            site.core.answers = False
            asked = await ask(site)
            await slack.until(lambda: site.core.accepted)
            key = site.core.accepted[0].key

        async with serve(slack, tmp_path, stage.script) as site:
            reply = await site.platform.open_reply(
                key, turn_id="turn-1", message_id=f"{asked.ts}~turn-0", ref=None
            )
            reply.show(Progress(text="North "))
            message = await stream(site, asked, "North ")
            assert message.streaming
            for post in reply.plan(Answer("turn-1", "North leads.")):
                await reply.send(post)
            await reply.close()

            assert message.text == "North leads."
            assert slack.sessions_of("C1", asked.ts).status == "active"

    async def test_nothing_is_kept_of_a_forgotten_thread(
        self, site: SlackSite, stage: Stage
    ) -> None:
        """Where its replies were is erased; what was posted stays."""
        asked = await ask(site)
        stage.answer("North leads.")
        await settled(site, asked)

        await site.platform.forget(site.core.accepted[0].key)

        async with site.core.services.database.connect() as connection:
            left = await connection.execute(sa.text("SELECT count(*) FROM slack_replies"))
            assert left.scalar_one() == 0
        assert len(site.slack.answers("C1", asked.ts)) == 1


class TestStatus:
    async def test_is_shown_until_there_is_something_to_read(
        self, site: SlackSite, stage: Stage
    ) -> None:
        """While nothing is written, a line says what is done; then it is gone."""
        asked = await ask(site)
        stage.show(status="reading sales.xlsx…")
        await site.slack.until(
            lambda: site.slack.status("C1", asked.ts) == "is reading sales.xlsx…"
        )
        stage.answer("Done.")
        await settled(site, asked)

        assert site.slack.status("C1", asked.ts) == ""

    async def test_never_stays(self, site: SlackSite, stage: Stage) -> None:
        """Set while a lost beginning was not found yet, and its end refused at first: it is gone
        with the answer."""
        site.slack.fail("chat.startStream", drop="after")
        asked = await ask(site)
        stage.show("North ")
        await site.slack.until(lambda: site.slack.calls["chat.startStream"])
        stage.show(status="running Python…")
        await site.slack.until(lambda: site.slack.status("C1", asked.ts) == "is running Python…")
        site.slack.fail("assistant.threads.setStatus", status=500)
        stage.answer("North leads.")
        await settled(site, asked)

        assert site.slack.status("C1", asked.ts) == ""

    async def test_is_renewed(self, slack: FakeSlack, stage: Stage, tmp_path: Path) -> None:
        """Slack lets a status lapse; it is set again before that."""
        async with serve(slack, tmp_path, stage.script, SLACK_STATUS_SECONDS="0.1") as site:
            asked = await ask(site)
            stage.show(status="reading sales.xlsx…")

            await slack.until(lambda: slack.calls["assistant.threads.setStatus"] >= 3)

            stage.answer("Done.")
            await settled(site, asked)


class TestFiles:
    async def test_follow_the_text_together(self, site: SlackSite, stage: Stage) -> None:
        """Files come in one message after the text, in order; the text calls them by name."""
        asked = await ask(site)
        chart = await keep(site, asked, "chart.png", b"\x89PNG")
        table = await keep(site, asked, "totals.csv", b"a,b\n")
        stage.answer(
            f"![chart](artifact:{chart.id}) and [the table](artifact:{table.id})",
            artifacts=(chart, table),
        )
        await site.slack.until(lambda: len(site.slack.answers("C1", asked.ts)) == 2)
        text, files = site.slack.answers("C1", asked.ts)

        assert text.text == "chart (`chart.png`) and the table (`totals.csv`)"
        assert [file.name for file in files.files] == ["chart.png", "totals.csv"]
        assert [file.read() for file in files.files] == [b"\x89PNG", b"a,b\n"]
        assert site.slack.calls["files.completeUploadExternal"] == 1

    async def test_that_are_empty_are_named(self, site: SlackSite, stage: Stage) -> None:
        """Slack takes no empty files; the answer says so."""
        asked = await ask(site)
        empty = await keep(site, asked, "empty.csv", b"")
        stage.answer("Here.", artifacts=(empty,))

        (answer,) = await settled(site, asked)

        assert "`empty.csv` is empty" in answer.text

    @pytest.mark.parametrize(
        ("error", "why"),
        [
            ("file_uploads_disabled", "allows no uploads"),
            ("missing_scope", "lacks the scope files:write"),
            ("post_too_blue", "Slack did not take it"),
        ],
    )
    async def test_that_fail_are_said(
        self, site: SlackSite, stage: Stage, error: str, why: str
    ) -> None:
        """A file that Slack refuses is named with its reason, in words; the others are there."""
        asked = await ask(site)
        first = await keep(site, asked, "a.csv", b"a")
        second = await keep(site, asked, "b.csv", b"b")
        site.slack.fail("files.getUploadURLExternal", error=error)
        stage.answer("Two files.", artifacts=(first, second))
        await site.slack.until(lambda: len(site.slack.answers("C1", asked.ts)) == 3)

        answers = site.slack.answers("C1", asked.ts)
        assert [f.name for m in answers for f in m.files] == ["b.csv"]
        (said,) = [m.text for m in answers if "could not be shown" in m.text]
        assert "`a.csv`" in said
        assert why in said
        assert "files.getUploadURL" not in said

    async def test_are_sent_again_where_the_line_breaks(
        self, site: SlackSite, stage: Stage
    ) -> None:
        """A broken upload is repeated; nothing was shared before."""
        asked = await ask(site)
        table = await keep(site, asked, "a.csv", b"a,b\n1,2\n")
        site.slack.fail("upload", drop="before")
        site.slack.fail("upload", status=500, after=0)
        stage.answer("Here.", artifacts=(table,))
        await site.slack.until(lambda: len(site.slack.answers("C1", asked.ts)) == 2)

        assert site.slack.answers("C1", asked.ts)[1].files[0].read() == b"a,b\n1,2\n"

    async def test_in_doubt_are_looked_for(self, site: SlackSite, stage: Stage) -> None:
        """Files whose sharing was not answered are found in the thread, and not shared again."""
        site.core.answers = False
        asked = await ask(site)
        table = await keep(site, asked, "a.csv", b"a")
        reply = await site.platform.open_reply(
            site.core.accepted[0].key, turn_id="turn-1", message_id=asked.ts, ref=None
        )
        text, files = reply.plan(Answer("turn-1", "Here.", artifacts=(table,)))
        await reply.send(text)
        site.slack.fail("files.completeUploadExternal", drop="after")

        sent = await reply.send(files)
        found = await reply.find(files.id)
        await reply.close()

        assert found == sent
        assert sum(len(m.files) for m in site.slack.answers("C1", asked.ts)) == 1


async def test_nobody_is_called(site: SlackSite, stage: Stage) -> None:
    """No mention that the model writes reaches anybody, live or finished."""
    asked = await ask(site)
    stage.show("Hello <!channel> and @here ")
    await stream(site, asked, "Hello")
    stage.answer("Hello <!channel> and @here and <@U1>, see [x](<!everyone>)", notes=("<!here>",))

    (done,) = await settled(site, asked)

    assert not re.search(r"<[!@]|@here", done.text)


# The paces that people see, and whoever writes, fifty times as fast.
HURRY = 50
PACES = ("first_show_ms", "pace_ms", "pace_max_ms", "short_pace_ms")
DEFAULTS = SlackSettings.read({})
HURRIED = {
    f"SLACK_{pace.upper()}": str(getattr(DEFAULTS, f"slack_{pace}") // HURRY) for pace in PACES
} | {"SLACK_SHORT_CHARS": str(DEFAULTS.slack_short_chars)}
SHORT = ("North leads with 1,200 of 3,400, then comes South. " * 10).strip()


async def known(site: SlackSite) -> None:
    """Let the bot know the person's name, as after their first question."""
    site.core.results["help"] = CommandResult("I compute.")
    await site.ann.command("/threadlab", "help", "C1")
    await site.slack.until(lambda: site.slack.ephemerals("U1"))


class TestCost:
    async def test_of_a_short_answer(self, site: SlackSite, stage: Stage) -> None:
        """A short answer takes at most four calls, a chart with its steps at most eight."""
        first = await ask(site)
        stage.answer("Four.", actions=ACTIONS)
        await settled(site, first)
        await site.slack.until(lambda: site.slack.sessions_of("C1", first.ts).status == "active")
        short = [r.method for r in site.slack.requests if r.method not in STARTING]
        assert len(short) <= 4, short

        before = len(site.slack.requests)
        second = await ask(site)
        await site.slack.until(lambda: len(site.core.accepted) == 2)
        chart = await keep(site, second, "chart.png", b"\x89PNG")
        stage.show("", CodeRun("r1", "plot()", RunState.RUNNING), status="running Python…")
        await site.slack.until(lambda: site.slack.answers("C1", second.ts))
        stage.answer(
            "See `chart.png`.",
            CodeRun("r1", "plot()", RunState.DONE),
            artifacts=(chart,),
            actions=ACTIONS,
        )
        await site.slack.until(lambda: any(m.files for m in site.slack.answers("C1", second.ts)))
        await site.slack.until(lambda: site.slack.sessions_of("C1", second.ts).status == "active")
        whole = [r.method for r in site.slack.requests[before:]]
        assert len(whole) <= 8, whole

    @pytest.mark.parametrize("streams", ["15", "0"])
    @pytest.mark.parametrize(("seconds", "met"), [(30, True), (90, True), (90, False)])
    async def test_of_a_short_answer_that_is_written_slowly(
        self, slack: FakeSlack, stage: Stage, tmp_path: Path, seconds: int, met: bool, streams: str
    ) -> None:
        """Half a minute or longer: at most four calls, streamed or not, whether the person's name
        had to be asked for or not."""
        slow = {**HURRIED, "SLACK_STREAMS_PER_MINUTE": streams}
        async with serve(slack, tmp_path, stage.script, **slow) as site:
            if met:
                await known(site)
            before = len([r for r in slack.requests if r.method not in STARTING])
            asked = await ask(site)
            for end in range(10, len(SHORT), 10):
                stage.show(SHORT[:end])
                await asyncio.sleep(seconds / HURRY / len(SHORT) * 10)
            stage.answer(SHORT, actions=ACTIONS)
            (done,) = await settled(site, asked)
            await slack.until(lambda: slack.sessions_of("C1", asked.ts).status == "active")

            calls = [r.method for r in slack.requests if r.method not in STARTING][before:]
            assert done.text == SHORT
            assert len(calls) <= 4, calls

    async def test_of_a_chart_that_is_made_slowly(
        self, slack: FakeSlack, stage: Stage, tmp_path: Path
    ) -> None:
        """A minute for reading, code and words: at most eight calls, its upload among them."""
        async with serve(slack, tmp_path, stage.script, **HURRIED) as site:
            before = len([r for r in slack.requests if r.method not in STARTING])
            asked = await ask(site)
            chart = await keep(site, asked, "chart.png", b"\x89PNG")
            stage.show(status="reading sales.xlsx…")
            await asyncio.sleep(5 / HURRY)
            for state in (RunState.WRITING, RunState.RUNNING, RunState.DONE):
                stage.show("", CodeRun("r1", "plot()", state, "ok"), status="running Python…")
                await asyncio.sleep(15 / HURRY)
            run = CodeRun("r1", "plot()", RunState.DONE, "ok")
            for end in range(10, len(SHORT), 10):
                stage.show(SHORT[:end], run)
                await asyncio.sleep(30 / HURRY / len(SHORT) * 10)
            stage.answer(SHORT, run, artifacts=(chart,), actions=ACTIONS)
            await slack.until(lambda: any(m.files for m in slack.answers("C1", asked.ts)))
            await slack.until(lambda: slack.sessions_of("C1", asked.ts).status == "active")

            calls = [r.method for r in slack.requests if r.method not in STARTING][before:]
            assert len(calls) <= 8, calls

    async def test_of_a_session_that_is_refused(self, site: SlackSite, stage: Stage) -> None:
        """Where Slack has no session for a thread, it is not asked for one again and again."""
        site.slack.fail("agents.sessions.setStatus", error="user_not_in_channel", times=100)
        asked = await ask(site)
        for end in range(1, 20):
            stage.show("North leads "[:end])
            await asyncio.sleep(0.03)
        stage.answer("North leads with 12.")
        await settled(site, asked)

        assert site.slack.calls["agents.sessions.setStatus"] <= 2

    @pytest.mark.slow
    async def test_of_fifty_threads_at_once(self, tmp_path: Path) -> None:
        """Fifty threads ask at the same time: all are answered, once, within Slack's rates."""

        async def script(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            del core
            yield Progress("thinking…")
            await asyncio.sleep(0.1)
            yield Progress("writing…", (), f"Answer to {message.text}, ")
            await asyncio.sleep(0.1)
            yield Answer(f"turn-{message.id}", f"Answer to {message.text}, whole.")

        async with loopback(clock_speed=20) as slack, serve(slack, tmp_path, script) as site:
            for number in range(10):
                slack.channel(f"C1{number}", members=[site.ann])
            asked = [
                await site.ann.say(f"C1{n % 10}", f"question {n}", mention=True) for n in range(50)
            ]

            async with asyncio.timeout(60):
                answers = [await site.answer(message) for message in asked]
            await slack.until(lambda: not site.core._turns, timeout_seconds=60)

            texts = [answer.text for answer in answers]
            assert texts == [f"Answer to question {n}, whole." for n in range(50)]
            assert all(len(slack.answers(m.channel, m.ts)) == 1 for m in asked)
            assert not slack.violations


@pytest.mark.parametrize(
    "missing",
    ["assistant:write", "reactions:write", "users:read", "channels:read", "files:write"],
)
async def test_a_missing_scope_costs_what_it_is_for(
    stage: Stage, tmp_path: Path, missing: str
) -> None:
    """An app installed before a scope was added still answers; what the scope is for is left out,
    and where people would miss it, it is named."""
    scopes = [scope for scope in SCOPES if scope != missing]
    async with loopback(scopes=scopes) as slack, serve(slack, tmp_path, stage.script) as site:
        asked = await site.ann.say("C1", "total in <#C1> for <@U1>?", mention=True)
        table = await keep(site, asked, "totals.csv", b"a,b\n")
        await site.ann.open_home()
        await site.ann.open_home("messages")
        stage.answer("North leads.", artifacts=(table,))
        await slack.until(lambda: len(slack.answers("C1", asked.ts)) == 2)
        answer, other = slack.answers("C1", asked.ts)

    assert answer.text == "North leads."
    if missing == "files:write":
        assert "files:write" in other.text
    else:
        assert [file.name for file in other.files] == ["totals.csv"]
