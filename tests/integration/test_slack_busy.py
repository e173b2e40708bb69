"""Slack asks to wait (429), at each method that is called: it happens all the same, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from adapters.slack.api import Busy, WebApi
from adapters.slack.methods import METHODS
from adapters.slack.settings import SlackSettings
from bot.domain import Action, Answer, Artifact, IncomingMessage, Progress
from bot.ports import CommandResult
from tests.fakes.core import FakeCore
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_driver import SlackSite, loopback, over_http, serve

BUSY_TIMES = 2
SECONDS = 30
PAUSE_SECONDS = 0.1


async def script(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    """An answer that grows, with a file and a button."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"a,b\n"

    blob = await core.blobs.put(message.key, chunks(), limit_bytes=100)
    yield Progress("reading sales.xlsx…")
    await asyncio.sleep(PAUSE_SECONDS)
    for words in ("North ", "North leads "):
        yield Progress("writing…", (), words)
        await asyncio.sleep(PAUSE_SECONDS)
    yield Answer(
        f"turn-{message.id}",
        "North leads with 12.",
        artifacts=(Artifact("cfile_1", "totals.csv", "text/csv", blob),),
        actions=(Action("code", "Code", "turn-1"),),
    )


@asynccontextmanager
async def busy(
    slack: FakeSlack,
    folder: Path,
    method: str,
    *,
    times: int = BUSY_TIMES,
    after: int = 0,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[SlackSite]:
    """The bot on a Slack that asks to wait so often, after so many good calls of a method."""
    slack.fail(method, status=429, retry_after_seconds=0, times=times, after=after)
    async with serve(slack, folder, script, **(settings or {})) as site:
        yield site


async def answer(
    method: str,
    slack: FakeSlack,
    folder: Path,
    *,
    times: int = BUSY_TIMES,
    settings: Mapping[str, str] | None = None,
) -> None:
    """A question is answered whole, its file is there, and nothing looks as if it went on."""
    async with busy(slack, folder, method, times=times, settings=settings) as site:
        asked = await site.ann.say("C1", "total?", mention=True)
        await slack.until(
            lambda: any(m.files for m in slack.answers("C1", asked.ts)), timeout_seconds=SECONDS
        )
        await slack.until(lambda: not site.core._turns)

        answers = slack.answers("C1", asked.ts)
        assert [m.text for m in answers if m.text] == ["North leads with 12."]
        assert [f.name for m in answers for f in m.files] == ["totals.csv"]
        assert slack.sessions_of("C1", asked.ts).status != "processing"
        assert slack.status("C1", asked.ts) == ""


async def session_end(slack: FakeSlack, folder: Path) -> None:
    """A session that began comes to rest, whatever Slack says at first."""
    async with busy(
        slack, folder, "agents.sessions.setStatus", after=1, settings=UNSTREAMED
    ) as site:
        asked = await site.ann.say("C1", "total?", mention=True)
        session = slack.sessions_of("C1", asked.ts)
        await slack.until(lambda: session.status == "processing")
        await slack.until(lambda: session.status == "active")

        said = [line for line in session.history if line.startswith("session:")]
        assert said == ["session: processing", "session: active"]


async def prompts(slack: FakeSlack, folder: Path) -> None:
    """The messages tab has its prompts."""
    async with busy(slack, folder, "assistant.threads.setSuggestedPrompts") as site:
        await site.ann.open_home("messages")
        await slack.until(lambda: slack.sessions_of("D1", None).prompts)


async def home(slack: FakeSlack, folder: Path) -> None:
    """The home is drawn."""
    async with busy(slack, folder, "views.publish") as site:
        await site.ann.open_home()
        await slack.until(lambda: "U1" in slack.homes)


async def aside(slack: FakeSlack, folder: Path) -> None:
    """A button is answered to who pressed it."""
    async with busy(slack, folder, "chat.postEphemeral") as site:
        asked = await site.ann.say("C1", "total?", mention=True)
        site.core.results["code"] = CommandResult("print(1)")
        await site.ann.click(await site.answer(asked), "Code")
        await slack.until(lambda: slack.ephemerals("U1"))


async def reaction(slack: FakeSlack, folder: Path) -> None:
    """A file without a question has its sign."""
    async with busy(slack, folder, "reactions.add") as site:
        site.core.answers = False
        dropped = await site.ann.say("C1", mention=True, files={"a.csv": b"1"})
        await slack.until(lambda: site.core.accepted)
        await site.platform.taken(site.core.accepted[0])

        assert dropped.reactions == {"inbox_tray": [slack.bot_user_id]}


async def channel_name(slack: FakeSlack, folder: Path) -> None:
    """The name of a channel is asked for again, as long as a message has time."""
    async with busy(slack, folder, "conversations.info", times=1) as site:
        site.core.answers = False
        slack.channel("C2", "sales")
        await site.ann.say("C1", "what is in <#C2>?", mention=True)
        await slack.until(lambda: site.core.accepted)
        await slack.settled()

        (message,) = site.core.accepted
        assert message.text == "what is in #sales?"


async def caller(slack: FakeSlack, folder: Path) -> None:
    """Whether somebody is an admin is waited for."""
    async with busy(slack, folder, "users.info", times=1) as site:
        bo = slack.person("U2", "Bo", admin=True)
        site.core.results["settings"] = CommandResult("These.")
        await bo.command("/threadlab", "settings", "C1")
        await slack.until(lambda: site.core.calls)

        assert site.core.calls[0][2].admin


async def beginning(slack: FakeSlack, folder: Path) -> None:
    """The file that a thread began with comes along."""
    async with busy(slack, folder, "conversations.replies", times=1) as site:
        site.core.answers = False
        posted = await site.ann.say("C1", "our sales", files={"sales.csv": b"1"})
        await site.ann.say("C1", "total?", mention=True, thread_ts=posted.ts)
        await slack.until(lambda: site.core.accepted)
        await slack.settled()

        (message,) = site.core.accepted
        assert [file.name for file in message.attachments] == ["sales.csv"]


async def stub(slack: FakeSlack, folder: Path) -> None:
    """A file of which only the id came is read."""
    async with busy(slack, folder, "files.info") as site:
        site.core.answers = False
        await site.ann.say(
            "C1",
            mention=True,
            files={"sales.csv": b"a,b\n"},
            file_modes={"sales.csv": "check_file_info"},
        )
        await slack.until(lambda: site.core.accepted)
        (message,) = site.core.accepted
        chunks = [c async for c in site.platform.read(message.key, message.attachments[0])]

        assert b"".join(chunks) == b"a,b\n"


async def modal(slack: FakeSlack, folder: Path) -> None:
    """A modal opens while its trigger lasts."""
    async with busy(slack, folder, "views.open", times=1) as site:
        posted = await site.ann.say("C1", "our sales", files={"sales.csv": b"1"})
        await site.ann.shortcut("threadlab_analyse", posted)

        assert site.ann.modal().body["callback_id"] == "threadlab_ask"


async def installation(slack: FakeSlack, folder: Path) -> None:
    """A workspace has the app when its installer comes back from Slack."""
    other = slack.add_team("Globex", installed=False)
    settings = {
        **over_http(slack),
        "SLACK_BOT_TOKEN": "",
        "SLACK_CLIENT_ID": slack.client_id,
        "SLACK_CLIENT_SECRET": slack.client_secret,
        "SLACK_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    }
    async with (
        busy(slack, folder, "oauth.v2.access", settings=settings) as site,
        httpx.AsyncClient(trust_env=False, timeout=SECONDS) as browser,
    ):
        page = await browser.get(f"{site.platform.url}/slack/install")
        cookie = page.headers["set-cookie"].partition(";")[0]
        done = await browser.get(
            f"{site.platform.url}/slack/oauth_redirect",
            params={"code": slack.code(other.id), "state": cookie.partition("=")[2]},
            headers={"Cookie": cookie},
        )

        assert done.status_code == 200


Play = Callable[[FakeSlack, Path], Awaitable[None]]
UNSTREAMED = {"SLACK_STREAMS_PER_MINUTE": "0"}
WITHOUT_SESSIONS = {"SLACK_SESSIONS_PER_MINUTE": "0"}
ANSWERED = (
    *("apps.connections.open", "auth.test", "chat.stopStream"),
    *("files.completeUploadExternal", "files.getUploadURLExternal"),
)
# Where these are asked to wait, something else is shown instead, or later.
ANSWERED_OTHERWISE = ("chat.appendStream", "chat.startStream")
PLAYS: dict[str, Play] = {
    **{method: partial(answer, method) for method in ANSWERED},
    **{method: partial(answer, method, times=1) for method in ANSWERED_OTHERWISE},
    "agents.sessions.setStatus": session_end,
    "assistant.threads.setStatus": partial(
        answer, "assistant.threads.setStatus", settings=WITHOUT_SESSIONS
    ),
    "assistant.threads.setSuggestedPrompts": prompts,
    "chat.postEphemeral": aside,
    "chat.postMessage": partial(answer, "chat.postMessage", settings=UNSTREAMED),
    "chat.update": partial(answer, "chat.update", settings=UNSTREAMED),
    "conversations.info": channel_name,
    "conversations.replies": beginning,
    "files.info": stub,
    "reactions.add": reaction,
    "users.info": caller,
    "views.open": modal,
    "views.publish": home,
}
# What Bolt and the SDK call for the adapter.
BOLTS: dict[str, Play] = {
    "oauth.v2.access": installation,
}


def test_every_method_that_is_called_has_its_play() -> None:
    """None is forgotten: the register of methods is what the code calls, as another test sees."""
    assert set(PLAYS | BOLTS) == set(METHODS) | set(BOLTS)


@pytest.mark.parametrize("method", sorted(PLAYS | BOLTS))
async def test_what_slack_asks_to_wait_for_happens_once(method: str, tmp_path: Path) -> None:
    """A 429 on any method: what it is for happens, once, and nothing else is lost with it."""
    async with loopback() as slack:
        await (PLAYS | BOLTS)[method](slack, tmp_path)

        outcomes = [r.outcome for r in slack.requests if r.method == method]
        assert "http 429" in outcomes
        assert not slack.faults.waiting(method)
        assert not slack.violations, slack.violations
        if method in ONCE:
            assert outcomes.count("ok") == 1


# Called once for one effect; others are called more often in the same play.
ONCE = (
    *("assistant.threads.setSuggestedPrompts", "chat.postEphemeral"),
    *("chat.stopStream", "conversations.replies", "files.completeUploadExternal"),
    *("files.getUploadURLExternal", "oauth.v2.access", "reactions.add", "views.open"),
    *("views.publish",),
)


async def test_a_session_that_can_not_begin_is_done_without(tmp_path: Path) -> None:
    """The first sign is another one, and the answer is whole."""
    async with loopback() as slack:
        await answer("agents.sessions.setStatus", slack, tmp_path, times=1)


async def test_a_wait_without_end_is_not_waited_for(tmp_path: Path) -> None:
    """Where Slack asks for more than is set, the call fails at once, and is not made again."""
    async with loopback() as slack:
        settings = SlackSettings.read({"SLACK_API_URL": slack.api_url})
        slack.fail("auth.test", status=429, retry_after_seconds=3_600)

        with pytest.raises(Busy):
            await WebApi(settings, slack.bot_token).call("auth.test")

        assert slack.calls["auth.test"] == 1


class TestModals:
    @pytest.mark.parametrize("fault", [{"status": 429, "times": 2}, {"error": "trigger_expired"}])
    async def test_that_can_not_open_in_time_say_so(
        self, tmp_path: Path, fault: dict[str, object]
    ) -> None:
        """Whoever chose the shortcut on a message learns how to ask all the same."""
        async with loopback() as slack, serve(slack, tmp_path, script) as site:
            posted = await site.ann.say("C1", "our sales", files={"sales.csv": b"1"})
            slack.fail("views.open", **fault)  # type: ignore[arg-type]
            await site.ann.shortcut("threadlab_analyse", posted)

            await slack.until(lambda: slack.ephemerals("U1"))
            assert "`@Threadlab` and your question" in slack.ephemerals("U1")[0].text

    async def test_of_no_place_say_so_in_the_messages_tab(self, tmp_path: Path) -> None:
        """The shortcut for settings comes from no channel: the bot writes to the person."""
        async with loopback() as slack, serve(slack, tmp_path, script) as site:
            slack.fail("views.open", status=429, times=2)
            await site.ann.shortcut("threadlab_settings")

            await slack.until(lambda: slack.dm("U1").messages)
            (said,) = slack.dm("U1").messages.values()
            assert "`/threadlab settings`" in said.text
