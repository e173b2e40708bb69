"""Files for messages: laid out on disk; too large for one they are zipped, else cut in parts."""

from __future__ import annotations

import asyncio
import math
import posixpath
import re
import tempfile
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import discord
import structlog

from adapters.discord.posts import Portions
from bot.domain import Artifact, ThreadKey
from bot.errors import BlobMissing
from bot.ports import Blobs

log = structlog.get_logger(__name__)

NAME_CHARS_MAX = 100
BYTES_PER_MB = 1_000_000  # as in the core's own words
_CHUNK_BYTES = 1 << 20
_UNSAFE = re.compile(r"[^\w.\-]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A file ready to be sent: an artifact, or one part of it, the first being 1."""

    name: str
    path: Path
    artifact: Artifact
    part: int = 0
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Upload:
    """Files ready to be sent, and sentences about them, also about what is not among them."""

    files: tuple[Piece, ...] = ()
    notes: tuple[str, ...] = ()

    def opened(self) -> list[discord.File]:
        """The files, opened anew: sending closes them."""
        return [discord.File(piece.path, filename=piece.name) for piece in self.files]

    def portioned(self, portions: Portions) -> list[Upload]:
        """The same in uploads that one message takes each, the notes with the first."""
        groups: list[list[Piece]] = [[]]
        for piece in self.files:
            size_bytes = sum(p.path.stat().st_size for p in (*groups[-1], piece))
            full = len(groups[-1]) >= portions.files or size_bytes > portions.total_bytes
            if full and groups[-1]:
                groups.append([])
            groups[-1].append(piece)
        first, *more = groups
        return [Upload(tuple(first), self.notes), *(Upload(tuple(group)) for group in more)]

    @property
    def caption(self) -> str:
        """What stands over files in a message of their own, which is known again by that."""
        numbers: dict[tuple[str, int], list[str]] = {}
        for piece in self.files:
            name = piece.name.rpartition(".")[0] if piece.parts else piece.name
            numbers.setdefault((name, piece.parts), []).append(str(piece.part))
        return "\n".join(
            f"-# {name}, part {' and '.join(parts)} of {count}" if count else f"-# {name}"
            for (name, count), parts in numbers.items()
        )


@asynccontextmanager
async def laid_out(
    blobs: Blobs,
    key: ThreadKey,
    artifacts: Sequence[Artifact],
    limit_bytes: int,
    *,
    parts_max: int,
) -> AsyncIterator[Upload]:
    """The artifacts as files of at most `limit_bytes` each, as long as the block runs; a larger
    one in at most `parts_max` parts."""
    if not artifacts:
        yield Upload()
        return
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="threadlab-discord-")
    try:
        files: list[Piece] = []
        notes: list[str] = []
        for number, artifact in enumerate(artifacts):
            path = Path(folder.name) / str(number)
            try:
                await _fetch(blobs, key, artifact, path)
            except BlobMissing:
                notes.append(f"{artifact.name} is no longer kept.")
                continue
            if artifact.blob.size_bytes <= limit_bytes:
                files.append(Piece(file_name(artifact.name), path, artifact))
                continue
            pieces, note = await asyncio.to_thread(_fitted, path, artifact, limit_bytes, parts_max)
            files += pieces
            notes.append(note)
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


def too_large(artifact: Artifact) -> str:
    """That a file does not fit in any way, and how to get at what is in it."""
    return (
        f"{file_name(artifact.name)} ({_size(artifact)}) is larger than what I can send here, even "
        "in parts. Ask me for less of it at a time, such as some of its rows or columns."
    )


def not_allowed(artifact: Artifact) -> str:
    """That a file may not be sent, and where it is."""
    return (
        f"{file_name(artifact.name)} ({_size(artifact)}) could not be attached: I lack the "
        "permission “Attach Files” here. Once I have it, ask for the file again."
    )


def _size(artifact: Artifact) -> str:
    return f"{artifact.blob.size_bytes / BYTES_PER_MB:.1f} MB"


async def _fetch(blobs: Blobs, key: ThreadKey, artifact: Artifact, path: Path) -> None:
    file = await asyncio.to_thread(path.open, "wb")
    try:
        async for chunk in blobs.open(key, artifact.blob.sha256):
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)


def _fitted(
    path: Path, artifact: Artifact, limit_bytes: int, parts_max: int
) -> tuple[list[Piece], str]:
    """A file that is too large: in an archive that is not, else in parts; and what to say."""
    name, size = file_name(artifact.name), _size(artifact)
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as writing:
        writing.write(path, name)
    if archive.stat().st_size <= limit_bytes:
        zipped = Piece(f"{name}.zip", archive, artifact)
        return [zipped], f"{name} ({size}) was zipped to fit into this chat."
    for whole, told in ((path, name), (archive, f"{name}.zip")):
        if math.ceil(whole.stat().st_size / limit_bytes) <= parts_max:
            told = _UNSAFE.sub("_", told).lstrip("-") or "file"  # it stands in a command line below
            pieces = _cut(whole, told, artifact, limit_bytes)
            return pieces, (
                f"{name} ({size}) comes in {len(pieces)} parts. To join them: "
                f"`cat {told}.0* > {told}`, on Windows `copy /b {told}.0* {told}`."
            )
    return [], too_large(artifact)


def _cut(path: Path, name: str, artifact: Artifact, limit_bytes: int) -> list[Piece]:
    """Numbered parts as archivers name them: they sort, and some programs join them unasked."""
    count = math.ceil(path.stat().st_size / limit_bytes)
    pieces = []
    with path.open("rb") as reading:
        for part in range(1, count + 1):
            target = path.with_name(f"{path.name}.{part:03}")
            with target.open("wb") as writing:
                left = limit_bytes
                while left and (chunk := reading.read(min(left, _CHUNK_BYTES))):
                    left -= writing.write(chunk)
            pieces.append(Piece(f"{name}.{part:03}", target, artifact, part, count))
    return pieces
