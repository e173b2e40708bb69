"""What stands in the fake: workspaces, people, channels, messages; and readers for tests."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from tests.fakes.slack import views
from tests.fakes.slack.clock import Clock
from tests.fakes.slack.people import Person
from tests.fakes.slack.records import (
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

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack


class World:
    """The state, all of it, and nothing that talks to the app."""

    def __init__(self, scopes: Iterable[str], clock: Clock) -> None:
        self.scopes = frozenset(scopes)
        self.clock = clock
        self.app_id = "A0THREADLAB"
        self.teams: dict[str, Team] = {}
        self.tokens: dict[str, Token] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, tuple[str, float]] = {}
        self.codes: dict[str, tuple[Team, str, str | None]] = {}
        self.users["USLACKBOT"] = User("USLACKBOT", "Slackbot", "T0ACME", is_bot=True)
        self.response_urls: dict[str, ResponseUrl] = {}
        self.effects: list[Effect] = []
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self._sessions: dict[tuple[str, str | None], Session] = {}
        self._ids = 0
        team = self.add_team("Acme", team_id="T0ACME")
        self.team_id, self.bot_user_id, self.bot_token = team.id, team.bot_user_id, team.token
        self.app_token = "xapp-1-A0THREADLAB-1-test"
        app = Token(self.app_token, team.id, frozenset({"connections:write"}))
        self.tokens[self.app_token] = app

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
        return Person(cast("FakeSlack", self), self.users[user_id])

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

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The messages of a thread, its first included, in order."""
        found = self.channels[channel].messages.values()
        thread = [message for message in found if ts in (message.ts, message.thread_ts)]
        return sorted(thread, key=lambda message: float(message.ts))

    def answers(self, channel: str, ts: str) -> list[Message]:
        """What the bot has written in a thread."""
        bot = self.teams[self.channels[channel].team].bot_id
        return [message for message in self.thread(channel, ts) if message.bot_id == bot]

    def broken(self) -> list[Message]:
        """Streams that died and were never replaced: people see them stuck."""
        messages = [m for c in self.channels.values() for m in c.messages.values()]
        now = self.clock.now()
        return [m for m in messages if m.broken or (m.streaming and now >= m.stream_ends_at)]

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

    def violate(self, where: str, what: str) -> None:
        """Note something that no app should do."""
        self.violations.append(f"{where}: {what}")

    def new_id(self, letter: str) -> str:
        """A new identifier."""
        self._ids += 1
        return f"{letter}{self._ids:08d}"

    def trigger(self, user: str) -> str:
        """A trigger_id that opens one modal for that person."""
        trigger = f"{self.new_id('')}.{secrets.token_hex(8)}"
        self.triggers[trigger] = (user, self.clock.now() + views.TRIGGER_SECONDS)
        return trigger
