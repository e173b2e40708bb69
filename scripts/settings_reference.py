"""Writes docs/reference/settings.md from the settings classes.

Run it as `python -m scripts.settings_reference`.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.variables import setting_classes, variables

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"

_HEAD = """\
# Settings

Every setting is an environment variable. Threadlab also reads them from a file `.env` in the
folder where it is started; the environment wins over the file. `threadlab doctor` says what is
wrong with them.

This page is written by `python -m scripts.settings_reference`. Change the descriptions in the
code, not here.
"""
_GROUPS = {
    "core": ("Threadlab", "Read by `threadlab run` and `threadlab doctor` (`bot/settings.py`)."),
    "web": ("The web page", "Read by `threadlab run` (`adapters/web/settings.py`)."),
    "slack": ("Slack", "Read by `threadlab run` (`adapters/slack/settings.py`)."),
    "engine": (
        "The engine",
        "Read by `threadlab engine`, and by `threadlab run` where its own engine answers "
        "(`engine/settings.py`).",
    ),
}
_TAIL = """
## Chats

| variable | meaning |
|---|---|
| `DISCORD_TOKEN` | Asks for Discord, which this version refuses: its adapter comes next. |
"""
_UNITS = {
    "seconds": "seconds",
    "hours": "hours",
    "days": "days",
    "ms": "milliseconds",
    "chars": "characters",
    "bytes": "bytes",
    "kb": "KiB",
    "minutes": "minutes",
    "percent": "%",
    "usd": "USD",
}
_MEGABYTES = {"engine": "MiB"}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def render() -> str:
    """The whole page."""
    groups = setting_classes()
    known = [name for name in _GROUPS if name in groups]
    order = [*known, *sorted(groups.keys() - _GROUPS.keys())]
    return "\n".join([_HEAD, *(_group(name, groups[name]) for name in order)]) + _TAIL


def _group(name: str, model: type[BaseModel]) -> str:
    title, readers = _GROUPS.get(name, (name, f"Read by `{model.__module__}`."))
    head = "| variable | default | unit | allowed | meaning |\n|---|---|---|---|---|"
    # What a class takes over from another comes after its own.
    named = zip(model.model_fields, variables(model).items(), strict=True)
    ordered = sorted(named, key=lambda pair: pair[0] not in model.__annotations__)
    rows = [_row(name, *variable) for _, variable in ordered]
    return "\n".join([f"## {title}", "", readers, "", head, *rows, ""])


def _row(group: str, variable: str, field: FieldInfo) -> str:
    last = variable.rsplit("_", 1)[-1].lower()
    unit = _MEGABYTES.get(group, "MB") if last == "mb" else _UNITS.get(last, "")
    cells = [f"`{variable}`", _default(field), unit, _allowed(field), field.description or ""]
    return f"| {' | '.join(cells)} |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined or value in ("", ()):
        return ""
    if isinstance(value, tuple):
        value = ",".join(value)
    elif isinstance(value, dict):
        value = json.dumps(value, default=BaseModel.model_dump)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(field: FieldInfo) -> str:
    parts = [_kind(field.annotation)]
    for bound, words in _BOUNDS.items():
        parts += [f"{words} {limit:g}" for limit in _limits(field, bound)]
    return ", ".join(filter(None, parts))


def _limits(field: FieldInfo, bound: str) -> list[float]:
    return [getattr(item, bound) for item in field.metadata if hasattr(item, bound)]


def _kind(annotation: Any) -> str:
    """What may stand there, in words."""
    if get_origin(annotation) in (Union, UnionType):
        inner = next(part for part in get_args(annotation) if part is not type(None))
        return _kind(inner)
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    if isinstance(annotation, type) and hasattr(annotation, "__members__"):
        return " or ".join(f"`{choice.value}`" for choice in annotation)  # type: ignore[attr-defined]
    if get_origin(annotation) is dict:
        return "JSON"
    words = {bool: "`true` or `false`", int: "whole number", float: "number", SecretStr: "secret"}
    return words.get(annotation, "text")


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(render())
