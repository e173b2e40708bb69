"""What Discord takes in a message, a name and a component [doc: limits]."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.discord.effects import Effects
from tests.fakes.discord.records import (
    COMPONENTS_V2,
    LINK_BUTTON,
    SUPPRESS_EMBEDS,
    parts,
)
from tests.fakes.discord.refusal import Refusal, bad_form

CONTENT_CHARACTERS = 2000
EMBEDS, EMBED_CHARACTERS, EMBEDS_CHARACTERS = 10, 4096, 6000
ATTACHMENTS, NONCE_CHARACTERS, CUSTOM_ID_CHARACTERS = 10, 25, 100
ROWS, BUTTONS_IN_ROW, V2_COMPONENTS, V2_CHARACTERS = 5, 5, 40, 4000
LABEL_CHARACTERS, NAME_CHARACTERS = 80, 100
ROW, BUTTON, TEXT_DISPLAY = 1, 2, 10
SELECTS = (3, 5, 6, 7, 8)
V2_KINDS = (9, 10, 11, 12, 13, 14, 17)
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
UNFOLDS = re.compile(r"(?<!<)https?://")
EMBED_PARTS = {"title": 256, "description": EMBED_CHARACTERS}


def too_long(field: str, limit: int) -> Refusal:
    """The refusal of a text over its limit."""
    return bad_form(field, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")


def check_message(body: dict[str, Any], files: int, effects: Effects) -> None:
    """Refuses what Discord refuses and notes what only we find wrong."""
    content = body.get("content") or ""
    if len(content) > CONTENT_CHARACTERS:
        raise too_long("content", CONTENT_CHARACTERS)
    if len(str(body.get("nonce") or "")) > NONCE_CHARACTERS:
        raise too_long("nonce", NONCE_CHARACTERS)
    if max(files, len(body.get("attachments") or [])) > ATTACHMENTS:
        raise too_long("attachments", ATTACHMENTS)
    _check_attachments(body, files)
    check_embeds(body.get("embeds") or [])
    check_components(body)
    _look_at_manners(body, effects)


def _check_attachments(body: dict[str, Any], files: int) -> None:
    for index, attachment in enumerate(body.get("attachments") or []):
        number = int(attachment["id"])
        if number < 1000 and number >= files:
            raise bad_form(f"attachments.{index}.id", "ATTACHMENT_NOT_FOUND", "No such file.")


def check_embeds(embeds: list[dict[str, Any]]) -> None:
    """At most ten, each and all together within their lengths."""
    if len(embeds) > EMBEDS:
        raise too_long("embeds", EMBEDS)
    total = 0
    for index, embed in enumerate(embeds):
        for name, limit in EMBED_PARTS.items():
            if len(embed.get(name) or "") > limit:
                raise too_long(f"embeds.{index}.{name}", limit)
        fields = embed.get("fields") or []
        if len(fields) > 25:
            raise too_long(f"embeds.{index}.fields", 25)
        for number, part in enumerate(fields):
            if not part.get("name") or len(part["name"]) > 256:
                raise too_long(f"embeds.{index}.fields.{number}.name", 256)
            if not part.get("value") or len(part["value"]) > 1024:
                raise too_long(f"embeds.{index}.fields.{number}.value", 1024)
        total += sum(len(embed.get(name) or "") for name in EMBED_PARTS)
        total += sum(len(part["name"]) + len(part["value"]) for part in fields)
        total += len((embed.get("footer") or {}).get("text") or "")
        total += len((embed.get("author") or {}).get("name") or "")
    if total > EMBEDS_CHARACTERS:
        raise too_long("embeds", EMBEDS_CHARACTERS)


def check_components(body: dict[str, Any]) -> None:
    """Rows, buttons and selects; or the second kind, beside which there is no content."""
    components = body.get("components") or []
    every = parts(components)
    if (body.get("flags") or 0) & COMPONENTS_V2:
        if body.get("content") or body.get("embeds"):
            raise bad_form("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", "No.")
        if len(every) > V2_COMPONENTS:
            raise too_long("components", V2_COMPONENTS)
        if sum(len(p.get("content") or "") for p in every) > V2_CHARACTERS:
            raise too_long("components", V2_CHARACTERS)
    else:
        if any(part["type"] in V2_KINDS for part in every):
            raise bad_form("components", "UNION_TYPE_CHOICES", "Only rows without the v2 flag.")
        if any(part["type"] != ROW for part in components):
            raise bad_form("components.0.type", "UNION_TYPE_CHOICES", "Must be a row.")
        if len(components) > ROWS:
            raise too_long("components", ROWS)
    for index, row in enumerate(part for part in every if part["type"] == ROW):
        _check_row(index, row)
    _check_ids(every)


def _check_row(index: int, row: dict[str, Any]) -> None:
    inside = row.get("components") or []
    selects = [part for part in inside if part["type"] in SELECTS]
    if not 1 <= len(inside) <= BUTTONS_IN_ROW or (selects and len(inside) > 1):
        message = "Must be between 1 and 5 in length."
        raise bad_form(f"components.{index}.components", "BASE_TYPE_BAD_LENGTH", message)
    for number, part in enumerate(inside):
        place = f"components.{index}.components.{number}"
        if part["type"] == BUTTON:
            _check_button(place, part)
        if part["type"] == SELECTS[0] and not 1 <= len(part.get("options") or []) <= 25:
            raise bad_form(f"{place}.options", "BASE_TYPE_BAD_LENGTH", "1 to 25 options.")


def _check_button(place: str, button: dict[str, Any]) -> None:
    if len(button.get("label") or "") > LABEL_CHARACTERS:
        raise too_long(f"{place}.label", LABEL_CHARACTERS)
    if not button.get("label") and not button.get("emoji"):
        raise bad_form(f"{place}.label", "BUTTON_COMPONENT_INVALID", "A label or an emoji.")
    wanted = "url" if button.get("style") == LINK_BUTTON else "custom_id"
    if not button.get(wanted):
        raise bad_form(f"{place}.{wanted}", "BASE_TYPE_REQUIRED", "This field is required")


def _check_ids(every: list[dict[str, Any]]) -> None:
    ids = [part["custom_id"] for part in every if part.get("custom_id") is not None]
    for name in ids:
        if not 1 <= len(name) <= CUSTOM_ID_CHARACTERS:
            raise too_long("components.custom_id", CUSTOM_ID_CHARACTERS)
    if len(set(ids)) != len(ids):
        raise bad_form("components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Duplicated custom id")


def _look_at_manners(body: dict[str, Any], effects: Effects) -> None:
    mentions = body.get("allowed_mentions")
    if body.get("content") and (mentions is None or mentions.get("parse")):
        effects.complain(f"mentions are possible: {body['content'][:60]!r}")
    suppressed = (body.get("flags") or 0) & (SUPPRESS_EMBEDS | COMPONENTS_V2)
    if UNFOLDS.search(CODE.sub("", body.get("content") or "")) and not suppressed:
        effects.complain(f"links unfold: {body['content'][:60]!r}")


def check_thread_name(name: Any) -> str:
    """A thread's name, 1 to 100 characters."""
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_CHARACTERS:
        raise bad_form("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    return name
