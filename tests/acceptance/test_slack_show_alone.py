"""Bots of their own on Slack: an answer longer than a stream lives, an installation by OAuth."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from adapters.slack.platform import SlackPlatform
from engine.planner.protocol import Lab, Question
from tests.fakes.engine import running_engine
from tests.fakes.slack_driver import QUICK, loopback, whole_bot
from tests.fakes.slack_oauth import for_many, install
from tests.fakes.slack_thread import answers, rests, said, shared

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SALES = b"region,revenue\nNorth,120\nSouth,80\nNorth,30\nEast,55\n"
CHART = "total revenue by region and a bar chart"
LONG = " ".join(f"word{n}" + "\n\n" * (n % 50 == 49) for n in range(2_500))


class Speaker:
    """A planner that says the half of something long, and the rest once it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    async def answer(self, question: Question, lab: Lab) -> None:
        """Say it."""
        del question
        await lab.say(LONG[: len(LONG) // 4])
        await self.released.wait()
        await lab.say(LONG[len(LONG) // 4 :])


async def test_a_stream_that_dies_loses_no_character(tmp_path: Path) -> None:
    """After five minutes Slack ends the stream of an answer of 20,000 characters, and then is busy:
    all of its words are there in the end, each once, and nothing looks as if it went on."""
    speaker = Speaker()
    async with (
        running_engine(tmp_path / "engine", speaker.answer) as engine,
        loopback() as slack,
        whole_bot(slack, tmp_path, engine.base_url, **QUICK),
    ):
        ann = slack.person("U1", "Ann")
        slack.channel("C1", members=[ann])
        asked = await ann.say("C1", "tell me all", mention=True)
        await said(slack, asked, "word")
        await slack.until(lambda: slack.answers("C1", asked.ts)[0].streaming)
        await slack.clock.advance(301)
        slack.fail("chat.update", status=429, retry_after_seconds=0, times=2)
        speaker.released.set()
        await answers(slack, asked, 2)
        await rests(slack, asked)

        shown = slack.answers("C1", asked.ts)
        assert len(LONG) > 20_000
        assert " ".join(message.text for message in shown).split() == LONG.split()
        assert "Retry" in shown[-1].buttons
        assert not slack.broken()
        assert not slack.violations, slack.violations


async def test_a_workspace_installs_the_app_and_removes_it(tmp_path: Path) -> None:
    """By OAuth, though Slack is busy: a question with a file is answered with the workspace's own
    token; after the app was removed and installed anew, the thread goes on."""
    async with loopback() as slack, whole_bot(slack, tmp_path, **for_many(slack)) as app:
        platform = app.platforms["slack"]
        assert isinstance(platform, SlackPlatform)
        assert platform.url is not None
        slack.redirect_uri = f"{platform.url}/slack/oauth_redirect"
        globex = slack.add_team("Globex", installed=False)
        zoe = slack.person("U7", "Zoe", team=globex.id)
        slack.channel("C7", members=[zoe], team=globex.id)
        slack.fail("oauth.v2.access", status=429)

        assert (await install(platform.url)).status_code == 200
        asked = await zoe.say(
            "C7",
            "total revenue by region and a bar chart",
            mention=True,
            files={"sales.csv": SALES},
        )
        await shared(slack, asked, ".png")
        await answers(slack, asked)
        slack.uninstall(globex.id)
        await slack.settled()
        unheard = await zoe.say("C7", "what is 2 + 2?", mention=True, thread_ts=asked.ts)
        await slack.settled()
        assert len(slack.answers("C7", asked.ts)) == 2

        assert (await install(platform.url)).status_code == 200
        await zoe.say("C7", "what is the total revenue?", mention=True, thread_ts=asked.ts)
        await said(slack, asked, "285")
        assert unheard.ts in slack.channels["C7"].messages
        assert not slack.violations, slack.violations
