"""`/v1/containers` and the files in them, through the real client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError

from engine.planner.protocol import Lab, Question
from engine.settings import EngineSettings
from tests.fakes.engine import RunningEngine, running_engine

IDLE_SECONDS = 0.3


async def run_what_is_asked(question: Question, lab: Lab) -> None:
    """Run the question as code."""
    result = await lab.run(question.text)
    await lab.say(result.logs or result.error or "done")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[RunningEngine]:
    async with running_engine(tmp_path, run_what_is_asked) as running:
        yield running


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[RunningEngine]:
    settings = EngineSettings(container_idle_seconds=IDLE_SECONDS)
    async with running_engine(tmp_path, run_what_is_asked, settings) as running:
        yield running


async def run(engine: RunningEngine, container_id: str, code: str) -> str:
    tools: Any = [{"type": "code_interpreter", "container": container_id}]
    response = await engine.client.responses.create(model="any", input=code, tools=tools)
    return response.output_text


async def paths(engine: RunningEngine, container_id: str) -> dict[str, str]:
    listing = engine.client.containers.files.list(container_id)
    return {file.path: file.source async for file in listing}


class TestCreation:
    async def test_says_what_it_made(self, engine: RunningEngine) -> None:
        """A container has the name, the tier and the idle time it was asked for."""
        made = await engine.client.containers.create(
            name="lab",
            memory_limit="4g",
            expires_after={"anchor": "last_active_at", "minutes": 10},
            network_policy={"type": "disabled"},
        )

        assert made.status == "running"
        assert (made.name, made.memory_limit) == ("lab", "4g")
        assert made.expires_after is not None
        assert made.expires_after.minutes == 10

    async def test_costs_no_kernel_until_it_is_used(self, engine: RunningEngine) -> None:
        """A container that nothing was done in has taken no kernel."""
        await engine.client.containers.create(name="idle")

        assert engine.hosts.kernels == []

    @pytest.mark.parametrize(
        ("wanted", "message"),
        [
            ({"expires_after": {"anchor": "last_active_at", "minutes": 21}}, "<= 20, but got 21"),
            ({"memory_limit": "2g"}, "Supported values are: '1g', '4g', '16g', '64g'"),
            ({"network_policy": {"type": "allowlist", "allowed_domains": ["a.b"]}}, "no network"),
            ({"colour": "red"}, "Unknown parameter: 'colour'"),
            ({"name": 5}, "Invalid type for 'name': expected a string, but got an integer"),
        ],
    )
    async def test_refuses_what_it_cannot_do(
        self, engine: RunningEngine, wanted: dict[str, object], message: str
    ) -> None:
        """A container that can't be had as asked is refused with the reason."""
        with pytest.raises(BadRequestError, match=message):
            await engine.client.containers.create(name="lab", extra_body=wanted)

    async def test_refuses_unknown_files(self, engine: RunningEngine) -> None:
        """A file id that is not there is a 404, and makes no container."""
        with pytest.raises(NotFoundError, match="No such File object: file-none"):
            await engine.client.containers.create(name="lab", file_ids=["file-none"])

        assert [made async for made in engine.client.containers.list()] == []


