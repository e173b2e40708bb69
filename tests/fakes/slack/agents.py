"""assistant.threads.* and agents.sessions.*: status, title, prompts and the session of a thread."""

from __future__ import annotations

from tests.fakes.slack.methods import ApiError, Call, method
from tests.fakes.slack.records import Json

STATUSES = ("active", "processing", "suspended", "closed")
_TITLE_LIMIT = 200
_TYPING_SECONDS = 120.0
_MOST_LOADING_MESSAGES = 10
_MOST_PROMPTS = 4
_SENDER: dict[str, type] = {"username": str, "icon_emoji": str, "icon_url": str}


@method(
    "assistant.threads.setStatus",
    scope="chat:write",
    tier=5,
    required={"channel_id": str, "thread_ts": str},
    optional={"status": str, "loading_messages": list} | _SENDER,
)
async def set_typing(call: Call) -> Json:
    channel = call.channel("channel_id")
    thread_ts = call.thread(channel)
    loading = call.get("loading_messages") or []
    if "status" not in call.arguments:
        raise ApiError("invalid_arguments", "missing required field: status")
    if len(loading) > _MOST_LOADING_MESSAGES:
        raise ApiError("invalid_arguments", "loading_messages has more than 10 items")
    session = call.slack.sessions_of(channel.id, thread_ts)
    session.typing = call.get("status")
    session.typing_until = call.slack.clock.now() + _TYPING_SECONDS
    session.loading_messages = loading
    session.history.append(f"typing: {session.typing}")
    return {}


@method(
    "assistant.threads.setTitle",
    scope="assistant:write",
    required={"channel_id": str, "thread_ts": str, "title": str},
)
async def set_title(call: Call) -> Json:
    channel = call.channel("channel_id")
    call.slack.sessions_of(channel.id, call.thread(channel)).title = _title(call)
    return {}


@method(
    "assistant.threads.setSuggestedPrompts",
    scope="assistant:write",
    required={"channel_id": str, "prompts": list},
    optional={"thread_ts": str, "title": str},
)
async def set_prompts(call: Call) -> Json:
    channel = call.channel("channel_id")
    prompts = call.get("prompts")
    if not 0 < len(prompts) <= _MOST_PROMPTS:
        raise ApiError("invalid_arguments", "prompts must have 1 to 4 items")
    if not all(isinstance(p, dict) and p.get("title") and p.get("message") for p in prompts):
        raise ApiError("invalid_arguments", "a prompt needs title and message")
    call.slack.sessions_of(channel.id, call.thread(channel)).prompts = prompts
    return {}


@method(
    "agents.sessions.setStatus",
    scope="chat:write",
    tier=3,
    required={"status": str},
    optional={"channel_id": str, "thread_ts": str, "title": str, "initiator_user_id": str}
    | _SENDER,
)
async def set_status(call: Call) -> Json:
    channel = call.channel("channel_id")
    thread_ts = call.thread(channel)
    if thread_ts is None:
        raise ApiError("invalid_arguments", "missing required field: thread_ts")
    if call.get("status") not in STATUSES:
        raise ApiError("invalid_arguments", "status")
    initiator = call.get("initiator_user_id")
    if initiator is not None and initiator not in channel.members:
        raise ApiError("user_not_in_channel")
    session = call.slack.sessions_of(channel.id, thread_ts)
    if session.status is None and call.get("title") is not None:
        session.title = _title(call)
    session.set_status(call.get("status"))
    answer: Json = {"status": session.status, "agent_status": session.status}
    if "agent_session_stopped" not in call.slack.events:
        answer["warning"] = "missing_agent_session_stopped_event_subscription"
    return answer | ({"title": session.title} if session.title else {})


@method(
    "agents.sessions.rename",
    scope="chat:write",
    tier=3,
    required={"channel_id": str, "title": str},
    optional={"thread_ts": str},
)
async def rename(call: Call) -> Json:
    channel = call.channel("channel_id")
    session = call.slack.sessions_of(channel.id, call.thread(channel))
    if session.status is None:
        raise ApiError("session_not_found")
    session.title = _title(call)
    return {"title": session.title}


def _title(call: Call) -> str:
    title = str(call.get("title"))
    if not 0 < len(title) <= _TITLE_LIMIT:
        raise ApiError("invalid_arguments", "title must have 1 to 200 characters")
    return title
