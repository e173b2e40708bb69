"""Names and types of files, made safe."""

from __future__ import annotations

import mimetypes
import re

NAME_CHARACTERS_MAX = 120

# What differs between systems, or is missing from their tables.
_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".md": "text/markdown",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".ipynb": "application/x-ipynb+json",
}

# Kinds that the model itself can look at [facts: input_file versus file_ids].
VISIBLE_IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
VISIBLE_DOCUMENTS = frozenset({"application/pdf"})
VISIBLE_BYTES_MAX = 50_000_000


def safe_name(name: str) -> str:
    """A file name without folders, control characters or excess length; never empty.

    The ending survives the shortening, since code goes by it.
    """
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(c for c in last if c.isprintable()).strip().lstrip(".")
    if not printable:
        return "file"
    if len(printable) <= NAME_CHARACTERS_MAX:
        return printable
    stem, dot, ending = printable.rpartition(".")
    if not dot or len(ending) > 10:
        return printable[:NAME_CHARACTERS_MAX]
    return f"{stem[: NAME_CHARACTERS_MAX - len(ending) - 1]}.{ending}"


def media_type_of(name: str) -> str:
    """The media type that the name's ending stands for."""
    _, dot, ending = name.rpartition(".")
    known = _TYPES.get(f".{ending.lower()}") if dot else None
    return known or mimetypes.guess_type(name)[0] or "application/octet-stream"