class TestFiles:
    async def test_uploaded_files_are_mounted_under_their_id(self, engine: RunningEngine) -> None:
        """A file given by id lies at `/mnt/data/<file id>-<name>`, readable by code."""
        file = await engine.client.files.create(file=("a.txt", b"hello"), purpose="user_data")
        made = await engine.client.containers.create(name="lab", file_ids=[file.id])

        path = f"/mnt/data/{file.id}-a.txt"
        assert await paths(engine, made.id) == {path: "user"}
        assert await run(engine, made.id, f"print(open('{path}').read())") == "hello\n"

    async def test_the_same_file_is_mounted_once(self, engine: RunningEngine) -> None:
        """Adding a file id again gives the file that is there."""
        file = await engine.client.files.create(file=("a.txt", b"hello"), purpose="user_data")
        made = await engine.client.containers.create(name="lab")

        first = await engine.client.containers.files.create(made.id, file_id=file.id)
        again = await engine.client.containers.files.create(made.id, file_id=file.id)

        assert first.id == again.id

    async def test_code_cannot_change_the_uploaded_original(self, engine: RunningEngine) -> None:
        """What is mounted is a copy."""
        file = await engine.client.files.create(file=("a.txt", b"hello"), purpose="user_data")
        made = await engine.client.containers.create(name="lab", file_ids=[file.id])

        await run(engine, made.id, f"open('/mnt/data/{file.id}-a.txt', 'w').write('changed')")

        assert (await engine.client.files.content(file.id)).content == b"hello"

    async def test_a_file_can_be_sent_straight_in(self, engine: RunningEngine) -> None:
        """A multipart file lies in the container under a fresh id and its name."""
        made = await engine.client.containers.create(name="lab")

        sent = await engine.client.containers.files.create(made.id, file=("b.bin", b"\x00\x01"))

        assert sent.source == "user"
        assert sent.path.endswith("-b.bin")
        content = await engine.client.containers.files.content.retrieve(
            sent.id, container_id=made.id
        )
        assert content.content == b"\x00\x01"

    async def test_files_made_by_code_are_the_assistants(self, engine: RunningEngine) -> None:
        """A file that code made is listed as the assistant's, and can be fetched and deleted."""
        files = engine.client.containers.files
        made = await engine.client.containers.create(name="lab")
        await run(engine, made.id, "open('/mnt/data/out.csv', 'w').write('a,b')")

        (found,) = [file async for file in files.list(made.id)]
        content = await files.content.retrieve(found.id, container_id=made.id)
        await files.delete(found.id, container_id=made.id)

        assert (found.path, found.source, found.bytes) == ("/mnt/data/out.csv", "assistant", 3)
        assert content.content == b"a,b"
        assert await paths(engine, made.id) == {}

    async def test_ids_are_stable_until_a_file_is_rewritten(self, engine: RunningEngine) -> None:
        """A file keeps its id while nothing writes it; after a rewrite it is a new one."""
        files = engine.client.containers.files
        made = await engine.client.containers.create(name="lab")
        await run(engine, made.id, "open('/mnt/data/out.csv', 'w').write('a,b')")
        (first,) = [file async for file in files.list(made.id)]
        (same,) = [file async for file in files.list(made.id)]

        await run(engine, made.id, "open('/mnt/data/out.csv', 'w').write('a,b,c')")
        (rewritten,) = [file async for file in files.list(made.id)]

        assert first.id == same.id
        assert rewritten.id != first.id
        with pytest.raises(NotFoundError):
            await files.retrieve(first.id, container_id=made.id)

    async def test_links_are_neither_listed_nor_followed(
        self, engine: RunningEngine, tmp_path: Path
    ) -> None:
        """A link that code lays to a file of the host is no file of the container."""
        secret = tmp_path / "secret.txt"
        secret.write_text("secret")
        made = await engine.client.containers.create(name="lab")

        await run(engine, made.id, f"import os; os.symlink('{secret}', '/mnt/data/link.txt')")

        assert await paths(engine, made.id) == {}

    async def test_a_file_swapped_for_a_link_is_not_served(
        self, engine: RunningEngine, tmp_path: Path
    ) -> None:
        """Where code lays a link at the place of an uploaded file, mounting replaces the link."""
        victim = tmp_path / "victim.txt"
        victim.write_text("safe")
        file = await engine.client.files.create(file=("a.txt", b"hello"), purpose="user_data")
        made = await engine.client.containers.create(name="lab")
        link = f"/mnt/data/{file.id}-a.txt"
        await run(engine, made.id, f"import os; os.symlink('{victim}', '{link}')")

        await engine.client.containers.files.create(made.id, file_id=file.id)

        assert victim.read_text() == "safe"
        assert await paths(engine, made.id) == {link: "user"}

    async def test_names_that_are_no_text_do_not_break_the_listing(
        self, engine: RunningEngine
    ) -> None:
        """A file whose name is no UTF-8 is left out; the others are listed."""
        made = await engine.client.containers.create(name="lab")
        await run(engine, made.id, "open('/mnt/data/good.txt', 'w').write('x')")
        folder = os.fsencode(engine.hosts.kernels[0].data_dir)
        with open(folder + b"/\xff\xfe.txt", "wb") as odd:  # noqa: PTH123 - a name in bytes
            odd.write(b"x")

        assert list(await paths(engine, made.id)) == ["/mnt/data/good.txt"]

    async def test_pages_through_all(self, engine: RunningEngine) -> None:
        """Following the pages gives every file once."""
        made = await engine.client.containers.create(name="lab")
        await run(engine, made.id, "for n in range(7): open(f'/mnt/data/{n}.txt', 'w').write('x')")

        listing = engine.client.containers.files.list(made.id, limit=3, order="asc")
        found = [file.path async for file in listing]

        assert sorted(found) == [f"/mnt/data/{n}.txt" for n in range(7)]

    async def test_a_full_disk_is_said(self, tmp_path: Path) -> None:
        """A file that does not fit into the container is refused with the limit."""
        async with running_engine(tmp_path, settings=EngineSettings(disk_mb=1)) as engine:
            made = await engine.client.containers.create(name="lab")
            data = b"x" * (1024 * 1024 + 1)

            with pytest.raises(BadRequestError, match="no room for this file"):
                await engine.client.containers.files.create(made.id, file=("big.bin", data))


