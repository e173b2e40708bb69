"""From pydantic's findings to the error texts that the service gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from engine.errors import InvalidRequest

Body = TypeVar("Body", bound=BaseModel)

_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


class Strict(BaseModel):
    """A request body or a part of one: unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def parse(model: type[Body], body: object) -> Body:
    """Read a decoded JSON body.

    Raises:
        InvalidRequest: with the first fault, in the service's words.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False)[0]) from error


def tag_of(value: object, default: str = "") -> str:
    """The tag by which unions are told apart: `<text>`, `<list>` or `<the value's type>`."""
    if isinstance(value, str):
        return "<text>"
    if isinstance(value, list):
        return "<list>"
    if isinstance(value, dict):
        return f"<{value.get('type', default)}>"
    kind = getattr(value, "type", None)
    return f"<{kind}>" if kind else "<other>"


def parameter(location: tuple[int | str, ...]) -> str:
    """A place in the body as the service writes it: `input[0].content[1].file_id`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("<"):  # the tags of unions are no part of the body
            path += f".{part}" if path else part
    return path


def type_name(value: object) -> str:
    """What a JSON value is, in the service's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names: dict[type, str] = {int: "an integer", float: "a decimal number", str: "a string"}
    names |= {list: "an array", dict: "an object"}
    return names.get(type(value), "something else")


def out_of_range(place: str, value: object, fault: str, wanted: str, code: str) -> InvalidRequest:
    """A number outside its bounds."""
    kind = "integer" if isinstance(value, int) else "decimal"
    text = (
        f"Invalid '{place}': {kind} {fault} value. "
        f"Expected a value {wanted}, but got {value} instead."
    )
    return InvalidRequest(text, param=place, code=f"{kind}_{code}_value")


def _refusal(fault: ErrorDetails) -> InvalidRequest:
    kind, place, value = fault["type"], parameter(fault["loc"]), fault["input"]
    context: Mapping[str, Any] = fault.get("ctx", {})
    if kind in _EXPECTED:
        return _wrong_type(place, _EXPECTED[kind], value)
    if kind == "union_tag_invalid" and not isinstance(value, dict):
        return _wrong_type(place, _shapes(context["expected_tags"]), value)
    write = _WRITERS.get(kind)
    if write is None:
        text = f"Invalid value for '{place}': {fault['msg']}."
        return InvalidRequest(text, param=place, code="invalid_value")
    return write(place, value, context)


def _wrong_type(place: str, expected: str, value: object) -> InvalidRequest:
    text = f"Invalid type for '{place}': expected {expected}, but got {type_name(value)} instead."
    return InvalidRequest(text, param=place or None, code="invalid_type")


def _shapes(tags: str) -> str:
    shapes = [name for tag, name in (("<text>", "a string"), ("<list>", "an array")) if tag in tags]
    if len(shapes) < 2:
        shapes.append("an object")
    return f"one of {shapes[0]} or {shapes[1]}" if len(shapes) > 1 else shapes[0]


def _missing(place: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    text = f"Missing required parameter: '{place}'."
    return InvalidRequest(text, param=place, code="missing_required_parameter")


def _unknown(place: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    text = f"Unknown parameter: '{place}'."
    return InvalidRequest(text, param=place, code="unknown_parameter")


def _not_listed(place: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    expected = context["expected"].replace(" or ", ", ")
    text = f"Invalid value: '{value}'. Supported values are: {expected}."
    return InvalidRequest(text, param=place, code="invalid_value")


def _no_such_tag(place: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    known = [tag.strip("'") for tag in context["expected_tags"].split(", ")]
    listed = ", ".join(f"'{tag.strip('<>')}'" for tag in known if tag not in ("<text>", "<list>"))
    text = f"Invalid value: '{context['tag'].strip('<>')}'. Supported values are: {listed}."
    return InvalidRequest(text, param=f"{place}.type", code="invalid_value")


def _below(place: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    return out_of_range(place, value, "below minimum", f">= {context['ge']}", "below_min")


def _above(place: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    return out_of_range(place, value, "above maximum", f"<= {context['le']}", "above_max")


def _long_text(place: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    limit, length = context["max_length"], len(str(value))
    text = (
        f"Invalid '{place}': string too long. Expected a string with maximum length {limit}, "
        f"but got a string with length {length} instead."
    )
    return InvalidRequest(text, param=place, code="string_above_max_length")


def _empty_text(place: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    text = (
        f"Invalid '{place}': empty string. Expected a string with minimum length "
        f"{context['min_length']}, but got an empty string instead."
    )
    return InvalidRequest(text, param=place, code="empty_string")


def _too_many(place: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    limit, length = context["max_length"], context["actual_length"]
    if isinstance(value, dict):
        text = (
            f"Invalid '{place}': too many properties. Expected an object with at most {limit} "
            f"properties, but got an object with {length} properties instead."
        )
        return InvalidRequest(text, param=place, code="object_above_max_properties")
    text = (
        f"Invalid '{place}': array too long. Expected an array with maximum length {limit}, "
        f"but got an array with length {length} instead."
    )
    return InvalidRequest(text, param=place, code="array_above_max_length")


def _unsupported(place: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    text = f"Unsupported parameter: '{place}' is not supported by this engine."
    return InvalidRequest(text, param=place, code="unsupported_parameter")


_WRITERS: dict[str, Callable[[str, object, Mapping[str, Any]], InvalidRequest]] = {
    "missing": _missing,
    "none_required": _unsupported,
    "extra_forbidden": _unknown,
    "literal_error": _not_listed,
    "union_tag_invalid": _no_such_tag,
    "greater_than_equal": _below,
    "less_than_equal": _above,
    "string_too_long": _long_text,
    "string_too_short": _empty_text,
    "too_long": _too_many,
}
