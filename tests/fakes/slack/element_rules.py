"""The rules of what stands within blocks: texts, images and interactive elements."""

from __future__ import annotations

from typing import Any

from tests.fakes.slack.elements import options_of
from tests.fakes.slack.methods import ApiError
from tests.fakes.slack.records import Json

_WITH_OPTIONS = (
    "static_select",
    "multi_static_select",
    "overflow",
    "radio_buttons",
    "checkboxes",
)


def refuse(message: str) -> ApiError:
    """An invalid_blocks error that says where."""
    return ApiError("invalid_blocks", message)


def check_text(value: Any, name: str, limit: int, *, plain: bool = False) -> None:
    """Refuse a text object of the wrong kind or length."""
    if not isinstance(value, dict) or value.get("type") not in ("plain_text", "mrkdwn"):
        raise refuse(f"{name} must be a text object")
    if plain and value["type"] != "plain_text":
        raise refuse(f"{name} must be plain_text")
    text = value.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= limit:
        raise refuse(f"{name} must have 1 to {limit} characters")


def check_image(block: Json) -> None:
    """Refuse an image without source or description."""
    if not block.get("image_url") and not block.get("slack_file"):
        raise refuse("an image needs image_url or slack_file")
    if len(block.get("image_url") or "") > 3000:
        raise refuse("image_url exceeds 3000 characters")
    if not 0 < len(block.get("alt_text") or "") <= 2000:
        raise refuse("alt_text must have 1 to 2000 characters")


def check_element(element: Json) -> None:
    """Refuse an element, or a context's image, beyond its limits."""
    kind = element["type"]
    if kind == "image":
        check_image(element)
        return
    if not 0 < len(element["action_id"]) <= 255:
        raise refuse("action_id must have 1 to 255 characters")
    if kind == "button":
        _button(element)
    elif kind == "feedback_buttons":
        for side in ("positive_button", "negative_button"):
            check_text(element[side]["text"], side, 75, plain=True)
            if not 0 < len(element[side]["value"]) <= 2000:
                raise refuse("a feedback value must have 1 to 2000 characters")
    elif kind in _WITH_OPTIONS:
        _options(element)
    if "placeholder" in element:
        check_text(element["placeholder"], "placeholder", 150, plain=True)


def _button(element: Json) -> None:
    check_text(element["text"], "text", 75, plain=True)
    if len(element.get("value") or "") > 2000 or len(element.get("url") or "") > 3000:
        raise refuse("a button's value or url is too long")
    if element.get("style", "primary") not in ("primary", "danger"):
        raise refuse("style must be primary or danger")


def _options(element: Json) -> None:
    most = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}.get(element["type"], 100)
    options = options_of(element)
    if not 0 < len(options) <= most:
        raise refuse(f"options must have 1 to {most} items")
    for one in options:
        check_text(one["text"], "option text", 75)
        if not 0 < len(one["value"]) <= 150:
            raise refuse("an option's value must have 1 to 150 characters")
    for first in [element.get("initial_option"), *(element.get("initial_options") or ())]:
        if first is not None and first not in options:
            raise refuse("initial_option must be one of the options")
