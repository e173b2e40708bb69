"""Reading a thread and delivering it as a notebook."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import nbformat

from bot.archive import Entry, zipped
from bot.blobs import CHUNK_BYTES, BlobStore
from bot.domain import Artifact, ThreadKey
from bot.errors import BlobMissing
from bot.links import link
from bot.names import media_type_of, name_in_data, safe_name
from bot.notebook.cells import Exchange, MadeFile, Picture, notebook
from bot.notebook.data import BESIDE_FOLDER, Needed, needed, portable
from bot.settings import Settings
from bot.store.files import Files, Origin, StoredFile
from bot.store.threads import Threads
from bot.store.turns import Turn, Turns

TITLE_CHARACTERS_MAX = 60
BYTES_PER_MB = 1_000_000
ARCHIVE_BYTES_MAX = 1_000_000  # what an archive adds to its files
IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class Exported:
    """The notebook, or an archive of it and its data; names of files that are in neither."""

    artifact: Artifact
    questions: int
    missing: tuple[str, ...]


@dataclass(slots=True)
class _Room:
    """How much the notebook itself may still carry."""

    left_bytes: int

    def take(self, size_bytes: int) -> bool:
        """Whether so much fits; then it is taken."""
        if size_bytes > self.left_bytes:
            return False
        self.left_bytes -= size_bytes
        return True


@dataclass(slots=True)
class _Data:
    """The files that the code opens, by the names they get, and where they come along."""

    embedded: dict[str, bytes] = field(default_factory=dict)
    beside: dict[str, StoredFile] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class NotebookExporter:
    """Makes notebooks of threads. Small files go into the notebook; where some don't fit, they
    come beside it in one archive."""

    def __init__(
        self, settings: Settings, *, turns: Turns, threads: Threads, files: Files, blobs: BlobStore
    ) -> None:
        self._settings = settings
        self._turns = turns
        self._threads = threads
        self._files = files
        self._blobs = blobs

    async def export(self, key: ThreadKey) -> Exported | None:
        """The thread as a file to deliver; None where nothing was answered in it yet."""
        room = _Room(self._settings.notebook_embed_mb * BYTES_PER_MB)
        versions = await self._files.of_thread(key)
        exchanges, codes = await self._exchanges(key, versions, room)
        if not exchanges:
            return None
        wanted = needed(versions, codes)
        data = await self._laid_out(key, wanted, room)
        there = {name: one for name, one in wanted.items() if one.portable not in data.missing}
        title = (await self._threads.get(key)).title

        def written() -> bytes:
            embedded, beside = data.embedded, list(data.beside)
            made = notebook(title, exchanges, there, embedded=embedded, beside=beside)
            text: str = nbformat.writes(made)
            return text.encode()

        # Packing and checking ten megabytes takes a second or two.
        text = await asyncio.to_thread(written)
        stem = portable(safe_name(title[:TITLE_CHARACTERS_MAX].strip(". "))) if title else "thread"
        artifact = await self._delivered(key, stem, text, data.beside)
        return Exported(artifact, len(exchanges), tuple(data.missing.values()))

    async def _exchanges(
        self, key: ThreadKey, versions: list[StoredFile], room: _Room
    ) -> tuple[list[Exchange], list[tuple[str, int]]]:
        exchanges: list[Exchange] = []
        codes: list[tuple[str, int]] = []
        known = 0
        newest = await self._turns.answered(key, self._settings.notebook_turns_max)
        for turn_id in reversed(newest):
            turn = await self._turns.get(turn_id)
            assert turn.outcome is not None
            kept = [file for file in versions if file.turn_id == turn_id]
            exchanges.append(await self._exchange(turn, kept, room))
            positions = (n for n, file in enumerate(versions, 1) if file.turn_id == turn_id)
            known = max(positions, default=known)
            codes += [(run.code, known) for run in turn.outcome.runs]
        return exchanges, codes

    async def _exchange(self, turn: Turn, kept: list[StoredFile], room: _Room) -> Exchange:
        assert turn.outcome is not None
        asked = await self._turns.messages(turn.id)
        made = [file for file in kept if file.origin is Origin.CODE]
        answer = link(turn.outcome.text, turn.outcome.citations, made)
        notes = "\n\n".join(f"*{note}*" for note in turn.notes)
        figures = {f.id: await self._picture(turn.key, f, room) for f in made if _is_figure(f)}
        return Exchange(
            author=asked[0].author.name if asked else "somebody",
            question="\n\n".join(message.text for message in asked if message.text),
            attachments=tuple(a.name for message in asked for a in message.attachments),
            runs=turn.outcome.runs,
            answer="\n\n".join(p for p in (answer, turn.outcome.failure, notes) if p),
            figures=tuple(picture for picture in figures.values() if picture),
            made=tuple(
                [
                    MadeFile(f.id, _path(f), await self._picture(turn.key, f, room))
                    for f in made
                    if not _is_figure(f)
                ]
            ),
        )

    async def _picture(self, key: ThreadKey, file: StoredFile, room: _Room) -> Picture | None:
        if file.media_type not in IMAGE_TYPES or not room.take(file.size_bytes):
            return None
        data = await self._read(key, file)
        return None if data is None else Picture(file.media_type, data)

    async def _laid_out(self, key: ThreadKey, wanted: Mapping[str, Needed], room: _Room) -> _Data:
        """Which files go into the notebook, which beside it, and which can't come along."""
        data = _Data()
        archive = _Room(self._settings.zip_max_mb * BYTES_PER_MB)
        for one in wanted.values():
            name, file = one.portable, one.file
            if room.take(file.size_bytes):
                content = await self._read(key, file)
                if content is not None:
                    data.embedded[name] = content
                    continue
            elif archive.take(file.size_bytes) and await self._is_kept(key, file):
                data.beside[name] = file
                continue
            data.missing[name] = file.plain_name
        return data

    async def _is_kept(self, key: ThreadKey, file: StoredFile) -> bool:
        try:
            async for _ in self._blobs.open(key, file.sha256):
                break
        except BlobMissing:
            return False
        return True

    async def _read(self, key: ThreadKey, file: StoredFile) -> bytes | None:
        try:
            return b"".join([chunk async for chunk in self._blobs.open(key, file.sha256)])
        except BlobMissing:
            return None

    async def _delivered(
        self, key: ThreadKey, stem: str, text: bytes, beside: Mapping[str, StoredFile]
    ) -> Artifact:
        # Lists of cells and the archive's own bytes come on top of the data.
        limit_bytes = self._settings.zip_max_mb * BYTES_PER_MB + 2 * len(text) + ARCHIVE_BYTES_MAX
        if not beside:
            blob = await self._blobs.put(key, _pieces(text), limit_bytes=limit_bytes)
            name = f"{stem}.ipynb"
        else:
            entries = [Entry(f"{stem}/{stem}.ipynb", _pieces(text), time.time())]
            entries += [
                Entry(
                    f"{stem}/{BESIDE_FOLDER}/{name}",
                    self._blobs.open(key, file.sha256),
                    file.created_at,
                )
                for name, file in beside.items()
            ]
            blob = await self._blobs.put(key, zipped(entries), limit_bytes=limit_bytes)
            name = f"{stem}.zip"
        # The id changes with the bytes, so that no cache gives out an older notebook.
        return Artifact(f"notebook_{blob.sha256[:16]}", name, media_type_of(name), blob)


def _is_figure(file: StoredFile) -> bool:
    """Whether code only showed it (bot/artifacts.py)."""
    return f"{file.turn_id}_figure-" in file.id


def _path(file: StoredFile) -> str:
    return name_in_data(file.container_path) if file.container_path else file.name


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]
