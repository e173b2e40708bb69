"""What the fake keeps: teams, channels, messages, files, views, effects, violations."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.fakes.slack.reading import Json as Json
from tests.fakes.slack.reading import readable

ChannelKind = Literal["channel", "group", "im", "mpim"]

# The event that announces a message, and the scopes to read and list, by the kind of channel.
MESSAGE_EVENTS = {
    "channel": "message.channels",
    "group": "message.groups",
    "im": "message.im",
    "mpim": "message.mpim",
}
HISTORY_SCOPES = {
    "channel": "channels:history",
    "group": "groups:history",
    "im": "im:history",
    "mpim": "mpim:history",
}
READ_SCOPES = {
    "channel": "channels:read",
    "group": "groups:read",
    "im": "im:read",
    "mpim": "mpim:read",
}


@dataclass
class Token:
    """A bot's or an app's token and what it may do."""

    value: str
    team: str
    scopes: frozenset[str]
    revoked: bool = False


@dataclass
class Team:
    """A workspace with the app's bot in it."""

    id: str
    name: str
    bot_user_id: str
    bot_id: str
    token: str
    installed: bool = True

    @property
    def domain(self) -> str:
        """The first word of the workspace's address."""
        return self.name.lower().replace(" ", "-")


@dataclass
class User:
    """Somebody of a workspace: a person or a bot."""

    id: str
    name: str
    team: str
    is_bot: bool = False
    is_admin: bool = False

    def as_json(self) -> Json:
        """The user object of users.info."""
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name.lower(),
            "real_name": self.name,
            "deleted": False,
            "tz": "Europe/London",
            "tz_offset": 0,
            "profile": {"real_name": self.name, "display_name": self.name, "team": self.team},
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_bot": self.is_bot,
            "is_app_user": False,
        }


@dataclass
class File:
    """A file in the workspace. `content` is bytes, or a path for a large one."""

    id: str
    name: str
    title: str
    mimetype: str
    content: bytes | Path
    user: str
    team: str
    created: int
    mode: str = "hosted"
    completed: bool = True
    alt_text: str | None = None
    url: str = ""
    shares: dict[str, list[str]] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """How long the content is."""
        content = self.content
        return content.stat().st_size if isinstance(content, Path) else len(content)

    def read(self) -> bytes:
        """The content."""
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content


@dataclass
class Message:
    """What stands in a channel. `plain` is the text argument; `text` all that a person reads."""

    channel: str
    ts: str
    user: str
    plain: str = ""
    blocks: list[Json] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    metadata: Json | None = None
    subtype: str | None = None
    only_for: str | None = None
    edited: bool = False
    streaming: bool = False
    streamed: str = ""
    stream_ends_at: float = 0.0
    broken: bool = False
    tasks: dict[str, Json] = field(default_factory=dict)
    # A stream's pieces as they came: {"markdown": …}, {"task": id} and {"blocks": […]}.
    pieces: list[Json] = field(default_factory=list)
    plan_title: str | None = None
    bot_id: str | None = None
    username: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    client_msg_id: str | None = None

    @property
    def text(self) -> str:
        """All that a person reads in it: streamed text, blocks, else the plain text."""
        streamed = ""
        for piece in self.pieces:
            if "blocks" in piece:
                words = "\n".join(readable(block) for block in piece["blocks"])
                streamed += f"\n{words}\n"
            else:
                streamed += piece.get("markdown", "")
        parts = [streamed, *(readable(block) for block in self.blocks)]
        shown = "\n".join(part for part in parts if part)
        return shown or self.plain

    @property
    def all_blocks(self) -> list[Json]:
        """Its blocks, those that were streamed included."""
        streamed = [block for piece in self.pieces for block in piece.get("blocks", ())]
        return [*streamed, *self.blocks]

    @property
    def buttons(self) -> list[str]:
        """The labels of its buttons, in order."""
        from tests.fakes.slack.elements import elements, label

        kinds = {"button", "workflow_button"}
        return [label(e) for _, e in elements(self.all_blocks) if e.get("type") in kinds]


@dataclass
class Channel:
    """A conversation and everything in it, the deleted included (apart)."""

    id: str
    name: str
    kind: ChannelKind
    team: str
    members: set[str] = field(default_factory=set)
    messages: dict[str, Message] = field(default_factory=dict)
    deleted: list[Message] = field(default_factory=list)
    ephemeral: list[Message] = field(default_factory=list)


@dataclass
class Session:
    """What a thread shows besides its messages: the agent session, status and prompts."""

    status: str | None = None
    title: str | None = None
    typing: str = ""
    typing_until: float = 0.0
    loading_messages: list[str] = field(default_factory=list)
    prompts: list[Json] = field(default_factory=list)
    history: list[str] = field(default_factory=list)

    def set_status(self, status: str) -> None:
        """Change the agent session's status."""
        self.status = status
        self.history.append(f"session: {status}")


@dataclass
class View:
    """A modal in front of somebody, or a home tab."""

    id: str
    user: str
    team: str
    body: Json
    hash: str
    root_id: str
    open: bool = True
    external_id: str | None = None


@dataclass(frozen=True)
class Effect:
    """A call that changed something, in the order of the log."""

    method: str
    channel: str | None
    thread_ts: str | None
    ts: str | None
    metadata: Json | None
    at: float
    arguments: Json


@dataclass(frozen=True)
class Request:
    """A call as it was answered: `outcome` is "ok", an error's name or "http 429".

    `came_at` is the real time (time.monotonic) at which it came in, for measuring.
    """

    method: str
    outcome: str
    at: float
    arguments: Json
    came_at: float
