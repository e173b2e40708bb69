"""Deletions at the engine: once, again, and of what never was."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ContainerGone, EngineError
from bot.interpreter import Interpreter
from tests.fakes.engine import KEY, RunningEngine, running_engine
from tests.fakes.threadlab import settings_for


class Engine:
    """The core's client of Threadlab's own engine."""

    def __init__(self, data_dir: Path, engine: RunningEngine) -> None:
        self.client = engine.client
        self.interpreter = Interpreter(
            settings_for(data_dir, engine.base_url), base_url=engine.base_url, api_key=KEY
        )
        self.files = self.interpreter.files

    async def container(self) -> str:
        return await self.files.create_container(
            "test", memory_limit="1g", file_ids=(), idle_seconds=60
        )


@pytest.mark.parametrize("twice", [False, True])
async def test_deleted(tmp_path: Path, twice: bool) -> None:
    """What is deleted is gone at the engine; deleting it a second time is as good."""
    content = tmp_path / "s.csv"
    content.write_bytes(b"1")
    async with running_engine(tmp_path / "engine") as running:
        engine = Engine(tmp_path, running)
        upload = await engine.files.upload("s.csv", "text/csv", content)
        container = await engine.container()
        placed = await engine.files.add(container, upload.file_id)
        response = await engine.client.responses.create(model="m", input="hello")
        for _ in range(2 if twice else 1):
            await engine.files.remove(container, placed.id)
            left = await engine.files.listing(container) if not twice else []
        for _ in range(2 if twice else 1):
            await engine.files.delete_container(container)
            await engine.files.delete_upload(upload.file_id)
            await engine.interpreter.delete_response(response.id)
        uploads = [file.id async for file in engine.client.files.list()]
        alive = await engine.files.is_alive(container)
        with pytest.raises(ContainerGone):
            await engine.files.listing(container)
        await engine.interpreter.close()

    assert left == []
    assert uploads == []
    assert not alive


async def test_unknown(tmp_path: Path) -> None:
    """What the engine never had counts as deleted."""
    async with running_engine(tmp_path / "engine") as running:
        engine = Engine(tmp_path, running)
        await engine.files.delete_container("cntr_unknown")
        await engine.files.delete_upload("file-unknown")
        await engine.files.remove(await engine.container(), "cfile_unknown")
        await engine.interpreter.delete_response("resp_unknown")
        await engine.interpreter.close()


async def test_no_engine(tmp_path: Path) -> None:
    """Where the engine can't be reached a deletion fails: it is not done."""
    async with running_engine(tmp_path / "engine") as running:
        engine = Engine(tmp_path, running)
    with pytest.raises(EngineError):
        await engine.files.delete_upload("file-unknown")
    await engine.interpreter.close()
