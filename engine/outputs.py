"""What one run of code has said so far, within the limits."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def plain(text: str) -> str:
    """Text without terminal colours."""
    return _ESCAPES.sub("", text)


@dataclass
class Outputs:
    """Collects Jupyter's messages of one run; cuts text after `chars_max`, images after theirs.

    One image may have `image_bytes_max`, all together `images_bytes_max`.
    """

    chars_max: int
    images_max: int
    image_bytes_max: int
    images_bytes_max: int
    images: list[bytes] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _chars: int = 0
    _after_value: bool = False
    _cut: bool = False
    _images_dropped: int = 0

    @property
    def logs(self) -> str:
        """Output in order, with a line that says what was left out."""
        text = "".join(self._parts)
        notes = []
        if self._cut:
            notes.append(f"[output cut after {self.chars_max:,} characters]")
        if self._images_dropped:
            notes.append(
                f"[{self._images_dropped} images left out: at most {self.images_max}, "
                f"{self.image_bytes_max // 1024**2} MB each, "
                f"{self.images_bytes_max // 1024**2} MB together]"
            )
        return "\n".join([*([text.rstrip("\n")] if text else []), *notes]) if notes else text

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """Add a message; kinds that say nothing to a person are passed over."""
        if kind == "stream":
            self._add(str(content.get("text", "")))
        elif kind in ("execute_result", "display_data"):
            data = content.get("data")
            if isinstance(data, dict):
                self._take_bundle(kind, data)

    def _take_bundle(self, kind: str, data: dict[str, Any]) -> None:
        image = data.get("image/png")
        if isinstance(image, str):
            self._take_image(image)
        text = data.get("text/plain")
        # A figure's text (`<Figure size …>`) says nothing that its image doesn't.
        if isinstance(text, str) and not (kind == "display_data" and image is not None):
            self._start_line()
            self._add(text)
            self._after_value = True

    def _take_image(self, encoded: str) -> None:
        if (
            not encoded
            or len(self.images) >= self.images_max
            or len(encoded) > self.image_bytes_max * 4 // 3 + 4
        ):
            self._images_dropped += 1
            return
        try:
            image = base64.b64decode(encoded)
        except (binascii.Error, ValueError):
            self._images_dropped += 1
            return
        if len(image) > self.images_bytes_max - sum(map(len, self.images)):
            self._images_dropped += 1
            return
        self.images.append(image)

    def _start_line(self) -> None:
        if self._parts and not self._parts[-1].endswith("\n"):
            self._add("\n")

    def _add(self, text: str) -> None:
        if not text:
            return
        if self._after_value:
            self._after_value = False
            self._start_line()
        room = self.chars_max - self._chars
        self._cut = self._cut or len(text) > room
        if kept := plain(text[:room]):
            self._parts.append(kept)
            self._chars += len(kept)
