"""The options of a command as a person fills them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.discord.payloads import Link, channel_json, file_json, user_json
from tests.fakes.discord.records import Channel, StoredFile, User

SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL = 1, 2, 3, 4, 5, 6, 7
NUMBER, ATTACHMENT = 10, 11


@dataclass(frozen=True)
class Typed:
    """The option that is being typed, as far as it is."""

    text: str


def fill(
    schema: dict[str, Any],
    path: list[str],
    options: Mapping[str, Any],
    resolved: dict[str, Any],
    link: Link,
    *,
    partial: bool,
) -> list[dict[str, Any]]:
    """The options as sent; what they name goes into `resolved`."""
    offered = {option["name"]: option for option in schema.get("options") or []}
    if path:
        assert path[0] in offered, f"no subcommand {path[0]!r}, only {list(offered)}"
        inner = offered[path[0]]
        filled = fill(inner, path[1:], options, resolved, link, partial=partial)
        return [{"type": inner["type"], "name": inner["name"], "options": filled}]
    unknown = set(options) - set(offered)
    assert not unknown, f"{schema['name']} has no options {unknown}, only {list(offered)}"
    missing = {n for n, o in offered.items() if o.get("required")} - set(options)
    assert partial or not missing, f"{schema['name']} needs {missing}"
    return [option_of(offered[n], value, resolved, link) for n, value in options.items()]


def option_of(
    option: dict[str, Any], value: Any, resolved: dict[str, Any], link: Link
) -> dict[str, Any]:
    """One option, of the type that the command says."""
    made = {"type": option["type"], "name": option["name"]}
    if isinstance(value, Typed):
        assert option.get("autocomplete"), f"{option['name']} has no autocomplete"
        return made | {"value": value.text, "focused": True}
    if isinstance(value, StoredFile):
        assert option["type"] == ATTACHMENT, f"{option['name']} takes no file"
        shown = file_json(value, link) | {"ephemeral": True}
        resolved.setdefault("attachments", {})[str(value.id)] = shown
        return made | {"value": str(value.id)}
    if isinstance(value, User):
        resolved.setdefault("users", {})[str(value.id)] = user_json(value)
        return made | {"value": str(value.id)}
    if isinstance(value, Channel):
        shown = channel_json(value) | {"permissions": "0"}
        resolved.setdefault("channels", {})[str(value.id)] = shown
        return made | {"value": str(value.id)}
    choices = [choice["value"] for choice in option.get("choices") or []]
    assert not choices or value in choices, f"{value!r} is not among {choices}"
    kinds: dict[int, Any] = {STRING: str, INTEGER: int, BOOLEAN: bool, NUMBER: (int, float)}
    assert isinstance(value, kinds[option["type"]]), f"{value!r} for {option['name']}"
    return made | {"value": value}
