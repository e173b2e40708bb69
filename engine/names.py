"""File names given by clients: kept for display, never used as a path."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote

MAX_NAME_BYTES = 180  # with an id before it still under the file systems' 255


def display_name(name: str) -> str:
    """The last part of a name, without control characters, at most MAX_NAME_BYTES long.

    >>> display_name("../../etc/passwd")
    'passwd'
    """
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(char for char in base if char.isprintable()).strip()
    clean = clean.encode(errors="replace").decode()
    return _shorten(clean) if clean not in ("", ".", "..") else "file"


def attachment_header(name: str) -> str:
    """`Content-Disposition` as the service sends it: a plain name and an encoded one."""
    plain = "".join(char if char.isascii() and char not in '"\\' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _shorten(name: str) -> str:
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    suffix = PurePosixPath(name).suffix
    if len(suffix.encode()) > MAX_NAME_BYTES // 4:
        suffix = ""
    room = MAX_NAME_BYTES - len(suffix.encode())
    return name.encode()[:room].decode(errors="ignore") + suffix
