"""Deleting a message: it goes, unless a thread hangs on it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.fakes.slack import events
from tests.fakes.slack.records import Message

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack

_GONE = "This message was deleted."


def delete(slack: FakeSlack, message: Message) -> None:
    """Remove a message and say so.

    The first message of a thread with answers stays as a tombstone, which comes as
    message_changed.
    """
    channel = slack.channels[message.channel]
    answered = any(one.thread_ts == message.ts != one.ts for one in channel.messages.values())
    was = replace(message)
    channel.deleted.append(was)
    if not answered:
        del channel.messages[message.ts]
        slack.tell(events.deleted(slack, channel, message))
        return
    message.history.append(message.plain)
    message.user, message.plain, message.subtype = "USLACKBOT", _GONE, "tombstone"
    message.thread_ts, message.client_msg_id = message.ts, None
    message.blocks, message.files, message.metadata = [], [], None
    slack.tell(events.changed(slack, channel, message, was))
