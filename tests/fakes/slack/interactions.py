"""What pressing, choosing, submitting and typing a command sends to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.slack import elements, events, views
from tests.fakes.slack.blocks import check_view
from tests.fakes.slack.delivery import Envelope
from tests.fakes.slack.records import Json, Message, User, View
from tests.fakes.slack.response_urls import new_response_url, say

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack

Surface = Message | View


async def press(
    slack: FakeSlack, user: User, surface: Surface, wanted: str, value: Any, offered: list[Json]
) -> Envelope:
    """A block_actions payload for the element called `wanted`, as rendered."""
    block_id, element = elements.find(_blocks(surface), wanted)
    action: Json = {
        "action_id": element["action_id"],
        "block_id": block_id,
        "action_ts": slack.clock.ts(),
    }
    match element["type"]:
        case "button":
            action |= {"type": "button", "text": element["text"]}
            action |= {"value": element["value"]} if "value" in element else {}
        case "feedback_buttons":
            action |= {"type": "feedback_buttons", **_feedback(element, value or wanted)}
        case "icon_button":
            action |= {"type": "icon_button", "value": element.get("value")}
        case _:
            action |= elements.chosen(element, value, offered or None)
    payload = _payload(slack, user, "block_actions") | _where(slack, user, surface)
    payload |= {"actions": [action], "trigger_id": slack.trigger(user.id)}
    payload["state"] = {"values": _state(_blocks(surface), block_id, action)}
    return await _send(slack, payload)


async def suggest(
    slack: FakeSlack, user: User, surface: Surface, wanted: str, query: str
) -> list[Json]:
    """The options that the app offers for what somebody typed in an external select."""
    block_id, element = elements.find(_blocks(surface), wanted)
    assert "external_select" in element["type"], element
    payload = _payload(slack, user, "block_suggestion") | _where(slack, user, surface)
    payload |= {"action_id": element["action_id"], "block_id": block_id, "value": query}
    answer = (await _send(slack, payload)).response or {}
    grouped = [o for group in answer.get("option_groups", ()) for o in group["options"]]
    return [*answer.get("options", ()), *grouped]


async def submit(slack: FakeSlack, user: User, view: View, values: Json) -> Envelope:
    """A view_submission with what somebody filled in, by block_id, action_id or label.

    Raises:
        AssertionError: a field does not exist, or a required one stays empty.
    """
    assert view.open, "the view is closed"
    state, left = _filled(view, dict(values))
    assert not left, f"the view has no fields {sorted(left)}"
    team = slack.teams[view.team]
    payload = _payload(slack, user, "view_submission")
    payload |= {
        "trigger_id": slack.trigger(user.id),
        "view": views.as_json(view, slack.app_id, team.bot_id, state),
        "response_urls": [],
    }
    envelope = await _send(slack, payload)
    if envelope.acknowledged:
        _answered(slack, view, envelope.response or {})
    return envelope


async def shortcut(
    slack: FakeSlack, user: User, callback_id: str, message: Message | None
) -> Envelope:
    """A global shortcut, or on a message its message shortcut."""
    payload = _payload(slack, user, "message_action" if message else "shortcut")
    payload |= {
        "callback_id": callback_id,
        "trigger_id": slack.trigger(user.id),
        "action_ts": slack.clock.ts(),
    }
    if message is not None:
        channel = slack.channels[message.channel]
        payload |= {
            "channel": {"id": channel.id, "name": channel.name},
            "message_ts": message.ts,
            "message": events.whole_message(slack, message),
            "response_url": new_response_url(slack, user.id, channel.id, message),
        }
    return await _send(slack, payload)


async def command(slack: FakeSlack, user: User, channel_id: str, name: str, text: str) -> Envelope:
    """A slash command; a text in its acknowledgement is said to the person."""
    channel, team = slack.channels[channel_id], slack.teams[user.team]
    payload = {
        "token": "verification-token",
        "team_id": team.id,
        "team_domain": team.domain,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": user.id,
        "user_name": user.name.lower(),
        "command": name,
        "text": text,
        "api_app_id": slack.app_id,
        "is_enterprise_install": "false",
        "response_url": new_response_url(slack, user.id, channel.id, None),
        "trigger_id": slack.trigger(user.id),
    }
    envelope = await slack.delivery.send(Envelope("slash_commands", payload))
    if envelope.response:
        say(slack, user.id, channel.id, envelope.response)
    return envelope


async def _send(slack: FakeSlack, payload: Json) -> Envelope:
    return await slack.delivery.send(Envelope("interactive", payload))


def _blocks(surface: Surface) -> list[Json]:
    return surface.body["blocks"] if isinstance(surface, View) else surface.all_blocks


def _payload(slack: FakeSlack, user: User, kind: str) -> Json:
    team = slack.teams[user.team]
    return {
        "type": kind,
        "user": {
            "id": user.id,
            "username": user.name.lower(),
            "name": user.name.lower(),
            "team_id": user.team,
        },
        "team": {"id": team.id, "domain": team.domain},
        "api_app_id": slack.app_id,
        "token": "verification-token",
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _where(slack: FakeSlack, user: User, surface: Surface) -> Json:
    if isinstance(surface, View):
        bot_id = slack.teams[surface.team].bot_id
        return {
            "container": {"type": "view", "view_id": surface.id},
            "view": views.as_json(surface, slack.app_id, bot_id),
        }
    channel = slack.channels[surface.channel]
    here = surface in channel.ephemeral or channel.messages.get(surface.ts) is surface
    assert here, "the message is no longer there"
    assert surface.only_for in (None, user.id), "only the other person sees that message"
    container: Json = {
        "type": "message",
        "message_ts": surface.ts,
        "channel_id": channel.id,
        "is_ephemeral": surface.only_for is not None,
    }
    if surface.thread_ts:
        container["thread_ts"] = surface.thread_ts
    shown: Json = {
        "container": container,
        "channel": {"id": channel.id, "name": channel.name},
        "response_url": new_response_url(slack, user.id, channel.id, surface),
    }
    # Slack sends no message along with an action on an ephemeral one.
    if surface.only_for is None:
        shown["message"] = events.whole_message(slack, surface)
    return shown


def _state(blocks: list[Json], pressed: str, action: Json) -> Json:
    values: Json = {}
    for block_id, element in elements.elements(blocks):
        if not elements.is_pressed(element):
            state = elements.initial_state(element)
            values.setdefault(block_id, {})[element["action_id"]] = state
    if action["action_id"] in values.get(pressed, {}):
        kept = {k: v for k, v in action.items() if k not in ("action_id", "block_id", "action_ts")}
        values[pressed][action["action_id"]] = kept
    return values


def _feedback(element: Json, wanted: str) -> Json:
    for side in ("positive_button", "negative_button"):
        button = element[side]
        if wanted in (button["value"], button["text"]["text"], side):
            return {"text": button["text"], "value": button["value"]}
    raise AssertionError(f"say which feedback: {wanted!r} is neither button")


def _filled(view: View, values: Json) -> tuple[Json, Json]:
    state: Json = {}
    for block in view.body["blocks"]:
        for block_id, element in elements.elements([block]):
            if elements.is_pressed(element):
                continue
            names = [block_id, element["action_id"], (block.get("label") or {}).get("text")]
            name = next((one for one in names if one in values), None)
            given = elements.initial_state(element)
            if name is not None:
                value = values.pop(name)
                if isinstance(value, dict) and "text" in value:
                    given = elements.chosen(element, value["value"], [value])
                else:
                    given = elements.chosen(element, value)
            required = block["type"] == "input" and not block.get("optional")
            assert not required or not elements.is_empty(given), f"{names[-1]} is required"
            state.setdefault(block_id, {})[element["action_id"]] = given
    return state, values


def _answered(slack: FakeSlack, view: View, answer: Json) -> None:
    match answer.get("response_action"):
        case "errors":
            known = {block["block_id"] for block in view.body["blocks"]}
            assert set(answer["errors"]) <= known, f"errors for unknown blocks: {answer}"
        case "update":
            view.body = check_view(answer["view"])
        case "push":
            pushed = views.new_view(slack.new_id("V"), view.user, view.team, answer["view"])
            pushed.root_id = view.root_id
            slack.views[pushed.id] = pushed
        case "clear":
            for one in slack.views.values():
                one.open = one.open and one.root_id != view.root_id
        case _:
            view.open = False
