"""More containers than kernels: who sleeps, who waits, and what is there afterwards."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai.types.responses import Response

from engine.planner.offline import OfflinePlanner
from engine.planner.protocol import Lab, Question
from engine.pool import KernelPool
from engine.server import create_app
from engine.serving import listen
from engine.settings import EngineSettings
from tests.fakes.engine import KEY, RunningEngine, client_of, running_engine

AUTO: Any = [{"type": "code_interpreter", "container": {"type": "auto"}}]
needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed"
)


def two_kernels(**changes: Any) -> EngineSettings:
    return EngineSettings(kernels_max=2, shutdown_seconds=1, **changes)


async def run_what_is_asked(question: Question, lab: Lab) -> None:
    """Run every line of the question as code of its own."""
    for line in question.text.splitlines():
        result = await lab.run(line)
        await lab.say(result.logs or result.error or "done\n")


async def run(engine: RunningEngine, container_id: str, code: str) -> Response:
    tools: Any = [{"type": "code_interpreter", "container": container_id}]
    return await engine.client.responses.create(model="any", input=code, tools=tools)


class TestSleep:
    async def test_the_kernel_idle_longest_sleeps(self, tmp_path: Path) -> None:
        """With two kernels the third container's run ends the kernel that rested longest."""
        async with running_engine(tmp_path, run_what_is_asked, two_kernels()) as engine:
            made = [await engine.client.containers.create(name=f"lab {n}") for n in range(3)]
            await run(engine, made[0].id, "x = 0")
            await run(engine, made[1].id, "x = 1")
            await run(engine, made[0].id, "x = 2")

            await run(engine, made[2].id, "x = 3")

            assert [kernel.closed for kernel in engine.hosts.kernels] == [False, True, False]

    async def test_five_containers_take_turns(self, tmp_path: Path) -> None:
        """Containers that sleep are `running`, and their files are there at the next run."""
        async with running_engine(tmp_path, run_what_is_asked, two_kernels()) as engine:
            made = [await engine.client.containers.create(name=f"lab {n}") for n in range(5)]
            for n, container in enumerate(made):
                await run(engine, container.id, f"open('/mnt/data/n.txt', 'w').write('{n}')")

            states = [(await engine.client.containers.retrieve(each.id)).status for each in made]
            read = "print(open('/mnt/data/n.txt').read())"
            answers = [(await run(engine, each.id, read)).output_text.strip() for each in made]

            assert states == ["running"] * 5
            assert answers == ["0", "1", "2", "3", "4"]
            assert sum(not kernel.closed for kernel in engine.hosts.kernels) == 2

    async def test_files_of_a_sleeper_wake_nobody(self, tmp_path: Path) -> None:
        """A file put into a container that sleeps lies there without a kernel."""
        async with running_engine(tmp_path, run_what_is_asked, two_kernels()) as engine:
            made = [await engine.client.containers.create(name=f"lab {n}") for n in range(3)]
            for container in made:
                await run(engine, container.id, "1")
            started = len(engine.hosts.kernels)

            file = await engine.client.containers.files.create(made[0].id, file=("a.txt", b"hi"))
            content = await engine.client.containers.files.content.retrieve(
                file.id, container_id=made[0].id
            )

            assert content.content == b"hi"
            assert len(engine.hosts.kernels) == started

    async def test_a_response_keeps_its_kernel_between_runs(self, tmp_path: Path) -> None:
        """Six responses of several runs share two kernels; none loses variables on its way."""
        code = "x = 1\nimport time; time.sleep(0.02)\nx += 1\nprint(x)"
        async with running_engine(tmp_path, run_what_is_asked, two_kernels()) as engine:
            asked = [
                engine.client.responses.create(model="any", input=code, tools=AUTO)
                for _ in range(6)
            ]
            answers = [each.output_text for each in await asyncio.gather(*asked)]

        assert [answer.split()[-1] for answer in answers] == ["2"] * 6


