"""The fake in one object: its state, its server, the way of events to the app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Literal

from aiohttp import web

# Importing the modules of methods registers them.
from tests.fakes.slack import accounts as accounts
from tests.fakes.slack import agents as agents
from tests.fakes.slack import chat as chat
from tests.fakes.slack import conversations as conversations
from tests.fakes.slack import events, render
from tests.fakes.slack import streams as streams
from tests.fakes.slack.clock import Clock
from tests.fakes.slack.delivery import Delivery, Envelope
from tests.fakes.slack.faults import Fault, Faults
from tests.fakes.slack.files import Files
from tests.fakes.slack.limits import Limits
from tests.fakes.slack.manifest import EVENTS, SCOPES
from tests.fakes.slack.records import (
    HISTORY_SCOPES,
    MESSAGE_EVENTS,
    Channel,
    Json,
    Message,
    User,
    View,
)
from tests.fakes.slack.server import Server
from tests.fakes.slack.sockets import Sockets
from tests.fakes.slack.world import World

_SLEEP_SECONDS = 0.01


class FakeSlack(World):
    """A Slack on a loopback port.

    Arguments:
        scopes: what the bot's token may do; the manifest's.
        events: what the app is subscribed to; the manifest's.
        ack_timeout_seconds: real time until an unacknowledged event counts as lost.
        clock_speed: how much faster than real time the clock runs.
    """

    def __init__(
        self,
        *,
        scopes: Iterable[str] = SCOPES,
        events: Iterable[str] = EVENTS,
        ack_timeout_seconds: float = 3.0,
        clock_speed: float = 1.0,
    ) -> None:
        super().__init__(scopes, Clock(clock_speed))
        self.events = frozenset(events)
        self.limits = Limits(self.clock)
        self.faults = Faults()
        self.files = Files(self)
        self.sockets = Sockets(self)
        self.delivery = Delivery(self, ack_timeout_seconds)
        # How a mention is announced, and how the app's own messages and uploads are.
        self.mention_order: tuple[str, ...] = ("app_mention", "message")
        self.app_mention_on_uploads = True
        self.own_events = True
        self.share_delay_seconds = 0.02
        self.client_id, self.client_secret = "123.456", "client-secret"
        self.signing_secret = "signing-secret"
        self.redirect_uri: str | None = None
        self.asked_scopes: frozenset[str] = frozenset()
        self.url = ""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> FakeSlack:
        self._runner = web.AppRunner(Server(self).application(), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.sockets.drop()
        assert self._runner is not None
        await self._runner.cleanup()
        self.files.close()

    @property
    def api_url(self) -> str:
        """What SLACK_API_URL has to be."""
        return f"{self.url}/api/"

    # -- What happens to the app

    def uninstall(self, team: str | None = None) -> None:
        """Somebody removes the app: app_uninstalled and tokens_revoked."""
        removed = self.teams[team or self.team_id]
        self.revoke(removed.id)
        self.tell({"type": "app_uninstalled"}, removed.id)
        removed.installed = False

    def revoke(self, team: str | None = None) -> None:
        """The workspace's token stops working: tokens_revoked."""
        revoked = self.teams[team or self.team_id]
        self.tokens[revoked.token].revoked = True
        tokens = {"oauth": [], "bot": [revoked.bot_user_id]}
        self.tell({"type": "tokens_revoked", "tokens": tokens}, revoked.id)

    # -- What tests wait for and see

    def other_bot_says(self, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Another app posts: a bot_message, without a user."""
        message = Message(
            channel,
            self.clock.ts(),
            "UOTHERBOT",
            plain=text,
            thread_ts=thread_ts,
            subtype="bot_message",
            bot_id="BOTHER",
            username="Other bot",
        )
        self.users.setdefault(message.user, User(message.user, "Other bot", self.team_id, True))
        self.channels[channel].messages[message.ts] = message
        event = events.message(self, self.channels[channel], message)
        del event["user"]
        self.tell(event)
        return message

    def render(self, channel: str, ts: str, viewer: str | None = None) -> str:
        """A thread as an HTML page, with what only `viewer` sees."""
        return render.thread(self, channel, ts, viewer)

    def render_view(self, view: View) -> str:
        """A modal or a home tab as an HTML page."""
        draw = render.home if view.body["type"] == "home" else render.modal
        return draw(self, view)

    async def until(
        self, condition: Callable[[], object], *, timeout_seconds: float = 10.0
    ) -> None:
        """Wait until something holds.

        Raises:
            TimeoutError: it did not come true in time.
        """
        async with asyncio.timeout(timeout_seconds):
            while not condition():
                await asyncio.sleep(_SLEEP_SECONDS)

    async def connected(self, count: int = 1, *, timeout_seconds: float = 10.0) -> None:
        """Wait until so many sockets are open."""
        await self.until(lambda: len(self.sockets.open) >= count, timeout_seconds=timeout_seconds)

    async def settled(self, timeout_seconds: float = 10.0) -> None:
        """Wait until everything sent is acknowledged, or waits for its redelivery."""
        await self.delivery.settled(timeout_seconds)

    # -- What tests put in the way

    def fail(
        self,
        method: str,
        *,
        times: int = 1,
        after: int = 0,
        error: str | None = None,
        status: int | None = None,
        retry_after_seconds: int = 1,
        drop: Literal["before", "after"] | None = None,
        slow_seconds: float = 0.0,
    ) -> None:
        """Let the next calls of a method fail (see faults.Fault), after `after` good ones."""
        fault = Fault(error, status, retry_after_seconds, drop, slow_seconds)
        self.faults.add(method, fault, times=times, after=after)

    # -- Inner workings

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something until the fake closes."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def tell(self, event: Json, team: str | None = None) -> Envelope | None:
        """Send the app an event if it is subscribed to it, a member, and has the scope."""
        channel = self.channels.get(str(event.get("channel", "")))
        team = team or (channel.team if channel else self.team_id)
        if not self._wanted(event, channel, team):
            return None
        payload = events.wrapped(self, team, event, len(self.delivery.sent) + 1)
        envelope = Envelope("events_api", payload)
        self.spawn(self.delivery.send(envelope))
        return envelope

    def _wanted(self, event: Json, channel: Channel | None, team: str) -> bool:
        name, needed = event["type"], None
        bot = self.teams[team].bot_user_id
        if name == "message":
            assert channel is not None
            name, needed = MESSAGE_EVENTS[channel.kind], HISTORY_SCOPES[channel.kind]
            author = (event.get("message") or event).get("user")
            if author == bot and event.get("subtype") != "channel_join" and not self.own_events:
                return False
        elif name == "app_mention":
            needed = "app_mentions:read"
        if name in ("message.channels", "message.groups", "app_mention"):
            assert channel is not None
            if bot not in channel.members:
                return False
        token = self.tokens.get(self.teams[team].token)
        scopes = token.scopes if token else frozenset[str]()
        return name in self.events and (needed is None or needed in scopes)
