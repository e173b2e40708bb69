"""Names and types of files, made safe."""

from __future__ import annotations

import mimetypes
import posixpath
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

DATA_FOLDER = "/mnt/data"


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


def name_in_data(path: str) -> str:
    """What a file made by code is called: its path below /mnt/data, each part made safe."""
    inside = posixpath.normpath(f"/{path.lstrip('/')}").removeprefix(f"{DATA_FOLDER}/")
    return "/".join(safe_name(part) for part in inside.split("/") if part) or "file"


def plain_name(name: str) -> str:
    """The name without folders, yet telling them apart: `b/x.csv` becomes `b-x.csv`."""
    return safe_name(name.replace("/", "-")) if "/" in name else name


def media_type_of(name: str) -> str:
    """The media type that the name's ending stands for."""
    _, dot, ending = name.rpartition(".")
    known = _TYPES.get(f".{ending.lower()}") if dot else None
    return known or mimetypes.guess_type(name)[0] or "application/octet-stream"
