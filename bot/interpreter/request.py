"""A question, as the Responses API takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FreshContainer:
    """A new container, made by the service with these files in it (at most 50 ids)."""

    file_ids: tuple[str, ...]
    memory_limit: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the engine.

    `workspace` tells the model which file is where; `container` is a living one's id or a fresh
    one; `images` and `documents` are ids of uploaded files that the model also sees itself.
    """

    text: str
    instructions: str
    workspace: str
    container: str | FreshContainer
    model: str
    effort: str | None = None  # of reasoning; None leaves the model's own default
    images: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    previous_response_id: str | None = None
    safety_identifier: str = ""
    turn_id: str = ""


def build(question: Question, *, background: bool) -> dict[str, Any]:
    """The body of `POST /responses` for a streamed answer."""
    body: dict[str, Any] = {
        "model": question.model,
        "instructions": question.instructions,
        "input": _input(question),
        "tools": [{"type": "code_interpreter", "container": _container(question.container)}],
        # Logs and images of code runs come only when asked for.
        "include": ["code_interpreter_call.outputs"],
        "background": background,
        "store": True,
        "stream": True,
        "metadata": {"turn": question.turn_id},
    }
    if question.previous_response_id:
        body["previous_response_id"] = question.previous_response_id
    if question.safety_identifier:
        body["safety_identifier"] = question.safety_identifier
    if question.effort:
        body["reasoning"] = {"effort": question.effort}
    return body


def _container(container: str | FreshContainer) -> str | dict[str, Any]:
    if isinstance(container, str):
        return container
    return {
        "type": "auto",
        "memory_limit": container.memory_limit,
        "file_ids": list(container.file_ids),
        "network_policy": {"type": "disabled"},
    }


def _input(question: Question) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = [{"type": "input_text", "text": question.text}]
    content += [{"type": "input_image", "file_id": id, "detail": "auto"} for id in question.images]
    content += [{"type": "input_file", "file_id": id} for id in question.documents]
    messages = [{"role": "user", "content": content}]
    if question.workspace:
        # File names are untrusted: they go in as the user's words, never as the developer's.
        note = [{"type": "input_text", "text": question.workspace}]
        messages.insert(0, {"role": "user", "content": note})
    return messages
