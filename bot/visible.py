"""What the model can look at itself: decided by a file's bytes, never by its name."""

from __future__ import annotations

import struct
import zlib
from enum import StrEnum
from pathlib import Path

from PIL import Image

REQUEST_BYTES_MAX = 50_000_000  # of all files in one request [facts: input_file versus file_ids]

_IMAGES = ("PNG", "JPEG", "WEBP", "GIF")
_MOVING = frozenset({"PNG", "WEBP", "GIF"})  # a JPEG's further pictures are previews
_PDF = b"%PDF-"


class Kind(StrEnum):
    """How the model takes a file in."""

    IMAGE = "image"
    DOCUMENT = "document"


def kind_of(path: Path) -> Kind | None:
    """How the model can look at a file, or None: then only code can open it.

    Whatever is animated, broken or doubtful is left to code: the engine would refuse the whole
    question for it. Reads the file; call it in a thread.
    """
    with path.open("rb") as file:
        if file.read(len(_PDF)) == _PDF:
            return Kind.DOCUMENT
    return Kind.IMAGE if _is_still_image(path) else None


def _is_still_image(path: Path) -> bool:
    try:
        with Image.open(path, formats=_IMAGES) as image:
            if image.format in _MOVING and getattr(image, "is_animated", False):
                return False
            image.verify()
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error):
        return False  # what Pillow raises for broken images
    except Image.DecompressionBombError:
        return False
    return True
