"""Files for a message: laid out on disk, zipped where that makes them fit, named where not."""

from __future__ import annotations

import asyncio
import posixpath
import tempfile
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import discord
import structlog

from bot.domain import Artifact, ThreadKey
from bot.errors import BlobMissing
from bot.ports import Blobs

log = structlog.get_logger(__name__)

NAME_CHARS_MAX = 100
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """Files ready to be sent, and a sentence for each that is not among them."""

    files: tuple[tuple[str, Path], ...] = ()
    notes: tuple[str, ...] = ()

    def opened(self) -> list[discord.File]:
        """The files, opened anew: sending closes them."""
        return [discord.File(path, filename=name) for name, path in self.files]

    @property
    def total_bytes(self) -> int:
        """How large the files are together."""
        return sum(path.stat().st_size for _, path in self.files)


@asynccontextmanager
async def laid_out(
    blobs: Blobs, key: ThreadKey, artifacts: Sequence[Artifact], limit_bytes: int
) -> AsyncIterator[Upload]:
    """The artifacts as files of at most `limit_bytes` each, as long as the block runs."""
    if not artifacts:
        yield Upload()
        return
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="threadlab-discord-")
    try:
        files: list[tuple[str, Path]] = []
        notes: list[str] = []
        for number, artifact in enumerate(artifacts):
            path = Path(folder.name) / str(number)
            try:
                await _fetch(blobs, key, artifact, path)
            except BlobMissing:
                notes.append(f"{artifact.name} is no longer kept.")
                continue
            name = file_name(artifact.name)
            if artifact.blob.size_bytes > limit_bytes:
                zipped = await asyncio.to_thread(_zipped, path, name, limit_bytes)
                if zipped is None:
                    notes.append(too_large(artifact, limit_bytes))
                    continue
                notes.append(f"{name} ({_size(artifact)}) was zipped to fit into this chat.")
                name, path = f"{name}.zip", zipped
            files.append((name, path))
        yield Upload(tuple(files), tuple(notes))
    finally:
        await asyncio.to_thread(folder.cleanup)


def file_name(name: str) -> str:
    """A file's name without its folders, short enough, and hidden as a spoiler only on purpose."""
    base = posixpath.basename(name.replace("\\", "/")) or "file"
    stem, dot, ending = base.rpartition(".")
    if len(base) <= NAME_CHARS_MAX:
        return base
    return f"{(stem or ending)[: NAME_CHARS_MAX - 12]}{dot}{ending[:11]}"


def too_large(artifact: Artifact, limit_bytes: int) -> str:
    """Where a file that does not fit is, and how to get it."""
    return (
        f"{file_name(artifact.name)} ({_size(artifact)}) is larger than the "
        f"{limit_bytes // MEGABYTE} MB that may be sent here, even zipped. It is kept in the "
        "workspace: ask me to split it into smaller files, or to leave columns out."
    )


def not_allowed(artifact: Artifact) -> str:
    """That a file may not be sent, and where it is."""
    return (
        f"{file_name(artifact.name)} ({_size(artifact)}) could not be attached: I lack the "
        "permission “Attach Files” here. It is kept in the workspace."
    )


def _size(artifact: Artifact) -> str:
    return f"{artifact.blob.size_bytes / MEGABYTE:.1f} MB"


async def _fetch(blobs: Blobs, key: ThreadKey, artifact: Artifact, path: Path) -> None:
    file = await asyncio.to_thread(path.open, "wb")
    try:
        async for chunk in blobs.open(key, artifact.blob.sha256):
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)


def _zipped(path: Path, name: str, limit_bytes: int) -> Path | None:
    """The file in an archive; None where that is too large as well."""
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as writing:
        writing.write(path, name)
    fits = archive.stat().st_size <= limit_bytes
    if not fits:
        archive.unlink()
    return archive if fits else None
