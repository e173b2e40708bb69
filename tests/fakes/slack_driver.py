"""The Slack platform over the fake core and the loopback Slack; its driver for the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.slack import plugin
from adapters.slack.platform import SlackPlatform
from bot.app import Application, application
from bot.domain import IncomingMessage
from bot.ports import ChatPlatform, Reply
from tests.fakes.core import FakeCore, Script
from tests.fakes.engine import KEY
from tests.fakes.platform_driver import Seen
from tests.fakes.slack import Envelope, FakeSlack, Message, Person
from tests.fakes.threadlab import settings_for
from tests.fakes.web import echo

_START_SECONDS = 10
_STATUS_SECONDS = 10
CHANNEL = "C1"
# As quick as a test wants to be; Slack's own limits stay.
QUICK = {
    "SLACK_FIRST_SHOW_MS": "20",
    "SLACK_PACE_MS": "20",
    "SLACK_PACE_MAX_MS": "50",
    "SLACK_SHORT_CHARS": "0",
    "SLACK_SHORT_PACE_MS": "20",
    "SLACK_SHARE_SECONDS": "0.2",
}


def over_http(slack: FakeSlack) -> dict[str, str]:
    """The settings with which events come as signed requests."""
    return {
        "SLACK_MODE": "http",
        "SLACK_HTTP_PORT": "0",
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_APP_TOKEN": "",
    }


@dataclass(frozen=True)
class SlackSite:
    """A running platform, its core, and the Slack that it is connected to."""

    slack: FakeSlack
    core: FakeCore
    platform: SlackPlatform
    ann: Person

    async def answer(self, asked: Message) -> Message:
        """The first message of the bot in a thread, once it is finished."""
        where = asked.channel, asked.thread_ts or asked.ts

        def finished() -> list[Message]:
            answers = self.slack.answers(*where)
            return [a for a in answers if a.metadata and not a.streaming]

        await self.slack.until(finished)
        return finished()[0]


def loopback(**how: Any) -> FakeSlack:
    """A Slack in which the app of the manifest is installed."""
    return FakeSlack(**how)


def environment(slack: FakeSlack, **others: str) -> dict[str, str]:
    """The settings of a platform on the loopback Slack."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        **QUICK,
        **others,
    }


@asynccontextmanager
async def running(platform: SlackPlatform) -> AsyncIterator[None]:
    """Run a platform until the block ends."""
    task = asyncio.create_task(platform.run())
    try:
        ready = asyncio.create_task(platform.ready.wait())
        await asyncio.wait({task, ready}, timeout=_START_SECONDS, return_when="FIRST_COMPLETED")
        ready.cancel()
        if task.done():
            await task  # raises why it could not start
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def serve(
    slack: FakeSlack, folder: Path, script: Script = echo, **others: str
) -> AsyncIterator[SlackSite]:
    """Run the adapter on a loopback Slack until the block ends."""
    core = FakeCore(folder, script, environment(slack, **others))
    platform = await core.attach(plugin)
    assert isinstance(platform, SlackPlatform)
    ann = slack.person("U1", "Ann")
    slack.channel(CHANNEL, "general", members=[ann])
    try:
        async with running(platform):
            if others.get("SLACK_MODE") != "http":
                await slack.connected(int(others.get("SLACK_CONNECTIONS", "1")))
            yield SlackSite(slack, core, platform, ann)
    finally:
        await core.close()


@asynccontextmanager
async def whole_bot(
    slack: FakeSlack, folder: Path, engine_url: str = "", **others: str
) -> AsyncIterator[Application]:
    """The bot with its embedded engine, or that of a test, on a loopback Slack, at the pace that
    people see."""
    embedded: dict[str, Any] = {"openai_api_key": None, "engine": "embedded"}
    engine = {"openai_api_key": KEY} if engine_url else embedded
    settings = settings_for(folder, engine_url or None, **engine)
    own_pace = {name: "" for name in QUICK}
    environ = {**environment(slack, **(own_pace | others)), "ENGINE_POOL_SIZE": "1"}
    async with application(settings, environ, [plugin]) as app:
        serving = asyncio.create_task(app.serve())
        try:
            if others.get("SLACK_MODE") == "http":
                platform = app.platforms["slack"]
                assert isinstance(platform, SlackPlatform)
                await platform.ready.wait()
                slack.delivery.http_url = f"{platform.url}/slack/events"
            else:
                await slack.connected()
            yield app
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


class SlackDriver:
    """Ann, in a thread of a channel."""

    def __init__(self, site: SlackSite) -> None:
        self._site = site
        self._slack = site.slack
        self._thread: str | None = None
        self.core = site.core
        self.platform: ChatPlatform = site.platform

    async def say(self, text: str, files: Mapping[str, bytes] | None = None) -> IncomingMessage:
        """Mention the bot, in the thread that the first mention has begun."""
        return await self._say(text, files, mention=True)

    async def say_to_ben(self, text: str) -> IncomingMessage:
        """Mention Ben in the thread."""
        ben = self._slack.person("U2", "Ben")
        return await self._say(f"<@{ben.id}> {text}")

    async def _say(
        self, text: str, files: Mapping[str, bytes] | None = None, *, mention: bool = False
    ) -> IncomingMessage:
        before = len(self.core.accepted)
        said = await self._site.ann.say(
            CHANNEL, text, mention=mention, files=files, thread_ts=self._thread
        )
        self._thread = self._thread or said.ts
        await self._slack.until(lambda: len(self.core.accepted) > before)
        await self._slack.settled()
        return self.core.accepted[-1]

    async def redeliver(self) -> None:
        """Slack delivers everything that it has sent once more."""
        for envelope in list(self._slack.delivery.sent):
            again = await self._slack.delivery.send(Envelope(envelope.type, envelope.payload))
            assert again.acknowledged
        await self._slack.settled()

    async def sign(self, message: IncomingMessage) -> bool:
        """The agent's session is working, or the thread has a status."""
        key = message.key
        session = self._slack.sessions_of(key.channel, key.thread)
        return session.status == "processing" or bool(self._slack.status(key.channel, key.thread))

    async def status(self, reply: Reply, wanted: str) -> bool:
        """The title above the steps of an answer, else the status line under the thread."""
        assert self._thread is not None
        thread = self._thread

        def shown() -> bool:
            answers = self._slack.answers(CHANNEL, thread)
            titles = [answer.plan_title for answer in answers]
            heading = f"{wanted[:1].upper()}{wanted[1:]}"
            return heading in titles or self._slack.status(CHANNEL, thread) == f"is {wanted}"

        try:
            await self._slack.until(shown, timeout_seconds=_STATUS_SECONDS)
        except TimeoutError:
            return False
        return True

    async def seen(self, message: IncomingMessage) -> Seen:
        """The bot's messages of the thread; those with files alone are no posts."""
        key = message.key
        expected = {f.id for f in self._slack.files.all.values() if f.completed and f.user != "U1"}

        def shared() -> set[str]:
            return {f.id for m in self._slack.answers(key.channel, key.thread) for f in m.files}

        await self._slack.until(lambda: expected <= shared())
        answers = self._slack.answers(key.channel, key.thread)
        posts = [answer for answer in answers if not answer.files]
        files = {file.name: file.read() for answer in answers for file in answer.files}
        working = (
            self._slack.sessions_of(key.channel, key.thread).status == "processing"
            or bool(self._slack.status(key.channel, key.thread))
            or any(answer.streaming for answer in posts)
        )
        return Seen(len(posts), "\n".join(post.text for post in posts), files, working)


# A restart of the platform meets the same Slack.
_SLACKS: dict[Path, FakeSlack] = {}


@asynccontextmanager
async def slack_driver(folder: Path) -> AsyncIterator[SlackDriver]:
    """The platform over a core that keeps silent, on the Slack of the folder."""
    async with _SLACKS.setdefault(folder, loopback()) as slack, serve(slack, folder) as site:
        site.core.answers = False
        yield SlackDriver(site)
        assert not slack.violations, slack.violations
