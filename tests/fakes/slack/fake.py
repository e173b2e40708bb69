"""The whole fake in one object: its state, its server, and readers for tests."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Literal

from aiohttp import web

# Importing the modules of methods registers them.
from tests.fakes.slack import accounts as accounts
from tests.fakes.slack import agents as agents
from tests.fakes.slack import chat as chat
from tests.fakes.slack import conversations as conversations
from tests.fakes.slack import events, views
from tests.fakes.slack import streams as streams
from tests.fakes.slack.clock import Clock
from tests.fakes.slack.delivery import Delivery, Envelope
from tests.fakes.slack.faults import Fault, Faults
from tests.fakes.slack.files import Files
from tests.fakes.slack.limits import Limits
from tests.fakes.slack.people import Person
from tests.fakes.slack.records import (
    HISTORY_SCOPES,
    MESSAGE_EVENTS,
    Channel,
    ChannelKind,
    Effect,
    Json,
    Message,
    Request,
    Session,
    Team,
    Token,
    User,
    View,
)
from tests.fakes.slack.response_urls import ResponseUrl
from tests.fakes.slack.server import Server
from tests.fakes.slack.sockets import Sockets

SCOPES = frozenset(
    {
        "app_mentions:read",
        "assistant:write",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "mpim:history",
        "reactions:write",
        "users:read",
    }
)
EVENTS = frozenset(
    {
        "agent_session_stopped",
        "app_context_changed",
        "app_home_opened",
        "app_mention",
        "app_uninstalled",
        "message.channels",
        "message.groups",
        "message.im",
        "message.mpim",
        "tokens_revoked",
    }
)
_SLEEP_SECONDS = 0.01


class FakeSlack:
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
        self.scopes = frozenset(scopes)
        self.events = frozenset(events)
        self.clock = Clock(clock_speed)
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
        # The app.
        self.app_id = "A0THREADLAB"
        self.client_id, self.client_secret = "123.456", "client-secret"
        self.signing_secret = "signing-secret"
        self.redirect_uri: str | None = None
        self.asked_scopes: frozenset[str] = frozenset()
        # The state.
        self.url = ""
        self.teams: dict[str, Team] = {}
        self.tokens: dict[str, Token] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, tuple[str, float]] = {}
        self.codes: dict[str, tuple[Team, str, str | None]] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.effects: list[Effect] = []
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self._sessions: dict[tuple[str, str | None], Session] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None
        self._ids = 0
        team = self.add_team("Acme", team_id="T0ACME")
        self.team_id, self.bot_user_id, self.bot_token = team.id, team.bot_user_id, team.token
        self.app_token = "xapp-1-A0THREADLAB-1-test"
        app = Token(self.app_token, team.id, frozenset({"connections:write"}))
        self.tokens[self.app_token] = app

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

    @property
    def api_url(self) -> str:
        """What SLACK_API_URL has to be."""
        return f"{self.url}/api/"

    # -- Workspaces, people and channels

    def add_team(self, name: str, *, team_id: str | None = None, installed: bool = True) -> Team:
        """A workspace; not installed, its token works only after OAuth."""
        number = len(self.teams) + 1
        team_id = team_id or f"T{number:08d}"
        bot = User(f"U{number}BOT", "Threadlab", team_id, is_bot=True)
        team = Team(team_id, name, bot.id, f"B{number}BOT", f"xoxb-{number}-test", installed)
        self.teams[team.id], self.users[bot.id] = team, bot
        if installed:
            self.install(team)
        return team

    def install(self, team: Team) -> None:
        """Give the workspace's bot a fresh token."""
        if team.token in self.tokens:
            team.token = f"xoxb-{secrets.token_hex(6)}"
        self.tokens[team.token] = Token(team.token, team.id, self.scopes)
        team.installed = True

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

    def code(self, team: str | None = None, *, redirect_uri: str | None = None) -> str:
        """A code that oauth.v2.access exchanges; for the last workspace added, or `team`."""
        chosen = self.teams[team] if team else list(self.teams.values())[-1]
        code = secrets.token_hex(8)
        self.codes[code] = (chosen, "UINSTALLER", redirect_uri)
        return code

    def person(
        self, user_id: str, name: str, *, team: str | None = None, admin: bool = False
    ) -> Person:
        """Somebody in the workspace."""
        if user_id not in self.users:
            found = User(user_id, name, team or self.team_id, is_admin=admin)
            self.users[user_id] = found
        return Person(self, self.users[user_id])

    def channel(
        self,
        channel_id: str,
        name: str = "",
        *,
        kind: ChannelKind = "channel",
        members: Iterable[Person] = (),
        bot: bool = True,
        team: str | None = None,
    ) -> Channel:
        """A channel, made at the first call; `bot`: the app is a member."""
        if channel_id not in self.channels:
            home = self.teams[team or self.team_id]
            channel = Channel(channel_id, name or channel_id.lower(), kind, home.id)
            channel.members = {home.bot_user_id} if bot else set()
            self.channels[channel_id] = channel
        self.channels[channel_id].members |= {member.id for member in members}
        return self.channels[channel_id]

    def dm(self, *user_ids: str) -> Channel:
        """The direct conversation of the bot with one person, or with several."""
        people = [self.users[user_id] for user_id in user_ids]
        kind: ChannelKind = "im" if len(people) == 1 else "mpim"
        name = "-".join(person.id.removeprefix("U") for person in people)
        channel_id = ("D" if kind == "im" else "G") + name
        channel = self.channel(channel_id, "directmessage", kind=kind, team=people[0].team)
        channel.members |= set(user_ids)
        return channel

    # -- What tests read

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The messages of a thread, its first included, in order."""
        found = self.channels[channel].messages.values()
        thread = [message for message in found if ts in (message.ts, message.thread_ts)]
        return sorted(thread, key=lambda message: float(message.ts))

    def answers(self, channel: str, ts: str) -> list[Message]:
        """What the bot has written in a thread."""
        return [message for message in self.thread(channel, ts) if message.bot_id]

    def ephemerals(self, user: str) -> list[Message]:
        """What only that person sees, in all channels, in order."""
        found = [m for c in self.channels.values() for m in c.ephemeral if m.only_for == user]
        return sorted(found, key=lambda message: float(message.ts))

    def sessions_of(self, channel: str, thread_ts: str | None) -> Session:
        """The agent session, status and prompts of a thread."""
        return self._sessions.setdefault((channel, thread_ts), Session())

    def status(self, channel: str, thread_ts: str) -> str:
        """The status line under the thread ("" is none); it lapses after two minutes."""
        session = self.sessions_of(channel, thread_ts)
        return session.typing if self.clock.now() < session.typing_until else ""

    @property
    def calls(self) -> Counter[str]:
        """How often each method was called, whatever the answer."""
        return Counter(request.method for request in self.requests)

    def view_json(self, view: View) -> Json:
        """The view object of events."""
        return views.as_json(view, self.app_id, self.teams[view.team].bot_id)

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

    def violate(self, where: str, what: str) -> None:
        """Note something that no app should do."""
        self.violations.append(f"{where}: {what}")

    # -- Inner workings

    def new_id(self, letter: str) -> str:
        """A new identifier."""
        self._ids += 1
        return f"{letter}{self._ids:08d}"

    def trigger(self, user: str) -> str:
        """A trigger_id that opens one modal for that person."""
        trigger = f"{self.new_id('')}.{secrets.token_hex(8)}"
        self.triggers[trigger] = (user, self.clock.now() + views.TRIGGER_SECONDS)
        return trigger

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
