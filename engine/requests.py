"""Reading requests: JSON bodies, paging, flags; what is wrong with them is said as the service
says it."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from starlette.requests import Request

from engine.errors import InvalidRequest, TooLarge
from engine.storage import Order, PageQuery
from engine.validation import Strict, out_of_range, parse

Model = TypeVar("Model", bound=Strict)

LIST_MAX = 100


async def read_json(request: Request, model: type[Model], limit_bytes: int) -> Model:
    """The JSON body.

    Raises:
        TooLarge: longer than `limit_bytes`.
        InvalidRequest: no JSON, or not what the model wants.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise TooLarge("The request", limit_bytes)
    try:
        decoded = json.loads(bytes(body) or b"{}")
    except (ValueError, RecursionError) as error:  # the latter: nested without end
        raise InvalidRequest(
            "We could not parse the JSON body of your request: it is not valid JSON."
        ) from error
    return parse(model, decoded)


def page_query(request: Request, *, limit_default: int = 20, most: int = LIST_MAX) -> PageQuery:
    """`limit`, `order` and `after` of a list. Raises InvalidRequest."""
    limit = integer(request, "limit", limit_default)
    if limit < 1:
        raise out_of_range("limit", limit, "below minimum", ">= 1", "below_min")
    if limit > most:
        raise out_of_range("limit", limit, "above maximum", f"<= {most}", "above_max")
    order: Order = "asc" if request.query_params.get("order") == "asc" else "desc"
    if request.query_params.get("order", order) != order:
        given = request.query_params["order"]
        text = f"Invalid value: '{given}'. Supported values are: 'asc', 'desc'."
        raise InvalidRequest(text, param="order", code="invalid_value")
    return PageQuery(limit, order, request.query_params.get("after") or None)


def integer(request: Request, name: str, default: int) -> int:
    """A whole number from the query. Raises InvalidRequest."""
    given = request.query_params.get(name)
    if given is None:
        return default
    try:
        return int(given)
    except ValueError as error:
        text = f"Invalid type for '{name}': expected an integer, but got a string instead."
        raise InvalidRequest(text, param=name, code="invalid_type") from error


def flag(request: Request, name: str, *, default: bool) -> bool:
    """A yes or no from the query. Raises InvalidRequest."""
    given = request.query_params.get(name)
    if given is None:
        return default
    if given not in ("true", "false"):
        text = f"Invalid type for '{name}': expected a boolean, but got a string instead."
        raise InvalidRequest(text, param=name, code="invalid_type")
    return given == "true"


def listing(data: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A list as JSON. An empty one has empty ids: the schema wants strings."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else "",
        "last_id": data[-1]["id"] if data else "",
        "has_more": has_more,
    }
