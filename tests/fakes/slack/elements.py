"""Interactive elements in blocks: finding one, and what choosing in it sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.slack.records import Json


def elements(blocks: list[Json]) -> Iterator[tuple[str, Json]]:
    """Every interactive element with its block's id."""
    for block in blocks:
        found = [*(block.get("elements") or ()), block.get("accessory"), block.get("element")]
        for element in found:
            if isinstance(element, dict) and "action_id" in element:
                yield str(block["block_id"]), element


def label(element: Json) -> str:
    """What a person reads on it."""
    text = element.get("text") or element.get("placeholder") or {}
    return str(text.get("text", "")) if isinstance(text, dict) else str(text)


def is_pressed(element: Json) -> bool:
    """Whether it only sends something, and holds no state."""
    return element["type"] in ("button", "overflow", "feedback_buttons", "icon_button")


def find(blocks: list[Json], wanted: str) -> tuple[str, Json]:
    """The element with that action_id, label or feedback label.

    Raises:
        AssertionError: nothing of that name is shown, or a disabled button.
    """
    shown = list(elements(blocks))
    for block_id, element in shown:
        names = [element["action_id"], label(element)]
        for side in ("positive_button", "negative_button"):
            if side in element:
                names.append(element[side]["text"]["text"])
        if wanted in names:
            return block_id, element
    names_shown = [f"{e['action_id']} ({label(e)})" for _, e in shown]
    raise AssertionError(f"nothing called {wanted!r} is shown, only {names_shown}")


def options_of(element: Json) -> list[Json]:
    """A select's, overflow's, radio's or checkbox's options, groups unfolded."""
    grouped = [o for group in element.get("option_groups") or () for o in group["options"]]
    return [*(element.get("options") or ()), *grouped]


def option(element: Json, wanted: str, offered: list[Json] | None = None) -> Json:
    """The option with that value or text.

    Raises:
        AssertionError: there is none.
    """
    choices = options_of(element) if offered is None else offered
    for choice in choices:
        if wanted in (choice.get("value"), choice["text"]["text"]):
            return choice
    raise AssertionError(f"no option {wanted!r} among {[c['text']['text'] for c in choices]}")


def chosen(element: Json, value: Any, offered: list[Json] | None = None) -> Json:
    """The state of an element in which somebody chose or wrote `value`."""
    kind = element["type"]
    match kind:
        case "plain_text_input" | "email_text_input" | "url_text_input" | "number_input":
            return {"type": kind, "value": None if value is None else str(value)}
        case "rich_text_input":
            return {"type": kind, "rich_text_value": value}
        case "static_select" | "external_select" | "radio_buttons" | "overflow":
            picked = None if value is None else option(element, value, offered)
            return {"type": kind, "selected_option": picked}
        case "multi_static_select" | "multi_external_select" | "checkboxes":
            picks = [option(element, one, offered) for one in value or ()]
            return {"type": kind, "selected_options": picks}
        case "users_select" | "conversations_select" | "channels_select":
            return {"type": kind, f"selected_{kind.removesuffix('s_select')}": value}
        case "multi_users_select" | "multi_conversations_select" | "multi_channels_select":
            name = kind.removeprefix("multi_").removesuffix("_select")
            return {"type": kind, f"selected_{name}": list(value or ())}
        case "datepicker":
            return {"type": kind, "selected_date": value}
        case "file_input":
            return {"type": kind, "files": list(value or ())}
    raise AssertionError(f"nothing can be chosen in a {kind}")


def initial(element: Json) -> Any:
    """What an element of a view holds before anybody touches it."""
    match element["type"]:
        case "static_select" | "external_select" | "radio_buttons":
            first = element.get("initial_option")
            return first["value"] if first else None
        case "multi_static_select" | "multi_external_select" | "checkboxes":
            return [one["value"] for one in element.get("initial_options") or ()]
        case "users_select" | "conversations_select" | "channels_select" | "datepicker":
            name = element["type"].removesuffix("s_select").removesuffix("picker")
            return element.get(f"initial_{name}")
    return element.get("initial_value")


def initial_state(element: Json) -> Json:
    """The untouched element's state; an external select keeps the option it was given."""
    if element["type"] == "external_select":
        return {"type": "external_select", "selected_option": element.get("initial_option")}
    if element["type"] == "multi_external_select":
        given = list(element.get("initial_options") or ())
        return {"type": "multi_external_select", "selected_options": given}
    return chosen(element, initial(element))


def is_empty(state: Json) -> bool:
    """Whether a required input in that state would be refused."""
    return not any(value for key, value in state.items() if key != "type")
