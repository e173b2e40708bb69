"""The register of Web API methods: scope, tier and arguments of each, and the call itself."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.slack.records import Channel, Json, Message, Team, Token

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack


class ApiError(Exception):
    """The call is refused; `extra` joins the answer."""

    def __init__(self, error: str, message: str = "", **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra
        if message:
            self.extra["response_metadata"] = {"messages": [f"[ERROR] {message}"]}


@dataclass
class Call:
    """One call of a method with its arguments, already checked for presence and type."""

    slack: FakeSlack
    method: str
    token: Token | None
    arguments: Json

    @property
    def team(self) -> Team:
        """The workspace of the token."""
        assert self.token is not None
        return self.slack.teams[self.token.team]

    def get(self, name: str, default: Any = None) -> Any:
        """An argument."""
        return self.arguments.get(name, default)

    def need(self, scope: str) -> None:
        """Refuse unless the token has the scope."""
        assert self.token is not None
        if scope not in self.token.scopes:
            self.slack.violate(self.method, f"called without the scope {scope}")
            provided = ",".join(sorted(self.token.scopes))
            raise ApiError("missing_scope", needed=scope, provided=provided)

    def channel(self, name: str = "channel", *, member: bool = True) -> Channel:
        """The channel an argument names; refused if unknown or, asked so, not joined."""
        channel = self.slack.channels.get(str(self.get(name)))
        if channel is None or channel.team != self.team.id:
            raise ApiError("channel_not_found")
        if self.team.bot_user_id not in channel.members:
            if channel.kind != "channel":
                raise ApiError("channel_not_found")
            if member:
                raise ApiError("not_in_channel")
        return channel

    def message(self, channel: Channel, name: str = "ts") -> Message:
        """The message an argument names."""
        found = channel.messages.get(str(self.get(name)))
        if found is None:
            raise ApiError("message_not_found")
        return found

    def own_message(self, channel: Channel, error: str) -> Message:
        """The message an argument names, which must be the bot's."""
        message = self.message(channel)
        if message.user != self.team.bot_user_id:
            raise ApiError(error)
        return message

    def thread(self, channel: Channel, name: str = "thread_ts") -> str | None:
        """The thread's first message's ts; refused if nothing stands there."""
        ts = self.get(name)
        if ts is None:
            return None
        first = channel.messages.get(ts)
        if first is None:
            raise ApiError("thread_not_found")
        if first.thread_ts not in (None, first.ts):
            self.slack.violate(self.method, "thread_ts is a reply's, not the parent's")
            return first.thread_ts
        return str(ts)


Handler = Callable[[Call], Awaitable[Json]]


@dataclass(frozen=True)
class Method:
    """How a method may be called. `changes`: it is an effect."""

    name: str
    handler: Handler
    scope: str | None
    tier: int | None
    required: Mapping[str, type]
    optional: Mapping[str, type]
    changes: bool
    app_token: bool
    open: bool


METHODS: dict[str, Method] = {}


def method(
    name: str,
    *,
    scope: str | None = None,
    tier: int | None = 4,
    required: Mapping[str, type] | None = None,
    optional: Mapping[str, type] | None = None,
    changes: bool = True,
    app_token: bool = False,
    open: bool = False,
) -> Callable[[Handler], Handler]:
    """Register a handler. `open` methods need no token, `app_token` ones an xapp token."""

    def register(handler: Handler) -> Handler:
        METHODS[name] = Method(
            name, handler, scope, tier, required or {}, optional or {}, changes, app_token, open
        )
        return handler

    return register


def checked(found: Method, given: Json) -> tuple[Json, list[str]]:
    """The arguments in their types, and the names the method does not know.

    Raises:
        ApiError: one is missing or of another type.
    """
    # Bolt adds the team to every call; Slack lets it pass.
    known = {**found.required, **found.optional, "team_id": str}
    for name in found.required:
        if given.get(name) in (None, ""):
            raise ApiError("invalid_arguments", f"missing required field: {name}")
    arguments = {
        name: _typed(name, value, known[name])
        for name, value in given.items()
        if name in known and value is not None
    }
    return arguments, sorted(given.keys() - known.keys())


def _typed(name: str, value: Any, kind: type) -> Any:
    if isinstance(value, str) and kind is not str:
        value = _decoded(name, value, kind)
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ApiError("invalid_arguments", f"must be of type {kind.__name__}: {name}")
    return value


def _decoded(name: str, value: str, kind: type) -> Any:
    # Forms and query strings carry booleans as 0/1 and structures as JSON.
    if kind is bool:
        return {"1": True, "true": True, "0": False, "false": False}.get(value.lower(), value)
    try:
        return json.loads(value)
    except ValueError:
        raise ApiError("invalid_arguments", f"not valid JSON: {name}") from None
