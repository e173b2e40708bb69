"""response_url: five answers within half an hour to whoever acted."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fakes.slack import events
from tests.fakes.slack.blocks import check_message
from tests.fakes.slack.methods import ApiError
from tests.fakes.slack.records import Effect, Json, Message

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack

_LIFE_SECONDS = 1800.0
_USES = 5


@dataclass
class ResponseUrl:
    """Who acted where, on which message, and how often it may still be used."""

    user: str
    channel: str
    message: Message | None
    until: float
    left: int = _USES


def new_response_url(slack: FakeSlack, user: str, channel: str, message: Message | None) -> str:
    """An address for the payload of a command or an action."""
    ticket = secrets.token_urlsafe(12)
    until = slack.clock.now() + _LIFE_SECONDS
    slack.response_urls[ticket] = ResponseUrl(user, channel, message, until)
    return f"{slack.url}/actions/{ticket}"


def respond(slack: FakeSlack, ticket: str, body: Json) -> None:
    """Do what the app asks of a response_url.

    Raises:
        ApiError: the address is unknown, expired or used up, or the message invalid.
    """
    known = slack.response_urls.get(ticket)
    if known is None or slack.clock.now() > known.until:
        raise ApiError("expired_url")
    if known.left == 0:
        raise ApiError("used_url")
    known.left -= 1
    original = known.message
    if body.get("delete_original"):
        _remove(slack, original)
    elif body.get("replace_original") and original is not None:
        original.history.append(original.text)
        original.plain = body.get("text", "")
        original.blocks = check_message(body.get("blocks") or [])
    else:
        say(slack, known.user, known.channel, body)
    slack.effects.append(
        Effect(
            "response_url",
            known.channel,
            body.get("thread_ts"),
            original.ts if original else None,
            body.get("metadata"),
            slack.clock.now(),
            body,
        )
    )


def say(slack: FakeSlack, user: str, channel_id: str, body: Json) -> None:
    """Post the body of a response: only for the person, or into the channel."""
    if not body.get("text") and not body.get("blocks"):
        raise ApiError("no_text")
    channel = slack.channels[channel_id]
    team = slack.teams[channel.team]
    message = Message(
        channel_id,
        slack.clock.ts(),
        team.bot_user_id,
        plain=body.get("text", ""),
        blocks=check_message(body.get("blocks") or []),
        thread_ts=body.get("thread_ts"),
        bot_id=team.bot_id,
    )
    if body.get("response_type", "ephemeral") == "ephemeral":
        message.only_for = user
        channel.ephemeral.append(message)
    else:
        channel.messages[message.ts] = message
        slack.tell(events.message(slack, channel, message))


def _remove(slack: FakeSlack, message: Message | None) -> None:
    if message is None:
        return
    channel = slack.channels[message.channel]
    if message in channel.ephemeral:
        channel.ephemeral.remove(message)
    channel.messages.pop(message.ts, None)
    channel.deleted.append(message)
