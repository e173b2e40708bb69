"""The items of `input` of a response, as strict models (schema `InputItem`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Tag

from engine.validation import Strict, tag_of


class Foreign(Strict):
    """A part of which only some fields matter here; the others are let through."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class InputText(Strict):
    """Text of a message."""

    type: Literal["input_text"]
    text: str
    prompt_cache_breakpoint: dict[str, Any] | None = None


class InputImage(Strict):
    """An image: an uploaded file, or a `data:` URL."""

    type: Literal["input_image"]
    file_id: str | None = None
    image_url: str | None = None
    detail: Literal["low", "high", "auto", "original"] | None = "auto"
    prompt_cache_breakpoint: dict[str, Any] | None = None


class InputFile(Strict):
    """A file: an uploaded one, or `file_data` in base64 with a name."""

    type: Literal["input_file"]
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: Literal["low", "high", "auto"] | None = None
    prompt_cache_breakpoint: dict[str, Any] | None = None


class OutputText(Foreign):
    """Text of an earlier answer, replayed as input."""

    type: Literal["output_text"]
    text: str


Part = Annotated[
    Annotated[InputText, Tag("<input_text>")]
    | Annotated[InputImage, Tag("<input_image>")]
    | Annotated[InputFile, Tag("<input_file>")]
    | Annotated[OutputText, Tag("<output_text>")],
    Discriminator(tag_of),
]


class Message(Strict):
    """A message of the conversation."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Annotated[
        Annotated[str, Tag("<text>")] | Annotated[list[Part], Tag("<list>")], Discriminator(tag_of)
    ]
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None
    phase: str | None = None


class ReplayedCode(Foreign):
    """Code of an earlier answer, replayed as input."""

    type: Literal["code_interpreter_call"]
    code: str | None = None


class ReplayedReasoning(Foreign):
    """Reasoning of an earlier answer, replayed as input: this engine has no use for it."""

    type: Literal["reasoning"]


def _item_tag(value: object) -> str:
    return tag_of(value, default="message")


Item = Annotated[
    Annotated[Message, Tag("<message>")]
    | Annotated[ReplayedCode, Tag("<code_interpreter_call>")]
    | Annotated[ReplayedReasoning, Tag("<reasoning>")],
    Discriminator(_item_tag),
]
