"""`/v1/files` through the real client."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from openai import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
)

from engine.settings import EngineSettings
from tests.fakes.engine import KEY, RunningEngine, client_of, running_engine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[RunningEngine]:
    async with running_engine(tmp_path, settings=EngineSettings(file_mb=1)) as running:
        yield running


class TestUpload:
    async def test_keeps_bytes_name_and_purpose(self, engine: RunningEngine) -> None:
        """A file comes back with the bytes, the name and the purpose it was sent with."""
        data = bytes(range(256)) * 100

        sent = await engine.client.files.create(file=("ä b.csv", data), purpose="user_data")

        known = await engine.client.files.retrieve(sent.id)
        content = await engine.client.files.content(sent.id)
        assert (known.filename, known.purpose, known.bytes) == ("ä b.csv", "user_data", len(data))
        assert content.content == data

    async def test_content_names_the_file_twice(self, engine: RunningEngine) -> None:
        """A download carries a plain name and an encoded one."""
        sent = await engine.client.files.create(file=("ä.csv", b"1"), purpose="user_data")

        content = await engine.client.files.content(sent.id)

        disposition = content.response.headers["content-disposition"]
        assert disposition == "attachment; filename=\"_.csv\"; filename*=UTF-8''%C3%A4.csv"

    async def test_a_name_is_never_a_path(self, engine: RunningEngine, tmp_path: Path) -> None:
        """Of `../../etc/passwd` only the last part is kept, for display; it lies under its id."""
        sent = await engine.client.files.create(
            file=("../../etc/passwd", b"harmless"), purpose="user_data"
        )

        assert sent.filename == "passwd"
        assert (tmp_path / "files" / sent.id).read_bytes() == b"harmless"

    async def test_expires_when_told(self, engine: RunningEngine) -> None:
        """`expires_after` sets `expires_at` so many seconds after the creation."""
        sent = await engine.client.files.create(
            file=("a.txt", b"a"),
            purpose="user_data",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )

        assert sent.expires_at == sent.created_at + 3600

    @pytest.mark.parametrize("seconds", [3599, 2_592_001])
    async def test_refuses_an_expiry_out_of_bounds(
        self, engine: RunningEngine, seconds: int
    ) -> None:
        """Files live between an hour and thirty days."""
        with pytest.raises(BadRequestError, match=r"expires_after\.seconds"):
            await engine.client.files.create(
                file=("a.txt", b"a"),
                purpose="user_data",
                expires_after={"anchor": "created_at", "seconds": seconds},
            )

    async def test_refuses_a_file_over_the_limit_and_keeps_nothing(
        self, engine: RunningEngine, tmp_path: Path
    ) -> None:
        """One byte too many is answered 413 with the limit, and leaves no file behind."""
        data = b"x" * (1024 * 1024 + 1)

        with pytest.raises(APIStatusError, match="too large: the limit is 1,048,576 bytes") as got:
            await engine.client.files.create(file=("big.bin", data), purpose="user_data")

        assert got.value.status_code == 413
        assert list((tmp_path / "files").iterdir()) == []

    async def test_refuses_a_declared_length_over_the_limit(self, engine: RunningEngine) -> None:
        """A body whose declared length is far too long is answered 413, not cut off."""
        data = b"x" * (5 * 1024 * 1024)

        with pytest.raises(APIStatusError) as got:
            await engine.client.files.create(file=("big.bin", data), purpose="user_data")

        assert got.value.status_code == 413

    @pytest.mark.parametrize(
        ("content_type", "body", "message"),
        [
            ("text/plain", b"hello", "must be multipart/form-data"),
            ("multipart/form-data; boundary=x", b"garbage", "malformed"),
            ("multipart/form-data; boundary=x", b"--x\r\nContent-Dis", "ends too early"),
            (
                "multipart/form-data; boundary=x",
                b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nvision\r\n--x--\r\n',
                "Missing required parameter: 'file'",
            ),
            (
                "multipart/form-data; boundary=x",
                b'--x\r\nContent-Disposition: form-data; name="speed"\r\n\r\n9\r\n--x--\r\n',
                "Missing required parameter: 'purpose'|Unknown parameter: 'speed'",
            ),
        ],
    )
    async def test_refuses_bodies_that_are_no_form(
        self, engine: RunningEngine, content_type: str, body: bytes, message: str
    ) -> None:
        """What is no well-formed form with a file is refused with the reason."""
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": content_type}

        async with httpx.AsyncClient(base_url=engine.base_url, headers=headers) as client:
            answer = await client.post("/files", content=body)

        assert answer.status_code == 400
        assert re.search(message, answer.json()["error"]["message"])


class TestListing:
    async def test_pages_through_all_in_order(self, engine: RunningEngine) -> None:
        """Following the pages gives every file once, newest first."""
        sent = [
            await engine.client.files.create(file=(f"{n}.txt", b"x"), purpose="user_data")
            for n in range(5)
        ]

        found = [file.id async for file in engine.client.files.list(limit=2)]

        assert found == [file.id for file in reversed(sent)]

    async def test_filters_by_purpose(self, engine: RunningEngine) -> None:
        """Only files of the purpose asked for are listed."""
        await engine.client.files.create(file=("a.txt", b"x"), purpose="user_data")
        image = await engine.client.files.create(file=("b.png", b"x"), purpose="vision")

        found = [file.id async for file in engine.client.files.list(purpose="vision", order="asc")]

        assert found == [image.id]

    @pytest.mark.parametrize(
        ("query", "param"),
        [({"limit": 0}, "limit"), ({"limit": 10_001}, "limit"), ({"order": "up"}, "order")],
    )
    async def test_refuses_a_bad_page(
        self, engine: RunningEngine, query: dict[str, object], param: str
    ) -> None:
        """A page out of bounds is refused, naming the parameter."""
        with pytest.raises(BadRequestError) as got:
            await engine.client.files.list(extra_query=query)

        assert got.value.param == param


class TestDeletion:
    async def test_a_deleted_file_is_gone(self, engine: RunningEngine, tmp_path: Path) -> None:
        """After its deletion a file is unknown, and off the disk."""
        sent = await engine.client.files.create(file=("a.txt", b"x"), purpose="user_data")

        deleted = await engine.client.files.delete(sent.id)

        assert deleted.deleted
        assert not (tmp_path / "files" / sent.id).exists()
        with pytest.raises(NotFoundError, match=f"No such File object: {sent.id}"):
            await engine.client.files.retrieve(sent.id)


class TestKeys:
    async def test_refuses_a_wrong_key(self, engine: RunningEngine) -> None:
        """A wrong key is answered 401 before anything is read."""
        async with client_of(engine.base_url, "wrong") as client:
            with pytest.raises(AuthenticationError, match="Incorrect API key") as got:
                await client.models.list()

        assert got.value.code == "invalid_api_key"

    async def test_refuses_no_key(self, engine: RunningEngine) -> None:
        """Without a key nothing is served."""
        async with httpx.AsyncClient(base_url=engine.base_url) as client:
            answer = await client.get("/files")

        assert answer.status_code == 401

    async def test_unknown_addresses_answer_in_shape(self, engine: RunningEngine) -> None:
        """What is not served is a 404 in the same error shape."""
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=engine.base_url, headers=headers) as client:
            answer = await client.get("/assistants")

        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == "Invalid URL (GET /v1/assistants)"


class TestModels:
    async def test_names_the_planner(self, engine: RunningEngine) -> None:
        """The one model listed is the planner that answers."""
        models = [model.id async for model in engine.client.models.list()]

        assert models == ["offline-planner"]
        assert (await engine.client.models.retrieve(models[0])).owned_by == "threadlab"
        with pytest.raises(NotFoundError, match="does not exist"):
            await engine.client.models.retrieve("gpt-5")