class TestExpiry:
    async def test_an_idle_container_expires_and_loses_its_files(
        self, hasty: RunningEngine
    ) -> None:
        """After the idle time a container is `expired`, its files are off the disk."""
        made = await hasty.client.containers.create(name="lab")
        await hasty.client.containers.files.create(made.id, file=("a.txt", b"x"))
        (kernel,) = hasty.hosts.kernels

        await asyncio.sleep(IDLE_SECONDS * 1.5)

        assert (await hasty.client.containers.retrieve(made.id)).status == "expired"
        assert kernel.closed
        assert not kernel.data_dir.exists()

    async def test_an_expired_container_is_of_no_use(self, hasty: RunningEngine) -> None:
        """Everything that wants to use an expired container is told so."""
        made = await hasty.client.containers.create(name="lab")
        await asyncio.sleep(IDLE_SECONDS * 1.5)

        for attempt in (
            run(hasty, made.id, "1"),
            paths(hasty, made.id),
            hasty.client.containers.files.create(made.id, file=("a.txt", b"x")),
        ):
            with pytest.raises(BadRequestError, match=r"Container is expired\."):
                await attempt

    async def test_looking_keeps_it_alive(self, tmp_path: Path) -> None:
        """Retrieving counts as use."""
        settings = EngineSettings(container_idle_seconds=10 * IDLE_SECONDS)
        async with running_engine(tmp_path, settings=settings) as engine:
            made = await engine.client.containers.create(name="lab")

            for _ in range(13):
                await asyncio.sleep(IDLE_SECONDS)
                assert (await engine.client.containers.retrieve(made.id)).status == "running"

    async def test_working_keeps_it_alive(self, hasty: RunningEngine) -> None:
        """A container does not expire under code that runs longer than the idle time."""
        made = await hasty.client.containers.create(name="lab")

        said = await run(
            hasty, made.id, f"import time; time.sleep({IDLE_SECONDS * 2}); print('ok')"
        )

        assert said == "ok\n"
        assert (await hasty.client.containers.retrieve(made.id)).status == "running"


class TestDeletion:
    async def test_a_deleted_container_is_unknown(self, engine: RunningEngine) -> None:
        """After its deletion a container is not found, and its kernel is closed."""
        made = await engine.client.containers.create(name="lab")
        await run(engine, made.id, "1")

        await engine.client.containers.delete(made.id)

        assert engine.hosts.kernels[0].closed
        with pytest.raises(NotFoundError, match=f"Container with id '{made.id}' not found."):
            await engine.client.containers.retrieve(made.id)

    async def test_unknown_ids_are_not_found(self, engine: RunningEngine) -> None:
        """An id that never was is answered 404, also inside a response."""
        with pytest.raises(NotFoundError, match="Container with id 'cntr_x' not found"):
            await run(engine, "cntr_x", "1")


async def test_files_survive_a_restart(tmp_path: Path) -> None:
    """After a restart of the server a container goes on with its files."""
    async with running_engine(tmp_path, run_what_is_asked) as engine:
        made = await engine.client.containers.create(name="lab")
        await run(engine, made.id, "open('/mnt/data/kept.txt', 'w').write('kept')")

    async with running_engine(tmp_path, run_what_is_asked) as engine:
        said = await run(engine, made.id, "print(open('/mnt/data/kept.txt').read())")

        assert said == "kept\n"
        assert list(await paths(engine, made.id)) == ["/mnt/data/kept.txt"]
