"""chat.*: posting, changing and deleting messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fakes.slack import deletions, events
from tests.fakes.slack.blocks import MARKDOWN_LIMIT, check_message
from tests.fakes.slack.methods import ApiError, Call, method
from tests.fakes.slack.records import Channel, Json, Message

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack

_TEXT_LIMIT = 40_000
_ADVISED_TEXT_LIMIT = 4000
_UPDATE_TEXT_LIMIT = 4000
_METADATA_LIMIT = 16_000

_CONTENT: dict[str, type] = {
    "text": str,
    "blocks": list,
    "attachments": list,
    "markdown_text": str,
    "metadata": dict,
    "parse": str,
    "link_names": bool,
}
_SENDER: dict[str, type] = {"username": str, "icon_emoji": str, "icon_url": str}


@method(
    "chat.postMessage",
    scope="chat:write",
    tier=None,
    required={"channel": str},
    optional=_CONTENT
    | _SENDER
    | {
        "thread_ts": str,
        "reply_broadcast": bool,
        "unfurl_links": bool,
        "unfurl_media": bool,
        "mrkdwn": bool,
    },
)
async def post_message(call: Call) -> Json:
    # A person's id stands for their conversation with the bot.
    known = call.slack.users.get(str(call.get("channel")))
    channel = call.slack.dm(known.id) if known is not None else call.channel()
    thread_ts = call.thread(channel)
    message = new_message(call, channel, thread_ts, content(call))
    if call.get("unfurl_links") is not False or call.get("unfurl_media") is not False:
        call.slack.violate(call.method, "posted without unfurl_links and unfurl_media off")
    keep(call, channel, message)
    return {"channel": channel.id, "ts": message.ts, "message": events.message_json(message)}


@method(
    "chat.update",
    scope="chat:write",
    tier=3,
    required={"channel": str, "ts": str},
    optional=_CONTENT | {"reply_broadcast": bool, "file_ids": list},
)
async def update(call: Call) -> Json:
    channel = call.channel()
    message = call.own_message(channel, "cant_update_message")
    expire(call.slack, message)
    if message.streaming:
        raise ApiError("streaming_state_conflict")
    if len(call.get("text", "")) > _UPDATE_TEXT_LIMIT and not call.get("blocks"):
        raise ApiError("msg_too_long")
    change(call, message, content(call))
    return {"channel": channel.id, "ts": message.ts, "text": message.plain}


@method(
    "chat.postEphemeral",
    scope="chat:write",
    required={"channel": str, "user": str},
    optional=_CONTENT | _SENDER | {"thread_ts": str},
)
async def post_ephemeral(call: Call) -> Json:
    channel = call.channel()
    if call.get("user") not in channel.members:
        raise ApiError("user_not_in_channel")
    message = new_message(call, channel, call.thread(channel), content(call))
    message.only_for = call.get("user")
    # In a thread that nobody has answered, it is taken and shown to nobody [chat.postEphemeral].
    threads = {m.thread_ts for m in channel.messages.values() if m.thread_ts != m.ts}
    if message.thread_ts in {None, *threads}:
        channel.ephemeral.append(message)
    return {"message_ts": message.ts, "channel": channel.id}


@method("chat.delete", scope="chat:write", tier=3, required={"channel": str, "ts": str})
async def delete(call: Call) -> Json:
    channel = call.channel()
    message = call.own_message(channel, "cant_delete_message")
    deletions.delete(call.slack, message)
    return {"channel": channel.id, "ts": call.get("ts")}


@method(
    "chat.getPermalink",
    tier=5,
    required={"channel": str, "message_ts": str},
    changes=False,
)
async def get_permalink(call: Call) -> Json:
    channel = call.channel(member=False)
    message = call.message(channel, "message_ts")
    number = message.ts.replace(".", "")
    link = f"https://{call.team.domain}.slack.com/archives/{channel.id}/p{number}"
    return {"channel": channel.id, "permalink": link}


def expire(slack: FakeSlack, message: Message) -> None:
    """End a stream whose time is over: it stands there as broken until it is replaced."""
    if message.streaming and slack.clock.now() >= message.stream_ends_at:
        message.streaming, message.broken = False, True


def content(call: Call) -> Json:
    """The text, blocks and metadata of a call, checked."""
    text, markdown, blocks = call.get("text", ""), call.get("markdown_text"), call.get("blocks")
    if markdown is not None:
        if text or blocks:
            raise ApiError("markdown_text_conflict")
        if len(markdown) > MARKDOWN_LIMIT:
            raise ApiError("msg_too_long")
        blocks = [{"type": "markdown", "text": markdown}] if markdown else []
        text = markdown
    if not (text or blocks or call.get("attachments")):
        raise ApiError("no_text")
    if len(text) > _TEXT_LIMIT:
        raise ApiError("msg_too_long")
    if markdown is None and len(text) > _ADVISED_TEXT_LIMIT and not blocks:
        call.slack.violate(call.method, f"text of {len(text)} characters: Slack advises 4000")
    return {
        "plain": text,
        "blocks": check_message(blocks or []),
        "metadata": checked_metadata(call.get("metadata")),
    }


def checked_metadata(metadata: Any) -> Json | None:
    """A message's metadata.

    Raises:
        ApiError: it has not the form {event_type, event_payload}.
    """
    if metadata is None:
        return None
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise ApiError("invalid_metadata_format")
    if len(json.dumps(metadata)) > _METADATA_LIMIT:
        raise ApiError("metadata_too_large")
    return dict(metadata)


def new_message(call: Call, channel: Channel, thread_ts: str | None, said: Json) -> Message:
    """A message of the bot that stands nowhere yet."""
    return Message(
        channel.id,
        call.slack.clock.ts(),
        call.team.bot_user_id,
        thread_ts=thread_ts,
        bot_id=call.team.bot_id,
        username=call.get("username"),
        **said,
    )


def keep(call: Call, channel: Channel, message: Message) -> None:
    """Put a bot's message into its channel and announce it."""
    channel.messages[message.ts] = message
    call.slack.sessions_of(channel.id, message.thread_ts).typing = ""
    call.slack.tell(events.message(call.slack, channel, message))


def change(call: Call, message: Message, said: Json) -> None:
    """Replace what a message says; what it said stays in its history."""
    message.history.append(message.text)
    message.plain, message.blocks = said["plain"], said["blocks"]
    message.streamed, message.pieces, message.tasks = "", [], {}
    message.plan_title = None  # it was a block too, and blocks are replaced as a whole
    message.metadata = said["metadata"] or message.metadata
    message.edited, message.broken = True, False
    channel = call.slack.channels[message.channel]
    call.slack.tell(events.changed(call.slack, channel, message))
