"""The character NUL, which people and programs may write, and PostgreSQL has no room for."""

from __future__ import annotations

import json
from typing import Any

from psycopg.types.string import StrDumperUnknown


def without_nul(value: Any) -> Any:
    """A text, or JSON with texts anywhere in it, without the character."""
    match value:
        case str():
            return value.replace("\0", "")
        case dict():
            return {without_nul(name): without_nul(each) for name, each in value.items()}
        case list() | tuple():
            return [without_nul(each) for each in value]
        case _:
            return value


def to_json(value: Any) -> str:
    """JSON as PostgreSQL can look into it: `\\u0000` is taken in, and then breaks every query."""
    return json.dumps(without_nul(value))


class TextWithoutNul(StrDumperUnknown):
    """Texts as PostgreSQL takes them."""

    def dump(self, obj: str) -> Any:
        """The text as bytes."""
        return super().dump(without_nul(obj))
