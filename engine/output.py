"""The output items of a response, and the events that tell how they grow.

The order of events is that of recorded traffic. There are no reasoning items: nothing here reasons.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from engine.ids import new_id
from engine.stream import Event, Journal, pieces

Item = dict[str, Any]
Citation = dict[str, Any]


class Output:
    """Items of one response, written one after the other.

    Arguments:
        include_outputs: whether the request wants logs and images.
        images_bytes_max: most bytes of all its images; the rest is left out, and that is said.
    """

    def __init__(self, journal: Journal, *, include_outputs: bool, images_bytes_max: int) -> None:
        self.items: list[Item] = []
        self._journal = journal
        self._include_outputs = include_outputs
        self._images_bytes_max = images_bytes_max
        self._images_bytes = 0
        self._text = ""

    @property
    def answer(self) -> str:
        """The text of all messages."""
        return "\n\n".join(
            part["text"]
            for item in self.items
            if item["type"] == "message"
            for part in item["content"]
        )

    @property
    def codes(self) -> list[str]:
        """All code, in order."""
        return [item["code"] for item in self.items if item["type"] == "code_interpreter_call"]

    @property
    def message_text(self) -> str:
        """The text of the message that is being written."""
        return self._text

    def start_code(self, container_id: str, code: str) -> None:
        """Begin a call: the code is told, then that it runs."""
        item: Item = {
            "id": new_id("ci"),
            "type": "code_interpreter_call",
            "status": "in_progress",
            "code": "",
            "container_id": container_id,
            "outputs": [] if self._include_outputs else None,
        }
        place = self._begin(item)
        self._add("response.code_interpreter_call.in_progress", place)
        for piece in pieces(code) if self._journal.kept else ():
            self._add("response.code_interpreter_call_code.delta", place, delta=piece)
        self._add("response.code_interpreter_call_code.done", place, code=code)
        self._add("response.code_interpreter_call.interpreting", place)
        item["code"] = code

    def finish_code(self, logs: str, images: Sequence[bytes], *, status: str = "completed") -> None:
        """End the call; its outputs are told only where the request includes them [seen]."""
        item = self.items[-1]
        item["status"] = status
        if self._include_outputs:
            kept = self._keep(images)
            if len(kept) < len(images):
                logs = "\n".join(filter(None, (logs, self._left_out(len(images) - len(kept)))))
            item["outputs"] = [{"type": "logs", "logs": logs}] if logs else []
            item["outputs"] += [{"type": "image", "url": _png_url(image)} for image in kept]
        self._add("response.code_interpreter_call.completed", self._place())
        self._end()

    def leave(self, logs: str) -> None:
        """What the open call had printed when it was interrupted."""
        if self._include_outputs and logs:
            self.items[-1]["outputs"] = [{"type": "logs", "logs": logs}]

    def write(self, text: str) -> None:
        """Append text to the message, opening one where none is."""
        if not text:
            return
        if not self._is_writing():
            self._begin_message()
        place = self._place() | {"content_index": 0}
        for piece in pieces(text) if self._journal.kept else ():
            self._add("response.output_text.delta", place, delta=piece, logprobs=[])
        self._text += text

    def finish_message(self, citations: Sequence[Citation]) -> None:
        """End the message, if one is open, with its citations."""
        if not self._is_writing():
            return
        place = self._place() | {"content_index": 0}
        for index, citation in enumerate(citations):
            kind = "response.output_text.annotation.added"
            self._add(kind, place, annotation_index=index, annotation=citation)
        part = _text_part(self._text, citations)
        self._add("response.output_text.done", place, text=self._text, logprobs=[])
        self._add("response.content_part.done", place, part=part)
        self.items[-1] |= {"status": "completed", "content": [part]}
        self._text = ""
        self._end()

    def abandon(self) -> None:
        """Leave what is open as it is, marked incomplete; no events tell of it."""
        if not self.items or self.items[-1]["status"] != "in_progress":
            return
        self.items[-1]["status"] = "incomplete"
        if self.items[-1]["type"] == "message":
            self.items[-1]["content"] = [_text_part(self._text, ())]

    def _keep(self, images: Sequence[bytes]) -> list[bytes]:
        """The images for which there is room in the response."""
        kept = []
        for image in images:
            if self._images_bytes + len(image) <= self._images_bytes_max:
                self._images_bytes += len(image)
                kept.append(image)
        return kept

    def _left_out(self, count: int) -> str:
        images = "1 image" if count == 1 else f"{count} images"
        most = self._images_bytes_max // 1024**2
        return f"[{images} left out: a response holds at most {most} MB of images]"

    def _begin_message(self) -> None:
        item: Item = {
            "id": new_id("msg"),
            "type": "message",
            "status": "in_progress",
            "content": [],
            "role": "assistant",
        }
        place = self._begin(item) | {"content_index": 0}
        self._add("response.content_part.added", place, part=_text_part("", ()))

    def _is_writing(self) -> bool:
        return bool(self._text) or (
            bool(self.items)
            and self.items[-1]["type"] == "message"
            and self.items[-1]["status"] == "in_progress"
        )

    def _begin(self, item: Item) -> Event:
        self.items.append(item)
        index = len(self.items) - 1
        self._journal.add("response.output_item.added", output_index=index, item=dict(item))
        return self._place()

    def _end(self) -> None:
        index, item = len(self.items) - 1, dict(self.items[-1])
        self._journal.add("response.output_item.done", output_index=index, item=item)

    def _place(self) -> Event:
        return {"item_id": self.items[-1]["id"], "output_index": len(self.items) - 1}

    def _add(self, kind: str, place: Event, **fields: Any) -> None:
        self._journal.add(kind, **place, **fields)


def _text_part(text: str, citations: Sequence[Citation]) -> dict[str, Any]:
    return {
        "type": "output_text",
        "annotations": list(citations),
        "logprobs": [],
        "text": text,
    }


def _png_url(image: bytes) -> str:
    return f"data:image/png;base64,{b64encode(image).decode()}"
