"""Citations and the container's listing become files that are kept and delivered."""

from __future__ import annotations

import base64
import binascii
import math
import posixpath
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import structlog

from bot.blobs import BlobStore
from bot.domain import CodeRun, ThreadKey
from bot.errors import ContainerGone, EngineError, TooLarge
from bot.events import Outcome
from bot.interpreter import ContainerFile, Interpreter
from bot.names import media_type_of, name_in_data
from bot.settings import Settings
from bot.store.files import Files, Origin, StoredFile

log = structlog.get_logger()

_PNG_URL = "data:image/png;base64,"
_FIGURE = re.compile(r"figure-(\d{1,9})\.png")


class ArtifactKeeper:
    """Keeps what code made: downloaded at once, since the container will die."""

    def __init__(
        self, settings: Settings, interpreter: Interpreter, blobs: BlobStore, files: Files
    ) -> None:
        self._interpreter = interpreter
        self._blobs = blobs
        self._files = files
        self._limit_bytes = settings.artifact_max_mb * 1_000_000
        self._count_max = settings.artifacts_max

    async def keep(self, key: ThreadKey, turn_id: str, outcome: Outcome) -> list[str]:
        """Download and store the turn's files: those cited, those that only the listing shows,
        and figures that were shown without being saved.

        Returns:
            Sentences about files that could not be kept.
        """
        problems: list[str] = []
        seen = await self._files.of_thread(key)
        candidates = await self._candidates(outcome, seen)
        for file in candidates[: self._count_max]:
            problems += await self._keep_file(key, turn_id, outcome, file, seen)
        if len(candidates) > self._count_max:
            problems.append(
                f"{len(candidates) - self._count_max} more files were made than one answer "
                f"delivers ({self._count_max}); ask for them by name."
            )
        await self._keep_figures(key, turn_id, outcome.runs)
        return problems

    async def _candidates(
        self, outcome: Outcome, seen: Sequence[StoredFile]
    ) -> list[ContainerFile]:
        """Cited files first, in the answer's order; then new ones of the listing by name [facts:
        openai, "Citations are not reliable"]."""
        cited = {
            citation.file_id: ContainerFile(citation.file_id, citation.name, None, True)
            for citation in outcome.citations
        }
        if outcome.container_id is None:
            return list(cited.values())
        try:
            listing = await self._interpreter.patient_files.listing(outcome.container_id)
        except ContainerGone:
            # Nothing can be fetched any more; the links become plain names.
            log.warning("container ended before its files were kept", id=outcome.container_id)
            return []
        except EngineError as error:
            log.warning("files not listed", id=outcome.container_id, error=str(error))
            return list(cited.values())
        known = {(f.container_id, f.container_file_id, f.size_bytes) for f in seen}
        for file in sorted(listing, key=_natural):
            if file.id in cited or (
                file.made_by_code and (outcome.container_id, file.id, file.size_bytes) not in known
            ):
                cited[file.id] = file
        return list(cited.values())

    async def _keep_file(
        self,
        key: ThreadKey,
        turn_id: str,
        outcome: Outcome,
        file: ContainerFile,
        seen: Sequence[StoredFile],
    ) -> list[str]:
        container_id = outcome.container_id
        if container_id is None:
            return []
        name = _name_of(file, container_id, seen)
        chunks = self._interpreter.patient_files.download(container_id, file.id)
        try:
            blob = await self._blobs.put(key, chunks, limit_bytes=self._limit_bytes)
        except TooLarge:
            return [f"“{name}” is larger than {self._limit_bytes // 1_000_000} MB: not kept."]
        except EngineError as error:
            log.warning("artifact lost", turn=turn_id, file=file.id, error=str(error))
            return [f"“{name}” could not be fetched from the container."]
        cited = any(citation.file_id == file.id for citation in outcome.citations)
        if not cited and _is_known(name, blob.sha256, seen):
            return []
        await self._files.add(
            key,
            StoredFile(
                id=f"file_{turn_id}_{file.id}",
                turn_id=turn_id,
                origin=Origin.CODE,
                name=name,
                media_type=media_type_of(name),
                sha256=blob.sha256,
                size_bytes=blob.size_bytes,
                container_id=container_id,
                container_file_id=file.id,
                container_path=file.path if file.path.startswith("/") else None,
            ),
        )
        return []

    async def _keep_figures(self, key: ThreadKey, turn_id: str, runs: Sequence[CodeRun]) -> None:
        """Figures that code showed, numbered over the whole thread; those that were saved as
        files too are not kept twice."""
        kept = {file.sha256 for file in await self._files.of_turn(turn_id, Origin.CODE)}
        urls = [url for run in runs for url in run.images if url.startswith(_PNG_URL)]
        names = (_FIGURE.fullmatch(file.name) for file in await self._files.of_thread(key))
        last = max((int(name[1]) for name in names if name), default=0)
        for position, url in enumerate(urls[: self._count_max], start=1):
            try:
                png = base64.b64decode(url.removeprefix(_PNG_URL), validate=True)
            except binascii.Error:
                log.warning("unreadable figure", turn=turn_id, position=position)
                continue
            blob = await self._blobs.put(key, _once(png), limit_bytes=self._limit_bytes)
            if blob.sha256 in kept:
                continue
            kept.add(blob.sha256)
            last += 1
            await self._files.add(
                key,
                StoredFile(
                    id=f"file_{turn_id}_figure-{position}",
                    turn_id=turn_id,
                    origin=Origin.CODE,
                    name=f"figure-{last}.png",
                    media_type="image/png",
                    sha256=blob.sha256,
                    size_bytes=blob.size_bytes,
                ),
            )


def _name_of(file: ContainerFile, container_id: str, seen: Sequence[StoredFile]) -> str:
    """The file's name; one that code wrote over an upload keeps the name it was sent with."""
    sent = {known.path_in(container_id): known.name for known in seen if known.engine_file_id}
    return sent.get(file.path) or name_in_data(file.path)


def _natural(file: ContainerFile) -> list[tuple[float, str]]:
    """A key that puts `part-2.png` before `part-10.png`."""
    runs = re.findall(r"0*([0-9]+)|([^0-9]+)", file.path)
    return [(len(digits), digits) if digits else (math.inf, text) for digits, text in runs]


def _is_known(name: str, sha256: str, seen: Sequence[StoredFile]) -> bool:
    """Whether a file was only listed again, or is a copy of one that a person sent."""
    before = next((known for known in reversed(seen) if known.name == name), None)
    if before is not None and before.sha256 == sha256:
        return True
    copied = (posixpath.basename(name), sha256)
    return any(f.origin is Origin.PERSON and (f.name, f.sha256) == copied for f in seen)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def without_images(outcome: Outcome) -> Outcome:
    """The outcome as it is stored: figures are files by now, and large."""
    return replace(outcome, runs=tuple(replace(run, images=()) for run in outcome.runs))
