"""`threadlab engine` as a process of its own: killed, restarted, measured."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer import Typer
from typer.testing import CliRunner

from engine.cli import engine, is_loopback
from tests.fakes.engine import client_of
from tests.fakes.engine_process import KEY, ROOT, EngineProcess, engine_process

AUTO: Any = [{"type": "code_interpreter", "container": {"type": "auto"}}]
MEBIBYTE = 1024 * 1024
BIG_MB, SMALL_MB = 64, 1


async def upload(engine: EngineProcess, size_bytes: int) -> httpx.Response:
    """Send a file of this size without ever holding it."""
    head = (
        b'--f00\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
        b'--f00\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
    )
    tail = b"\r\n--f00--\r\n"

    async def body() -> AsyncIterator[bytes]:
        yield head
        for _ in range(size_bytes // MEBIBYTE):
            yield bytes(MEBIBYTE)
        yield tail

    headers = {
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "multipart/form-data; boundary=f00",
        "Content-Length": str(len(head) + size_bytes + len(tail)),
    }
    async with httpx.AsyncClient(timeout=120) as client:
        return await client.post(f"{engine.base_url}/files", content=body(), headers=headers)


async def download(engine: EngineProcess, path: str) -> int:
    """How many bytes come, none of them held."""
    total = 0
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        httpx.AsyncClient(timeout=120, headers=headers) as client,
        client.stream("GET", f"{engine.base_url}{path}") as answer,
    ):
        async for chunk in answer.aiter_raw():
            total += len(chunk)
    return total


@pytest.mark.slow
@pytest.mark.parametrize(
    "big_mb",
    [
        BIG_MB,
        pytest.param(
            512,
            marks=pytest.mark.skipif(
                not os.environ.get("TEST_512_MB"), reason="set TEST_512_MB=1 to write 1 GB of files"
            ),
        ),
    ],
)
async def test_a_big_file_costs_no_more_memory_than_a_small_one(
    tmp_path: Path, big_mb: int
) -> None:
    """Up, into a container and down again: the peak grows by a small part of the file's size."""
    async with engine_process(tmp_path) as engine, client_of(engine.base_url, KEY) as client:

        async def round_trip(size_mb: int) -> int:
            size_bytes = size_mb * MEBIBYTE
            sent = (await upload(engine, size_bytes)).json()
            made = await client.containers.create(name="big", file_ids=[sent["id"]])
            (held,) = [file async for file in client.containers.files.list(made.id)]
            inside = f"/containers/{made.id}/files/{held.id}/content"
            assert await download(engine, f"/files/{sent['id']}/content") == size_bytes
            assert await download(engine, inside) == size_bytes
            return engine.peak_kb()

        small_kb = await round_trip(SMALL_MB)
        big_kb = await round_trip(big_mb)

    assert big_kb - small_kb < big_mb * 1024 / 4
    assert big_kb / small_kb < 1.2


@pytest.mark.slow
async def test_kill_9_in_the_middle_of_code(tmp_path: Path) -> None:
    """After a kill the response is failed with a clear message; files and answers are there, and
    the next run says that variables are gone."""
    async with engine_process(tmp_path) as engine, client_of(engine.base_url, KEY) as client:
        done = await client.responses.create(
            model="any",
            tools=AUTO,
            input="```python\nopen('/mnt/data/kept.txt', 'w').write('kept')\n```",
        )
        stuck = await client.responses.create(
            model="any",
            tools=AUTO,
            input="```python\nwhile True: pass\n```",
            background=True,
            previous_response_id=done.id,
        )
        stream = await client.responses.retrieve(stuck.id, stream=True)
        async for event in stream:
            if event.type == "response.code_interpreter_call.interpreting":
                break
        engine.process.kill()

    async with engine_process(tmp_path) as engine, client_of(engine.base_url, KEY) as client:
        lost = await client.responses.retrieve(stuck.id)
        again = await client.responses.create(
            model="any",
            tools=AUTO,
            input="```python\nprint(open('/mnt/data/kept.txt').read())\n```",
            previous_response_id=done.id,
            include=["code_interpreter_call.outputs"],
        )

    assert lost.status == "failed"
    assert lost.error is not None
    assert "restarted" in lost.error.message
    outputs: Any = again.output[0].to_dict()["outputs"]
    note, kept = outputs[0]["logs"].splitlines()
    assert "variables are gone" in note
    assert kept == "kept"


@pytest.mark.slow
async def test_a_folder_is_one_engines(tmp_path: Path) -> None:
    """A second engine over the same folder is refused with a sentence."""
    async with engine_process(tmp_path, ENGINE_POOL_SIZE="0"):
        program = "import typer; from engine.cli import engine; typer.run(engine)"
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, "--port", "0", "--data", str(tmp_path)),
            cwd=ROOT,
            env={**os.environ, "ENGINE_KEYS": KEY},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await second.communicate()

    assert second.returncode == 1
    assert said.decode().startswith(f"An engine runs already over {tmp_path}")
    assert "Traceback" not in said.decode()


@pytest.mark.slow
async def test_ends_on_sigterm(tmp_path: Path) -> None:
    """A polite signal ends the process with success, also while code runs."""
    async with engine_process(tmp_path) as engine, client_of(engine.base_url, KEY) as client:
        await client.responses.create(
            model="any", tools=AUTO, input="```python\nwhile True: pass\n```", background=True
        )
        engine.process.send_signal(signal.SIGTERM)

        assert await asyncio.wait_for(engine.process.wait(), timeout=20) == 0


@pytest.mark.slow
def test_the_server_loads_no_science() -> None:
    """The bot's process embeds the engine; what only code in kernels needs is not imported."""
    heavy = ("numpy", "pandas", "matplotlib", "scipy", "PIL", "pyarrow", "sympy", "IPython")
    program = f"import sys, engine.embedded; print([m for m in {heavy} if m in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


class TestKeys:
    @pytest.fixture
    def app(self) -> Typer:
        app = Typer()
        app.command()(engine)
        return app

    def test_refuses_an_open_address_without_keys(self, app: Typer) -> None:
        """Other than loopback only with keys: anyone could run code."""
        result = CliRunner().invoke(app, ["--host", "0.0.0.0"], env={"ENGINE_KEYS": ""})

        assert result.exit_code == 2
        assert "ENGINE_KEYS must be set" in result.output

    def test_names_a_bad_setting(self, app: Typer) -> None:
        """A setting that makes no sense is named, without a traceback."""
        result = CliRunner().invoke(app, [], env={"ENGINE_POOL_SIZE": "many"})

        assert result.exit_code == 2
        assert "ENGINE_POOL_SIZE: Input should be a valid integer" in result.output

    def test_names_a_port_that_is_taken(self, app: Typer, tmp_path: Path) -> None:
        """A taken port is named, with the option that takes another."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])

            result = CliRunner().invoke(
                app, ["--port", port, "--data", str(tmp_path)], env={"ENGINE_POOL_SIZE": "0"}
            )

        assert result.exit_code == 1
        assert f"127.0.0.1 port {port} can't be used: Address already in use." in result.output
        assert "--port" in result.output

    @pytest.mark.parametrize(
        ("host", "loopback"),
        [
            ("127.0.0.1", True),
            ("::1", True),
            ("localhost", True),
            ("0.0.0.0", False),
            ("::", False),
            ("192.168.1.5", False),
            ("localhost.example.org", False),
        ],
    )
    def test_knows_loopback(self, host: str, *, loopback: bool) -> None:
        """Only addresses that no other machine reaches count."""
        assert is_loopback(host) is loopback
