"""How the bot answers interactions: the callback, then messages by the interaction's token."""

from __future__ import annotations

from typing import Any

from tests.fakes.discord.call import Call, Endpoint
from tests.fakes.discord.composing import (
    SETTABLE_FLAGS,
    change,
    embeds_of,
    is_empty,
    numbered,
    silence,
    uploads,
)
from tests.fakes.discord.interaction import AUTOCOMPLETE, COMPONENT, MODAL_SUBMIT, Interaction
from tests.fakes.discord.payloads import user_json
from tests.fakes.discord.records import (
    CONTEXT_MENU,
    EPHEMERAL,
    LOADING,
    SLASH,
    Message,
    parts,
)
from tests.fakes.discord.refusal import Refusal, bad_form
from tests.fakes.discord.rules import check_message

REPLY, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
CHOICE_COUNT, CHOICE_CHARACTERS, FOLLOWUPS = 25, 100, 5
TITLE_CHARACTERS, INPUTS = 45, 5


def callback(call: Call) -> Any:
    """POST the first reaction, within three seconds and once."""
    found = call.world.interactions.get(call.params["interaction_token"])
    late = call.world.clock.now() - call.world.limits.ack_seconds
    if found is None or found.id != call.id("interaction_id"):
        raise Refusal(10062)
    if found.acknowledged:
        raise Refusal(40060)
    if found.created_at < late:
        raise Refusal(10062)
    kind, data = call.body.get("type"), call.body.get("data") or {}
    call.channel_id = found.channel.id
    call.body, whole = data, call.body
    react(call, found, kind, data)
    call.body = whole
    found.callback, found.acked_at = kind, call.world.clock.now()
    found.changed()
    if call.query.get("with_response", "").lower() not in ("1", "true"):
        return None
    return told(call, found, kind)


def react(call: Call, found: Interaction, kind: int | None, data: dict[str, Any]) -> None:
    """Does what the callback's type says."""
    on_message = found.kind == COMPONENT or (found.kind == MODAL_SUBMIT and found.message)
    if found.kind == AUTOCOMPLETE:
        if kind != CHOICES:
            raise bad_form("type", "INTERACTION_APPLICATION_COMMAND_INVALID_TYPE", "Only 8.")
        found.choices = checked_choices(data)
    elif kind == REPLY:
        found.original = speak(call, found, data)
    elif kind == DEFER:
        flags = LOADING | (data.get("flags", 0) & EPHEMERAL)
        found.original = call.chat.post(blank(call, found, flags))
    elif kind == DEFER_UPDATE and on_message:
        found.original = found.message
    elif kind == UPDATE and on_message:
        assert found.message is not None
        change(call, found.message)
        found.original = found.message
    elif kind == MODAL and found.kind != MODAL_SUBMIT:
        found.modal = checked_modal(data)
    else:
        raise bad_form("type", "BASE_TYPE_CHOICES", f"{kind} does not answer this.")


def told(call: Call, found: Interaction, kind: int | None) -> dict[str, Any]:
    """What `with_response` asks for."""
    interaction: dict[str, Any] = {"id": str(found.id), "type": found.kind}
    answer: dict[str, Any] = {"interaction": interaction}
    if found.original is not None:
        call.message_id = found.original.id
        interaction |= {
            "response_message_id": str(found.original.id),
            "response_message_loading": found.original.loading,
            "response_message_ephemeral": found.original.ephemeral,
            "channel_id": str(found.channel.id),
        }
        if kind in (REPLY, UPDATE):
            answer["resource"] = {"type": kind, "message": call.chat.whole(found.original)}
    return answer


def blank(call: Call, found: Interaction, flags: int, content: str = "") -> Message:
    """The bot's message in answer to the interaction."""
    kind = CONTEXT_MENU if found.data.get("type") in (2, 3) else SLASH
    message = call.chat.new(
        found.channel,
        call.world.bot,
        content,
        kind=kind if found.kind == 2 else 0,
        flags=flags,
        webhook_id=call.world.application_id,
        visible_to=found.user if flags & EPHEMERAL else None,
    )
    message.interaction = metadata(found)
    return message


def metadata(found: Interaction) -> dict[str, Any]:
    """What an answer tells of the interaction it answers, and of the one before it."""
    told: dict[str, Any] = {
        "id": str(found.id),
        "type": found.kind,
        "user": user_json(found.user),
        "authorizing_integration_owners": {},
    }
    if found.kind == COMPONENT and found.message is not None:
        told["interacted_message_id"] = str(found.message.id)
    if found.opened_by is not None:
        told["triggering_interaction_metadata"] = metadata(found.opened_by)
    if "name" in found.data:
        told["name"] = found.data["name"]
    return told


