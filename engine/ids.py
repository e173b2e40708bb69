"""Ids in the form of the service's own: a prefix, and random characters in hexadecimal."""

from __future__ import annotations

import secrets


def new_id(prefix: str) -> str:
    """An id like `resp_` and 48 hexadecimal digits, as in recorded traffic."""
    return f"{prefix}_{secrets.token_hex(24)}"


def new_file_id() -> str:
    """An uploaded file's id, like `file-` and 22 characters."""
    return f"file-{secrets.token_hex(11)}"


def new_container_file_id() -> str:
    """A container file's id, like `cfile_` and 32 hexadecimal digits."""
    return f"cfile_{secrets.token_hex(16)}"
