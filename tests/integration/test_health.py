"""Health and metrics over HTTP; faults of disk and database, and what becomes of questions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.app import Application
from bot.blobs import BlobStore
from bot.domain import Blob, ThreadKey
from tests.fakes.platform import ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi
from tests.fakes.threadlab import running


def client(app: Application) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app.health.app())
    return httpx.AsyncClient(transport=transport, base_url="http://health")


async def test_well(chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
    """While all goes well, each part is ok."""
    async with running(chat, tmp_path, api.base_url) as app, client(app) as http:
        answer = await http.get("/health")

    assert answer.status_code == 200
    checks = {"database": "ok", "files": "ok", "script": "ok"}
    assert answer.json() == {"ok": True, "checks": checks, "turns_running": 0}


async def test_files_gone(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is named, with the status that takes the worker out of the balancer."""
    async with running(chat, tmp_path, api.base_url) as app, client(app) as http:

        async def full() -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setitem(app.health.probes, "files", full)
        answer = await http.get("/health")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "files": "OSError", "script": "ok"}


@pytest.mark.usefixtures("on_sqlite")
async def test_database_locked(chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
    """A database that somebody holds locked does not answer in time, and is ok again after."""
    waits = {"health_seconds": 0.3, "database_timeout_seconds": 2.0}
    async with (
        running(chat, tmp_path, api.base_url, **waits) as app,  # type: ignore[arg-type]
        client(app) as http,
    ):
        async with app.services.database.connect() as holder:
            await holder.exec_driver_sql("BEGIN IMMEDIATE")
            locked = await http.get("/health")
            await holder.rollback()
        app.health.timeout_seconds = 10
        free = await http.get("/health")

    assert locked.json()["checks"]["database"] == "no answer within 0.3 s"
    assert free.json()["ok"]


async def test_metrics(chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
    """Turns are counted by how they ended."""
    async with running(chat, tmp_path, api.base_url) as app, client(app) as http:
        await chat.say("one")
        await chat.finished(1)
        async with asyncio.timeout(10):
            while app.dispatcher.active:
                await asyncio.sleep(0.01)
        text = (await http.get("/metrics")).text

    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["threadlab_turns_total", "done"] == 1
    assert samples["threadlab_turn_seconds_count",] == 1
    assert samples["threadlab_platform_up", "script"] == 1


async def test_a_disk_that_was_full_for_a_moment(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that could not be kept at first is kept by a later try; the question is asked once."""
    put, tries = BlobStore.put, 0

    async def sometimes(
        self: BlobStore, key: ThreadKey, chunks: AsyncIterator[bytes], *, limit_bytes: int
    ) -> Blob:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError(28, "No space left on device")
        return await put(self, key, chunks, limit_bytes=limit_bytes)

    monkeypatch.setattr(BlobStore, "put", sometimes)
    async with running(chat, tmp_path, api.base_url):
        await chat.say("total?", files={"s.csv": b"a,b\n1,2\n"})
        (surface,) = await chat.finished(1)

    assert not any(post.failed for post in surface.posts.values())
    assert list(api.uploads.values()) == [("s.csv", b"a,b\n1,2\n")]
    assert len(api.asked) == 1
