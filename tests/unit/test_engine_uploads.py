"""Multipart bodies, in whatever pieces the network brings them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from engine.errors import InvalidRequest, TooLarge
from engine.uploads import receive

BOUNDARY = b"f00"
LIMIT_BYTES = 10_000


def form(data: bytes, name: bytes = b"a.bin") -> bytes:
    return (
        b'--f00\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
        b'--f00\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--f00--\r\n"
    )


def request_of(chunks: list[bytes]) -> Request:
    messages: Iterator[Message] = iter(
        [
            {"type": "http.request", "body": chunk, "more_body": index + 1 < len(chunks)}
            for index, chunk in enumerate(chunks)
        ]
    )

    async def take() -> Message:
        return next(messages)

    kind = b"multipart/form-data; boundary=" + BOUNDARY
    return Request({"type": "http", "method": "POST", "headers": [(b"content-type", kind)]}, take)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


async def taken(chunks: list[bytes], place: Path) -> tuple[dict[str, str], str, bytes]:
    async with receive(request_of(chunks), place, LIMIT_BYTES) as upload:
        assert upload.file is not None
        data = upload.file.path.read_bytes()
        assert len(data) == upload.file.size_bytes
        return upload.fields, upload.file.name, data


def cut(body: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(body[:size])
        body = body[size:]
    return [*chunks, body]


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=2000), st.lists(st.integers(min_value=1, max_value=200), max_size=30))
def test_any_cutting_gives_the_same_file(data: bytes, sizes: list[int]) -> None:
    """Fields, name and bytes do not depend on where the network cuts."""
    with folder() as place:
        fields, name, kept = asyncio.run(taken(cut(form(data), sizes), place))

        assert (fields, name, kept) == ({"purpose": "user_data"}, "a.bin", data)
        assert list(place.iterdir()) == []


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=300), st.integers(min_value=0, max_value=299))
def test_a_damaged_body_is_refused_or_read_never_worse(damage: bytes, at: int) -> None:
    """Whatever comes, the answer is an upload or a refusal, and nothing stays on disk."""
    body = form(b"data")
    body = body[:at] + damage + body[at + len(damage) :]

    async def read(place: Path) -> None:
        async with receive(request_of([body]), place, LIMIT_BYTES):
            pass

    with folder() as place:
        with suppress(InvalidRequest, TooLarge):  # anything else is a fault
            asyncio.run(read(place))
        assert list(place.iterdir()) == []


def test_the_limit_is_exact() -> None:
    """A file of the limit's size is taken, one byte more is not."""
    with folder() as place:
        _, _, kept = asyncio.run(taken([form(b"x" * LIMIT_BYTES)], place))
        assert len(kept) == LIMIT_BYTES

        with pytest.raises(TooLarge, match="the limit is 10,000 bytes"):
            asyncio.run(taken([form(b"x" * (LIMIT_BYTES + 1))], place))


def test_a_body_that_breaks_off_is_refused() -> None:
    """An upload without its end is no file."""
    with folder() as place, pytest.raises(InvalidRequest, match="ends too early"):
        asyncio.run(taken([form(b"data")[:-10]], place))


def test_two_files_are_one_too_many() -> None:
    """A form carries one file."""
    twice = form(b"1")[: -len(b"--f00--\r\n")] + form(b"2")

    with folder() as place, pytest.raises(InvalidRequest, match="Only one file"):
        asyncio.run(taken([twice], place))


def test_names_are_reduced_to_their_last_part() -> None:
    """A path as a name is only its last part."""
    with folder() as place:
        _, name, _ = asyncio.run(taken([form(b"x", b"../../etc/passwd")], place))

    assert name == "passwd"
