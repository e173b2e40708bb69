"""Reading what a browser sends, which may be anything."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

_NAME_LIMIT_CHARS = 200
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


async def read_object(request: Request, limit_bytes: int) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        HTTPException: it is longer than `limit_bytes` (413) or no JSON object (400).
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise HTTPException(413, "The request is too long.")
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise HTTPException(400, "The request is not JSON.") from error
    except RecursionError as error:
        raise HTTPException(400, "The request is nested too deeply.") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "The request is not a JSON object.")
    return value


def text_of(value: dict[str, Any], name: str, limit_chars: int) -> str:
    """A text field of a request, without what no database takes; "" where it is missing.

    Raises:
        HTTPException: it is no text (400) or too long (413).
    """
    text = value.get(name, "")
    if not isinstance(text, str):
        raise HTTPException(400, f"{name} is not a text.")
    if len(text) > limit_chars:
        raise HTTPException(413, f"The text is longer than {limit_chars} characters.")
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def id_of(value: dict[str, Any], name: str) -> str:
    """An identifier that the page made up. HTTPException 400 where it is none."""
    text = value.get(name)
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise HTTPException(400, f"{name} is not an identifier.")
    return text


def ids_of(value: dict[str, Any], name: str, limit: int) -> list[str]:
    """A list of at most `limit` identifiers. HTTPException 400 where it is none."""
    items = value.get(name, [])
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise HTTPException(400, f"{name} is not a list of identifiers.")
    if len(items) > limit:
        raise HTTPException(400, f"At most {limit} files go with one message.")
    return list(dict.fromkeys(items))


def shown_name(name: str) -> str:
    """A file's name for display only: no control characters, none that turn text around."""
    kept = "".join(
        character for character in name if unicodedata.category(character) not in _HIDDEN
    ).strip()
    return kept[:_NAME_LIMIT_CHARS] or "file"


_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
