"""The events that Slack sends: payloads built from what stands in the channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.slack.records import Channel, Json, Message
from tests.fakes.slack.typed import rich_text

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack


def message_json(message: Message) -> Json:
    """A message as conversations.replies and interaction payloads show it (no metadata)."""
    shown: Json = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.streamed or message.plain,
        "team": "",
    }
    if message.all_blocks:
        shown["blocks"] = message.all_blocks
    if message.subtype:
        shown["subtype"] = message.subtype
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.bot_id:
        shown |= {"bot_id": message.bot_id, "app_id": "A0THREADLAB"}
    if message.client_msg_id:
        shown["client_msg_id"] = message.client_msg_id
    if message.edited:
        shown["edited"] = {"user": message.user, "ts": message.ts}
    if message.streaming:
        shown["streaming_state"] = "in_progress"
    if message.reactions:
        shown["reactions"] = [
            {"name": name, "users": users, "count": len(users)}
            for name, users in message.reactions.items()
        ]
    return shown


def whole_message(slack: FakeSlack, message: Message) -> Json:
    """A message with its files and its team."""
    team = slack.channels[message.channel].team
    author = slack.users.get(message.user)
    home = author.team if author else team
    shown = message_json(message) | {"team": home}
    if home != team:  # somebody of another organisation, in a shared channel
        shown |= {"user_team": home, "source_team": home}
    if message.attachments:
        shown["attachments"] = message.attachments
    if message.files:
        shown["files"] = [slack.files.as_json(file, message.channel) for file in message.files]
        shown |= {"upload": False, "display_as_bot": False}
    if message.client_msg_id and message.plain:
        shown["blocks"] = [rich_text(message.plain)]
    return shown


def forwarded(slack: FakeSlack, message: Message) -> Json:
    """A message as one that passes it on shows it."""
    author = slack.users[message.user]
    shown: Json = {
        "is_share": True,
        "is_msg_unfurl": True,
        "ts": message.ts,
        "author_id": author.id,
        "author_name": author.name,
        "channel_id": message.channel,
        "text": message.plain,
        "fallback": f"[{author.name}] {message.plain}",
    }
    files = [slack.files.as_json(file, message.channel) for file in message.files]
    return shown | ({"files": files} if files else {})


def message(slack: FakeSlack, channel: Channel, said: Message) -> Json:
    """`message`, of whatever subtype the message has."""
    event = whole_message(slack, said) | {
        "channel": channel.id,
        "event_ts": said.ts,
        "channel_type": channel.kind,
    }
    if said.thread_ts and said.thread_ts != said.ts and said.thread_ts in channel.messages:
        event["parent_user_id"] = channel.messages[said.thread_ts].user
    return event


def app_mention(slack: FakeSlack, channel: Channel, said: Message) -> Json:
    """`app_mention`: the same message without subtype and channel_type."""
    event = whole_message(slack, said) | {
        "type": "app_mention",
        "channel": channel.id,
        "event_ts": said.ts,
    }
    event.pop("subtype", None)
    return event


def changed(slack: FakeSlack, channel: Channel, said: Message, was: Message | None = None) -> Json:
    """`message_changed`: somebody, or the app itself, edited a message; `was` it another one."""
    text = said.history[-1] if said.history else ""
    before = message_json(was) if was is not None else message_json(said) | {"text": text}
    return _hidden(slack, channel, "message_changed") | {
        "message": whole_message(slack, said),
        "previous_message": before,
    }


def deleted(slack: FakeSlack, channel: Channel, said: Message) -> Json:
    """`message_deleted`."""
    return _hidden(slack, channel, "message_deleted") | {
        "deleted_ts": said.ts,
        "previous_message": whole_message(slack, said),
    }


def _hidden(slack: FakeSlack, channel: Channel, subtype: str) -> Json:
    ts = slack.clock.ts()
    return {
        "type": "message",
        "subtype": subtype,
        "hidden": True,
        "channel": channel.id,
        "ts": ts,
        "event_ts": ts,
        "channel_type": channel.kind,
    }


def wrapped(slack: FakeSlack, team: str, event: Json, number: int) -> Json:
    """The event in its `event_callback`."""
    return {
        "token": "verification-token",
        "team_id": team,
        "context_team_id": team,
        "context_enterprise_id": None,
        "api_app_id": slack.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{number:08d}",
        "event_time": int(slack.clock.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team,
                "user_id": slack.teams[team].bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{number}",
    }
