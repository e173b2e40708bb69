"""Checks requests against Discord's published API description, where it is at hand."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SPEC = Path(__file__).parents[4] / "shared" / "spec" / "discord-openapi.json"
# What discord.py sends beyond the description, in edits: harmless.
HABITS = {"tts"}
# It writes some ids as numbers, which Discord takes.
SNOWFLAKE = {"type": ["string", "integer"], "pattern": "^(0|[1-9][0-9]*)$"}


class Description:
    """The API description: one validator for each operation's body."""

    def __init__(self, spec: dict[str, Any]) -> None:
        spec["components"]["schemas"]["SnowflakeType"] = SNOWFLAKE
        self._spec = spec
        self._validators: dict[tuple[str, str], Draft202012Validator | None] = {}
        self._templates = {_shape(path): path for path in spec["paths"]}

    def complaints(self, method: str, template: str, body: Any) -> list[str]:
        """What is wrong with the body of a request to `template`."""
        validator = self._validator(method.lower(), template)
        if validator is None:
            return []
        found = sorted(validator.iter_errors(body), key=lambda error: list(map(str, error.path)))
        return [f"{'.'.join(map(str, e.path)) or 'body'}: {e.message[:300]}" for e in found]

    def answer_complaints(self, method: str, template: str, status: int, body: Any) -> list[str]:
        """What is wrong with our own answer."""
        path = self._templates.get(_shape(template))
        answers = self._spec["paths"].get(path, {}).get(method.lower(), {}).get("responses", {})
        content = answers.get(str(status), {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            return []
        checker = Draft202012Validator(schema | {"components": self._spec["components"]})
        return [f"{e.json_path}: {e.message[:200]}" for e in checker.iter_errors(body)]

    def knows(self, method: str, template: str) -> bool:
        """Whether the description has such an operation."""
        path = self._templates.get(_shape(template))
        return path is not None and method.lower() in self._spec["paths"][path]

    def unknown_fields(self, method: str, template: str, body: Any) -> list[str]:
        """Fields of the body that the description does not name."""
        schema = self._schema(method.lower(), template)
        if schema is None or not isinstance(body, dict):
            return []
        names = self._names(schema)
        return sorted(set(body) - names - HABITS) if names else []

    def _names(self, schema: dict[str, Any]) -> set[str]:
        if "$ref" in schema:
            return self._names(self._spec["components"]["schemas"][schema["$ref"].split("/")[-1]])
        names = set(schema.get("properties", {}))
        for kind in ("anyOf", "oneOf", "allOf"):
            for part in schema.get(kind, []):
                names |= self._names(part)
        return names

    def _schema(self, method: str, template: str) -> dict[str, Any] | None:
        path = self._templates.get(_shape(template))
        operation = self._spec["paths"].get(path, {}).get(method, {})
        content = operation.get("requestBody", {}).get("content", {})
        schema: dict[str, Any] | None = content.get("application/json", {}).get("schema")
        return schema

    def _validator(self, method: str, template: str) -> Draft202012Validator | None:
        key = (method, template)
        if key not in self._validators:
            schema = self._schema(method, template)
            self._validators[key] = schema and Draft202012Validator(
                schema | {"components": self._spec["components"]}
            )
        return self._validators[key]


def _shape(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


@cache
def description() -> Description | None:
    """The description, or None where the file is missing."""
    if not SPEC.is_file():
        return None
    return Description(json.loads(SPEC.read_text()))
