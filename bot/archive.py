"""A workspace as one zip, written while it is sent: no file passes through memory whole."""

from __future__ import annotations

import asyncio
import posixpath
import time
import zipfile
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from bot.names import name_in_data


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive. `changed_at` is in seconds since 1970."""

    name: str
    chunks: AsyncIterator[bytes]
    changed_at: float


async def zipped(entries: Iterable[Entry]) -> AsyncIterator[bytes]:
    """The archive's bytes, in chunks; compressed."""
    written = _Written()
    # Only `write` and `flush` are asked of a place that can't be sought in.
    sink = cast("zipfile._ZipWritable", written)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            with archive.open(_header(entry), "w", force_zip64=True) as file:
                async for chunk in entry.chunks:
                    await asyncio.to_thread(file.write, chunk)
                    if piece := written.take():
                        yield piece
    yield written.take()


def archive_names(names: Sequence[str]) -> list[str]:
    """Names for an archive, one for each, that can be unpacked side by side anywhere.

    Folders are kept. Names that differ only in case get a number, as do files that bear the name
    of a folder.
    """
    safe = [name_in_data(name) for name in names]
    taken = {folder.casefold() for name in safe for folder in _folders(name)}
    unique = []
    for name in safe:
        free, number = name, 1
        while free.casefold() in taken:
            number += 1
            stem, ending = posixpath.splitext(name)
            free = f"{stem} ({number}){ending}"
        taken.add(free.casefold())
        unique.append(free)
    return unique


def _folders(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _header(entry: Entry) -> zipfile.ZipInfo:
    # The format knows no time before 1980.
    when = max(time.gmtime(entry.changed_at)[:6], (1980, 1, 1, 0, 0, 0))
    header = zipfile.ZipInfo(entry.name, when)
    header.compress_type = zipfile.ZIP_DEFLATED
    return header


class _Written:
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken
