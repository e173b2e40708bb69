"""What a request's `input` says: the question, what went before, and the files that came along."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.errors import InvalidRequest
from engine.ids import new_id
from engine.names import display_name
from engine.planner.protocol import Exchange
from engine.schema import CreateResponse
from engine.schema_input import (
    InputFile,
    InputImage,
    InputText,
    Item,
    Message,
    OutputText,
    Part,
    ReplayedCode,
)

_NO_NETWORK = "This engine has no network: upload the file and give its file_id, or send its data."


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A file that came inside the request."""

    name: str
    data: bytes = field(repr=False)


@dataclass(slots=True)
class Asked:
    """What `input` says. `items` is what `GET /responses/{id}/input_items` shows."""

    text: str = ""
    context: str = ""
    instructions: str = ""
    history: list[Exchange] = field(default_factory=list)
    file_ids: list[str] = field(default_factory=list)
    embedded: list[EmbeddedFile] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)


def read_input(request: CreateResponse) -> Asked:
    """Read `input` and `instructions`.

    Raises:
        InvalidRequest: a part that this engine can't take.
    """
    messages: list[Item] = (
        [Message(role="user", content=request.input)]
        if isinstance(request.input, str)
        else request.input
    )
    if not messages:
        raise InvalidRequest(
            "Invalid 'input': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            param="input",
            code="empty_array",
        )
    reader = _Reader()
    for index, item in enumerate(messages):
        reader.read(item, f"input[{index}]")
    reader.asked.instructions = "\n\n".join(filter(None, [request.instructions, *reader.rules]))
    reader.asked.text = reader.question
    reader.asked.context = "\n\n".join(reader.questions[:-1])
    return reader.asked


class _Reader:
    """Reads messages in order. The user's last message is the question; those before it since
    the last answer are context, as for a person who reads them."""

    def __init__(self) -> None:
        self.asked = Asked()
        self.rules: list[str] = []
        self.questions: list[str] = []
        self._codes: list[str] = []

    @property
    def question(self) -> str:
        """The user's last message since the last answer."""
        return self.questions[-1] if self.questions else ""

    def read(self, item: Item, place: str) -> None:
        if isinstance(item, ReplayedCode):
            self._codes.append(item.code or "")
        if not isinstance(item, Message):
            return
        parts: list[Part] = _parts(item)
        text = "\n".join(part.text for part in parts if isinstance(part, InputText | OutputText))
        if item.role == "assistant":
            self.asked.history.append(Exchange(self.question, text, tuple(self._codes)))
            self.questions, self._codes = [], []
        elif item.role == "user":
            self.questions.append(text)
        else:
            self.rules.append(text)
        for index, part in enumerate(parts):
            self._take_file(part, f"{place}.content[{index}]")
        self.asked.items.append(_as_item(item, parts))

    def _take_file(self, part: Part, place: str) -> None:
        if isinstance(part, InputImage):
            self._take_image(part, place)
        elif isinstance(part, InputFile):
            self._take_document(part, place)

    def _take_image(self, part: InputImage, place: str) -> None:
        if part.file_id:
            self.asked.file_ids.append(part.file_id)
            return
        if not part.image_url:
            raise _missing(place, "image_url")
        if part.image_url.startswith(("http://", "https://")):
            raise InvalidRequest(_NO_NETWORK, param=f"{place}.image_url", code="invalid_value")
        kind, data = _decode(part.image_url, f"{place}.image_url", "an image")
        suffix = kind.removeprefix("image/").split("+")[0] or "png"
        number = len(self.asked.embedded) + 1
        self.asked.embedded.append(EmbeddedFile(display_name(f"image-{number}.{suffix}"), data))

    def _take_document(self, part: InputFile, place: str) -> None:
        if part.file_id:
            self.asked.file_ids.append(part.file_id)
            return
        if part.file_url:
            raise InvalidRequest(_NO_NETWORK, param=f"{place}.file_url", code="invalid_value")
        if not part.file_data:
            raise _missing(place, "file_id")
        if not part.filename:
            raise _missing(place, "filename")
        _, data = _decode(part.file_data, f"{place}.file_data", "a file")
        self.asked.embedded.append(EmbeddedFile(display_name(part.filename), data))


def _parts(message: Message) -> list[Part]:
    if not isinstance(message.content, str):
        return message.content
    if message.role == "assistant":
        return [OutputText(type="output_text", text=message.content)]
    return [InputText(type="input_text", text=message.content)]


def _as_item(message: Message, parts: Iterable[Part]) -> dict[str, Any]:
    """Schema `ItemResource`; data that came inside the request is not kept a second time."""
    content = [part.model_dump(exclude_unset=True) for part in parts]
    for part in content:
        if part["type"] == "output_text":
            part |= {"annotations": [], "logprobs": []}
        elif part["type"] == "input_image":
            part |= {"image_url": None, "detail": part.get("detail") or "auto"}
        else:
            part.pop("file_data", None)
    return {
        "id": message.id or new_id("msg"),
        "type": "message",
        "status": "completed",
        "content": content,
        "role": message.role,
    }


def _decode(url: str, place: str, what: str) -> tuple[str, bytes]:
    head, _, encoded = url.rpartition(",")
    try:
        data = b64decode(encoded, validate=True)
    except binascii.Error:
        data = b""
    if not data:
        text = f"Invalid '{place}'. Expected {what} as a base64-encoded data URL."
        raise InvalidRequest(text, param=place, code="invalid_value")
    return head.removeprefix("data:").split(";")[0], data


def _missing(place: str, name: str) -> InvalidRequest:
    text = f"Missing required parameter: '{place}.{name}'."
    return InvalidRequest(text, param=f"{place}.{name}", code="missing_required_parameter")
