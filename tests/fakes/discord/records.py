"""What Discord knows: users, guilds, channels, threads, messages and files, as plain records.

They lead to each other, so they are not printed: some reprs would take minutes and gigabytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TEXT, DM, CATEGORY, FORUM = 0, 1, 4, 15
PUBLIC_THREAD, PRIVATE_THREAD = 11, 12
SUPPRESS_EMBEDS, HAS_THREAD, EPHEMERAL, LOADING = 1 << 2, 1 << 5, 1 << 6, 1 << 7
SUPPRESS_NOTIFICATIONS, COMPONENTS_V2 = 1 << 12, 1 << 15
DEFAULT, THREAD_CREATED, REPLY, SLASH, THREAD_STARTER, CONTEXT_MENU = 0, 18, 19, 20, 21, 23
BUTTON = 2
LINK_BUTTON = 5
FILE_LIMIT_BYTES = {0: 10 << 20, 1: 10 << 20, 2: 50 << 20, 3: 100 << 20}


@dataclass(eq=False, repr=False)
class User:
    """A person or the bot."""

    id: int
    name: str
    bot: bool = False


@dataclass(eq=False, repr=False)
class Member:
    """A user in a guild."""

    user: User
    joined_at: float
    role_ids: list[int] = field(default_factory=list)


@dataclass(eq=False, repr=False)
class Role:
    """A role and its permission bits."""

    id: int
    name: str
    permissions: int
    position: int = 0
    managed_by: int | None = None


@dataclass(eq=False, repr=False)
class Guild:
    """A server. Its @everyone role has its own id. Tiers 2 and 3 allow larger files."""

    id: int
    name: str
    owner_id: int
    premium_tier: int = 0
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)

    @property
    def file_limit_bytes(self) -> int:
        """The largest file that may be posted here."""
        return FILE_LIMIT_BYTES[self.premium_tier]


@dataclass(eq=False, repr=False)
class Thread:
    """What a thread has beyond a channel."""

    owner_id: int
    created_at: float
    archived_at: float
    archived: bool = False
    locked: bool = False
    auto_archive_minutes: int = 1440
    members: dict[int, float] = field(default_factory=dict)
    applied_tags: list[int] = field(default_factory=list)


@dataclass(eq=False, repr=False)
class Channel:
    """A text channel, a forum, a DM or (with `thread` set) a thread."""

    id: int
    kind: int
    name: str
    guild: Guild | None = None
    parent: Channel | None = None
    thread: Thread | None = None
    recipients: list[User] = field(default_factory=list)
    overwrites: dict[int, tuple[int, int]] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    typing: dict[int, float] = field(default_factory=dict)
    tags: list[dict[str, Any]] = field(default_factory=list)

    @property
    def file_limit_bytes(self) -> int:
        """The largest file that may be posted here."""
        return self.guild.file_limit_bytes if self.guild else FILE_LIMIT_BYTES[0]

    def public(self) -> list[Message]:
        """The messages that everyone in the channel sees, oldest first."""
        return [m for m in self.messages.values() if m.visible_to is None]


@dataclass(eq=False, repr=False)
class StoredFile:
    """A file on the CDN."""

    id: int
    channel_id: int
    filename: str
    content: bytes
    content_type: str
    description: str | None = None


@dataclass(eq=False, repr=False)
class Message:
    """A message as it stands now; `past` keeps its earlier texts."""

    id: int
    channel: Channel
    author: User
    created_at: float
    content: str = ""
    kind: int = DEFAULT
    edited_at: float | None = None
    past: list[str] = field(default_factory=list)
    attachments: list[StoredFile] = field(default_factory=list)
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    flags: int = 0
    nonce: str | int | None = None
    reactions: dict[str, list[int]] = field(default_factory=dict)
    reference: Message | None = None
    mentions: list[User] = field(default_factory=list)
    mentions_everyone: bool = False
    thread: Channel | None = None
    interaction: dict[str, Any] | None = None
    visible_to: User | None = None
    webhook_id: int | None = None

    @property
    def edits(self) -> int:
        """How often it was edited."""
        return len(self.past)

    @property
    def files(self) -> dict[str, bytes]:
        """Its attachments: name → content."""
        return {file.filename: file.content for file in self.attachments}

    @property
    def ephemeral(self) -> bool:
        """Whether one person alone sees it."""
        return self.visible_to is not None

    @property
    def loading(self) -> bool:
        """Whether it still says "… is thinking"."""
        return bool(self.flags & LOADING)

    @property
    def embeds_suppressed(self) -> bool:
        """Whether links in it unfold no preview."""
        return bool(self.flags & SUPPRESS_EMBEDS)

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """Its buttons as posted, in order."""
        return [part for part in parts(self.components) if part.get("type") == BUTTON]


def parts(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All components, nested ones too, in reading order."""
    found: list[dict[str, Any]] = []
    for part in components:
        found.append(part)
        found += parts(part.get("components", []))
        found += parts([part[key] for key in ("accessory", "component") if part.get(key)])
    return found
