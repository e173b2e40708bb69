"""conversations.*, users.info, reactions.*: reading channels and people."""

from __future__ import annotations

from tests.fakes.slack import events
from tests.fakes.slack.methods import ApiError, Call, method
from tests.fakes.slack.records import HISTORY_SCOPES, READ_SCOPES, Channel, Json, Message

_PAGE: dict[str, type] = {
    "limit": int,
    "cursor": str,
    "oldest": str,
    "latest": str,
    "inclusive": bool,
    "include_all_metadata": bool,
}


@method(
    "conversations.replies",
    tier=3,
    required={"channel": str, "ts": str},
    optional=_PAGE,
    changes=False,
)
async def replies(call: Call) -> Json:
    channel = _readable(call)
    first = channel.messages.get(call.get("ts"))
    if first is None:
        raise ApiError("thread_not_found")
    root = first.thread_ts or first.ts
    thread = [m for m in channel.messages.values() if root in (m.ts, m.thread_ts)]
    # The thread's first message comes with every answer, whatever `oldest` says.
    found = [m for m in thread if m.ts == root or _within(call, m)]
    return _page(call, channel, sorted(found, key=lambda m: float(m.ts)))


@method("conversations.history", tier=3, required={"channel": str}, optional=_PAGE, changes=False)
async def history(call: Call) -> Json:
    channel = _readable(call)
    roots = [m for m in channel.messages.values() if m.thread_ts in (None, m.ts)]
    found = [m for m in roots if _within(call, m)]
    return _page(call, channel, sorted(found, key=lambda m: float(m.ts), reverse=True))


@method(
    "conversations.info",
    tier=3,
    required={"channel": str},
    optional={"include_num_members": bool, "include_locale": bool},
    changes=False,
)
async def info(call: Call) -> Json:
    channel = call.channel(member=False)
    call.need(READ_SCOPES[channel.kind])
    return {"channel": channel_json(call, channel)}


@method(
    "conversations.open",
    tier=3,
    optional={"channel": str, "users": str, "return_im": bool, "prevent_creation": bool},
)
async def open_dm(call: Call) -> Json:
    people = str(call.get("users") or "").split(",")
    call.need("im:write" if len(people) == 1 else "mpim:write")
    if any(person not in call.slack.users for person in people):
        raise ApiError("users_not_found" if len(people) > 1 else "user_not_found")
    channel = call.slack.dm(*people)
    return {"channel": channel_json(call, channel)}


@method(
    "users.info",
    scope="users:read",
    required={"user": str},
    optional={"include_locale": bool},
    changes=False,
)
async def user_info(call: Call) -> Json:
    user = call.slack.users.get(call.get("user"))
    if user is None or user.team != call.team.id:
        raise ApiError("user_not_found")
    return {"user": user.as_json()}


_REACTION: dict[str, type] = {"channel": str, "timestamp": str, "name": str}


@method("reactions.add", scope="reactions:write", tier=3, required=_REACTION)
async def add_reaction(call: Call) -> Json:
    people = _reactors(call)
    if call.team.bot_user_id in people:
        raise ApiError("already_reacted")
    people.append(call.team.bot_user_id)
    return {}


@method("reactions.remove", scope="reactions:write", tier=2, required=_REACTION)
async def remove_reaction(call: Call) -> Json:
    people = _reactors(call)
    if call.team.bot_user_id not in people:
        raise ApiError("no_reaction")
    people.remove(call.team.bot_user_id)
    return {}


def channel_json(call: Call, channel: Channel) -> Json:
    """The conversation object."""
    shown: Json = {
        "id": channel.id,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": channel.kind == "im",
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "is_archived": False,
        "is_member": call.team.bot_user_id in channel.members,
        "context_team_id": channel.team,
    }
    if channel.kind == "im":
        return shown | {"user": next(iter(channel.members - {call.team.bot_user_id}))}
    return shown | {"name": channel.name, "name_normalized": channel.name}


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.need(HISTORY_SCOPES[channel.kind])
    return channel


def _reactors(call: Call) -> list[str]:
    message = call.message(call.channel(), "timestamp")
    return message.reactions.setdefault(call.get("name"), [])


def _page(call: Call, channel: Channel, messages: list[Message]) -> Json:
    start, limit = int(call.get("cursor") or 0), min(call.get("limit", 100), 1000)
    page = messages[start : start + limit]
    more = start + limit < len(messages)
    return {
        "messages": [_shown(call, channel, m) for m in page],
        "has_more": more,
        "response_metadata": {"next_cursor": str(start + limit) if more else ""},
    }


def _within(call: Call, message: Message) -> bool:
    oldest, latest = float(call.get("oldest") or 0), float(call.get("latest") or "inf")
    ts = float(message.ts)
    return oldest <= ts <= latest if call.get("inclusive") else oldest < ts < latest


def _shown(call: Call, channel: Channel, message: Message) -> Json:
    shown = events.whole_message(call.slack, message)
    if message.metadata and call.get("include_all_metadata"):
        shown["metadata"] = message.metadata
    answers = [m for m in channel.messages.values() if m.thread_ts == message.ts != m.ts]
    if answers:
        shown |= {"reply_count": len(answers), "thread_ts": message.ts}
    return shown