def speak(call: Call, found: Interaction, data: dict[str, Any]) -> Message:
    """Posts a message with text, files and buttons."""
    check_message(data, len(call.files), call.world.effects)
    flags = data.get("flags") or 0
    message = blank(call, found, flags & (SETTABLE_FLAGS | EPHEMERAL), data.get("content") or "")
    silence(message, data.get("allowed_mentions"))
    message.embeds = embeds_of(data)
    message.components = numbered(data.get("components") or [])
    message.attachments = uploads(call, found.channel, data.get("attachments"))
    if is_empty(message):
        raise Refusal(50006)
    return call.chat.post(message)


def checked_choices(data: dict[str, Any]) -> list[dict[str, Any]]:
    """At most 25 choices, each with a name."""
    choices: list[dict[str, Any]] = data.get("choices") or []
    if len(choices) > CHOICE_COUNT:
        raise bad_form("data.choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for choice in choices:
        texts = [choice["name"], str(choice["value"])]
        if not all(1 <= len(text) <= CHOICE_CHARACTERS for text in texts):
            raise bad_form("data.choices", "BASE_TYPE_BAD_LENGTH", "Between 1 and 100.")
    return choices


def checked_modal(data: dict[str, Any]) -> dict[str, Any]:
    """A title, an id and one to five parts."""
    if not 1 <= len(data.get("title") or "") <= TITLE_CHARACTERS:
        raise bad_form("data.title", "BASE_TYPE_BAD_LENGTH", "Between 1 and 45.")
    if not 1 <= len(data.get("components") or []) <= INPUTS:
        raise bad_form("data.components", "BASE_TYPE_BAD_LENGTH", "Between 1 and 5.")
    for part in [data, *parts(data["components"])]:
        if "custom_id" in part and not 1 <= len(part["custom_id"]) <= 100:
            raise bad_form("data.custom_id", "BASE_TYPE_BAD_LENGTH", "Between 1 and 100.")
    return data


def answered(call: Call) -> Interaction:
    """The interaction of a webhook path; 15 minutes after it, 50027."""
    found = call.world.interactions.get(call.params["webhook_token"])
    if call.id("webhook_id") != call.world.application_id:
        raise Refusal(10015)
    if found is None:
        raise Refusal(10015)
    if call.world.clock.now() - found.created_at > call.world.limits.token_seconds:
        raise Refusal(50027)
    if not found.acknowledged:
        raise Refusal(10015)
    call.channel_id = found.channel.id
    assert isinstance(found, Interaction)
    return found


def followup(call: Call) -> Any:
    """POST another message; the first after a deferral takes the place of "is thinking"."""
    found = answered(call)
    waiting = found.original
    if waiting is not None and waiting.loading and waiting.id in found.channel.messages:
        change(call, waiting)
        message = waiting
    else:
        if found.user_installed and len(found.followups) >= FOLLOWUPS:
            raise Refusal(40094)
        message = speak(call, found, call.body)
        found.followups.append(message)
    call.message_id = message.id
    found.changed()
    return call.chat.whole(message)


def target(call: Call, found: Interaction) -> Message:
    """The message of the path: `@original` or one of the interaction's."""
    name = call.params["message_id"]
    if name == "@original":
        message = found.original
    else:
        mine = [found.original, found.message, *found.followups]
        message = next((m for m in mine if m is not None and str(m.id) == name), None)
    if message is None or message.id not in found.channel.messages:
        raise Refusal(10008)
    call.message_id = message.id
    return message


def get(call: Call) -> Any:
    """GET one of the answers."""
    return call.chat.whole(target(call, answered(call)))


def edit(call: Call) -> Any:
    """PATCH one of the answers."""
    found = answered(call)
    message = target(call, found)
    change(call, message)
    found.changed()
    return call.chat.whole(message)


def delete(call: Call) -> None:
    """DELETE one of the answers."""
    found = answered(call)
    call.chat.delete(target(call, found))
    found.changed()


HOOK = "/webhooks/{webhook_id}/{webhook_token}"
ENDPOINTS = [
    Endpoint(
        "POST",
        "/interactions/{interaction_id}/{interaction_token}/callback",
        callback,
        with_token=False,
    ),
    Endpoint("POST", HOOK, followup, "webhooks", with_token=False),
    Endpoint("GET", HOOK + "/messages/{message_id}", get, "webhooks", with_token=False),
    Endpoint("PATCH", HOOK + "/messages/{message_id}", edit, "webhooks", with_token=False),
    Endpoint("DELETE", HOOK + "/messages/{message_id}", delete, "webhooks", with_token=False),
]
