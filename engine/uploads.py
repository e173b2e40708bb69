"""Multipart bodies streamed to disk: a file of any size costs the memory of one chunk."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from engine.errors import InvalidRequest, TooLarge
from engine.names import display_name

FILE_FIELD = "file"
MAX_FIELDS = 20
MAX_FIELD_BYTES = 4096
FORM_OVERHEAD_BYTES = 65_536  # boundaries and fields around the file
WRITE_BYTES = 1_048_576  # what is gathered before a thread writes it


@dataclass(slots=True)
class ReceivedFile:
    """A file that has arrived; `path` is a temporary place, `name` only for display."""

    path: Path
    name: str
    size_bytes: int = 0


@dataclass(slots=True)
class Upload:
    """A multipart body: text fields, and at most one file."""

    fields: dict[str, str] = field(default_factory=dict)
    file: ReceivedFile | None = None


@asynccontextmanager
async def receive(request: Request, folder: Path, limit_bytes: int) -> AsyncIterator[Upload]:
    """Read a multipart body; the file lies in `folder` until the block ends, unless moved away.

    Raises:
        TooLarge: the file is longer than `limit_bytes`; nothing of it is kept.
        InvalidRequest: the body is no well-formed multipart.
    """
    form = _Form(_boundary(request), folder, limit_bytes)
    try:
        chunks = request.stream()
        try:
            await form.read(chunks, int(request.headers.get("content-length", 0)))
        except TooLarge:
            await _discard(chunks, limit_bytes)
            raise
        yield form.upload
    finally:
        await asyncio.to_thread(form.clean_up)


@asynccontextmanager
async def keep_bytes(folder: Path, name: str, data: bytes) -> AsyncIterator[ReceivedFile]:
    """Bytes that came inside a request as a received file, until the block ends."""
    path = folder / f"incoming-{secrets.token_hex(8)}"
    try:
        await asyncio.to_thread(path.write_bytes, data)
        yield ReceivedFile(path, name, len(data))
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidRequest("The body must be multipart/form-data with a boundary.")
    return boundary


async def _discard(chunks: AsyncIterator[bytes], limit_bytes: int) -> None:
    """Read on for a while: a client that is still sending would miss the answer otherwise."""
    read = 0
    with suppress(ClientDisconnect):  # it is gone, so it needs no answer
        async for chunk in chunks:
            read += len(chunk)
            if read > limit_bytes:
                return


class _Form:
    """The parser's callbacks gather; `read` writes what was gathered, off the event loop."""

    def __init__(self, boundary: bytes, folder: Path, limit_bytes: int) -> None:
        self.upload = Upload()
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )
        self._target: BinaryIO | None = None
        self._gathered = bytearray()
        self._complete = False
        self._begin()

    async def read(self, chunks: AsyncIterator[bytes], declared_bytes: int) -> None:
        """Take the body in. Raises as `receive` does."""
        if declared_bytes > self._limit_bytes + FORM_OVERHEAD_BYTES:
            raise TooLarge("The file", self._limit_bytes, param=FILE_FIELD)
        async for chunk in chunks:
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise InvalidRequest("The multipart body is malformed.") from error
            if len(self._gathered) >= WRITE_BYTES:
                await asyncio.to_thread(self._write)
        if not self._complete:
            raise InvalidRequest("The multipart body ends too early.")
        await asyncio.to_thread(self._write)

    def clean_up(self) -> None:
        """Close and remove what was not moved away."""
        if self._target is not None:
            self._target.close()
        if self.upload.file is not None:
            self.upload.file.path.unlink(missing_ok=True)

    def _write(self) -> None:
        if self.upload.file is not None and self._target is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._target = self.upload.file.path.open("wb")
        if self._target is not None:
            self._target.write(self._gathered)
            self._target.flush()
        self._gathered.clear()

    def _begin(self) -> None:
        self._headers: dict[str, bytes] = {}
        self._header, self._value = b"", b""
        self._name, self._in_file = "", False
        self._text = bytearray()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        self._name = options.get(b"name", b"").decode(errors="replace")
        if self._name != FILE_FIELD:
            return
        if self.upload.file is not None:
            raise InvalidRequest("Only one file can be sent at a time.", param=FILE_FIELD)
        name = display_name(options.get(b"filename", b"").decode(errors="replace"))
        place = self._folder / f"incoming-{secrets.token_hex(8)}"
        self.upload.file = ReceivedFile(place, name)
        self._in_file = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._in_file:
            self._text += data[start:end]
            if len(self._text) > MAX_FIELD_BYTES:
                raise TooLarge("The field", MAX_FIELD_BYTES, param=self._name)
            return
        assert self.upload.file is not None
        self.upload.file.size_bytes += end - start
        if self.upload.file.size_bytes > self._limit_bytes:
            raise TooLarge("The file", self._limit_bytes, param=FILE_FIELD)
        self._gathered += data[start:end]

    def _end(self) -> None:
        if not self._in_file:
            self.upload.fields[self._name] = self._text.decode(errors="replace")
            if len(self.upload.fields) > MAX_FIELDS:
                raise InvalidRequest(f"A form has at most {MAX_FIELDS} fields.")

    def _finish(self) -> None:
        self._complete = True