class TestWaiting:
    async def test_all_busy_is_a_rate_limit(self, tmp_path: Path) -> None:
        """When no kernel falls idle in time the response fails so that a client asks again."""
        settings = two_kernels(kernel_wait_seconds=0.1)
        async with running_engine(tmp_path, run_what_is_asked, settings) as engine:
            for _ in range(2):
                await engine.client.responses.create(
                    model="any", input="wait_for_ever()", tools=AUTO, background=True
                )
            while len(engine.hosts.kernels) < 2:
                await asyncio.sleep(0.01)

            refused = await engine.client.responses.create(model="any", input="1", tools=AUTO)

            assert refused.error is not None
            assert refused.error.code == "rate_limit_exceeded"
            assert "All 2 kernels were busy for 0.1 s" in refused.error.message

    async def test_a_request_is_told_when_to_come_again(self, tmp_path: Path) -> None:
        """A file for a new container, while all kernels are busy, is answered 429."""
        settings = two_kernels(kernel_wait_seconds=0.1)
        async with running_engine(tmp_path, run_what_is_asked, settings) as engine:
            for _ in range(2):
                await engine.client.responses.create(
                    model="any", input="wait_for_ever()", tools=AUTO, background=True
                )
            while len(engine.hosts.kernels) < 2:
                await asyncio.sleep(0.01)
            made = await engine.client.containers.create(name="late")

            url = f"{engine.base_url}/containers/{made.id}/files"
            headers = {"Authorization": f"Bearer {KEY}"}
            async with httpx.AsyncClient(headers=headers) as client:
                refused = await client.post(url, files={"file": ("a.txt", b"hi")})

        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "10"

    async def test_one_that_waits_goes_on(self, tmp_path: Path) -> None:
        """A response that waits for a kernel gets the one of a response that was cancelled."""
        async with running_engine(tmp_path, run_what_is_asked, two_kernels()) as engine:
            busy = [
                await engine.client.responses.create(
                    model="any", input="wait_for_ever()", tools=AUTO, background=True
                )
                for _ in range(2)
            ]
            while len(engine.hosts.kernels) < 2:
                await asyncio.sleep(0.01)
            asking = engine.client.responses.create(model="any", input="print(7)", tools=AUTO)
            waiting = asyncio.create_task(asking)
            await asyncio.sleep(0.05)

            await engine.client.responses.cancel(busy[0].id)

            assert (await waiting).output_text.strip() == "7"


class TestOrphans:
    async def test_folders_of_no_container_are_removed(self, tmp_path: Path) -> None:
        """At its start a server removes folders that belong to no container, and no others."""
        async with running_engine(tmp_path, run_what_is_asked) as engine:
            made = await engine.client.containers.create(name="lab")
            await run(engine, made.id, "open('/mnt/data/n.txt', 'w').write('1')")
            kept = engine.hosts.kernels[0].data_dir
        orphan = kept.parent / "0123456789abcdef"
        orphan.mkdir()

        async with running_engine(tmp_path, run_what_is_asked) as engine:
            answer = await run(engine, made.id, "print(open('/mnt/data/n.txt').read())")

        assert answer.output_text.strip() == "1"
        assert not orphan.exists()

    @needs_bubblewrap
    async def test_the_pool_removes_them(self, tmp_path: Path) -> None:
        """The real pool keeps the folders it is told and removes the others."""
        pool = KernelPool(EngineSettings(pool_size=0), tmp_path)
        await pool.start()
        kept, orphan = (tmp_path / "containers" / name for name in ("kept", "orphan"))
        kept.mkdir()
        (orphan / "deep").mkdir(parents=True)

        await pool.remove_others([Path("/elsewhere/containers/kept")])
        await pool.close()

        assert kept.exists()
        assert not orphan.exists()


@needs_bubblewrap
class TestRealKernels:
    async def test_six_containers_on_two_kernels(self, tmp_path: Path) -> None:
        """Responses in six new containers at once complete; one that slept says what is gone."""
        settings = two_kernels(pool_size=1)
        pool = KernelPool(settings, tmp_path)
        app = create_app(settings, tmp_path, pool, OfflinePlanner(), keys=(KEY,))
        code = "```python\nx = 6 * 7\nprint(x)\n```"
        async with (
            listen(app, "127.0.0.1", 0, settings.shutdown_seconds) as port,
            client_of(f"http://127.0.0.1:{port}/v1", KEY) as client,
        ):
            asked = [client.responses.create(model="any", input=code, tools=AUTO) for _ in range(6)]
            done = await asyncio.gather(*asked)
            again = [
                await client.responses.create(
                    model="any",
                    input="```python\nprint('x' in globals())\n```",
                    tools=AUTO,
                    previous_response_id=each.id,
                )
                for each in done[:3]
            ]

        assert [each.status for each in done] == ["completed"] * 6
        assert all("42" in each.output_text for each in done)
        assert all(
            ("variables are gone" in each.output_text) == ("False" in each.output_text)
            for each in again
        )
        assert any("variables are gone" in each.output_text for each in again)
