"""Slack's events, told apart: what somebody said, changed or deleted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.slack.incoming_text import mentions, names_others
from adapters.slack.quotes import Payload, Quote, quotes_of
from bot.domain import Addressing, Attachment, ThreadKey

PLATFORM = "slack"

_SAID = frozenset({None, "file_share", "thread_broadcast", "me_message"})
_DIRECT = "im"
_SLACKBOT = "USLACKBOT"  # speaks without a bot_id
# What lies in Slack as pages of HTML, and is no file.
_DOCUMENTS = {
    "application/vnd.slack-docs": "canvas",
    "application/vnd.slack-list": "list",
}


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody wrote a message; `markup` is its text as Slack has it, `quotes` what it passes on.

    `home` is their own workspace: in shared channels it may be another one.
    """

    key: ThreadKey
    ts: str
    user: str
    user_name: str | None
    home: str
    markup: str
    quotes: tuple[Quote, ...]
    files: tuple[Payload, ...]
    addressed: Addressing
    others: tuple[str, ...]

    @property
    def sent_at(self) -> datetime:
        """When it was written."""
        return datetime.fromtimestamp(float(self.ts), UTC)


@dataclass(frozen=True, slots=True)
class Edited:
    """Somebody changed what a message says."""

    key: ThreadKey
    ts: str
    user: str
    markup: str
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """Somebody deleted a message."""

    key: ThreadKey
    ts: str


def key_of(team: str, channel: str, message: Payload) -> ThreadKey:
    """The thread of a message; one that stands alone begins its own. A DM is no exception: Slack
    shows the agent's messages as threads."""
    return ThreadKey(PLATFORM, team, channel, str(message.get("thread_ts") or message["ts"]))


def read_event(event: Payload, team: str, bot_user: str) -> Said | Edited | Deleted | None:
    """What a `message` or `app_mention` event tells; None where it is not for us.

    Args:
        event: the event.
        team: the workspace in which the app got it.
        bot_user: the bot's user id there.
    """
    channel, subtype = str(event.get("channel", "")), event.get("subtype")
    if subtype == "message_changed":
        return _edited(event, team, channel, bot_user)
    if subtype == "message_deleted":
        before = event.get("previous_message") or {}
        if by_person(before, bot_user):
            return Deleted(key_of(team, channel, before), str(event["deleted_ts"]))
        return None
    if subtype not in _SAID or not by_person(event, bot_user):
        return None
    return _said(event, team, channel, bot_user)


def attachment(file: Payload) -> Attachment:
    """A file that came with a message; what can't be had says so when it is read."""
    url = file.get("url_private_download") or file.get("url_private") or ""
    kept = _DOCUMENTS.get(str(file.get("mimetype"))) or file.get("mode", "")
    mode = "connect" if file.get("file_access") == "check_file_info" else kept
    return Attachment(
        id=str(file.get("id", "")),
        name=str(file.get("name") or file.get("title") or _nameless(mode)),
        media_type=str(file.get("mimetype") or "application/octet-stream"),
        size_bytes=int(file["size"]) if "size" in file else None,
        locator={"file": str(file.get("id", "")), "url": str(url), "mode": str(mode)},
    )


def _nameless(mode: str) -> str:
    return {"tombstone": "deleted file", "hidden_by_limit": "hidden file"}.get(mode, "file")


def _said(event: Payload, team: str, channel: str, bot_user: str) -> Said | None:
    in_thread = event.get("thread_ts") not in (None, event["ts"])
    addressed = _addressed(event, channel, bot_user, in_thread)
    if addressed is None:
        return None
    files = files_of(event)
    user, parent = str(event["user"]), event.get("parent_user_id")
    profile = event.get("user_profile") or {}
    return Said(
        key=key_of(team, channel, event),
        ts=str(event["ts"]),
        user=user,
        user_name=profile.get("display_name") or profile.get("real_name") or None,
        home=home_of(event, team),
        markup=str(event.get("text") or ""),
        quotes=quotes_of(event),
        files=files,
        addressed=addressed,
        others=(str(parent),) if parent and parent not in (user, bot_user) else (),
    )


def home_of(message: Payload, team: str) -> str:
    """The workspace of a message's author; ours where Slack does not say."""
    named = (message.get(name) for name in ("user_team", "team", "source_team"))
    return next((str(home) for home in named if home), team)


def files_of(message: Payload) -> tuple[Payload, ...]:
    """The files that came with a message, or with one that it passes on."""
    passed_on: Sequence[Payload] = message.get("attachments") or ()
    files = [file for one in (message, *passed_on) for file in one.get("files") or ()]
    return tuple(file for file in files if file.get("id"))


def _addressed(event: Payload, channel: str, bot_user: str, in_thread: bool) -> Addressing | None:
    """How the bot is addressed; a message of a channel that names nobody is not for us."""
    if event.get("channel_type") == _DIRECT or channel.startswith("D"):
        return Addressing.DIRECT
    if event["type"] == "app_mention" or mentions(str(event.get("text") or ""), bot_user):
        return Addressing.MENTION
    if not in_thread:
        return None
    if names_others(str(event.get("text") or ""), bot_user):
        return Addressing.ELSEWHERE
    own_thread = event.get("parent_user_id") == bot_user
    return Addressing.REPLY if own_thread else Addressing.AMBIENT


def _edited(event: Payload, team: str, channel: str, bot_user: str) -> Edited | Deleted | None:
    after, before = event.get("message") or {}, event.get("previous_message") or {}
    if after.get("subtype") == "tombstone":  # deleted, but answers hang on it
        gone = by_person(before, bot_user)
        return Deleted(key_of(team, channel, before), str(before["ts"])) if gone else None
    # Slack also tells of unfurled links and of new answers in this way.
    quotes = quotes_of(after)
    same = after.get("text") == before.get("text") and quotes == quotes_of(before)
    if not by_person(after, bot_user) or same:
        return None
    return Edited(
        key_of(team, channel, after),
        str(after["ts"]),
        str(after["user"]),
        str(after.get("text") or ""),
        quotes,
    )


def by_person(message: Payload, bot_user: str) -> bool:
    """Whether somebody wrote a message, and not an app."""
    user = message.get("user")
    others = user not in (None, "", bot_user, _SLACKBOT)
    return bool(others and message.get("ts") and not message.get("bot_id"))
