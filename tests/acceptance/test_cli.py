"""The command line as an operator meets it: versions, refusals, the engine alone."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from importlib.metadata import version
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from tests.fakes.program import COMMAND, END_SECONDS, START_SECONDS, environment, running

pytestmark = pytest.mark.slow

needs_sandbox = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed"
)


async def threadlab(folder: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """Run the command to its end: its exit code, what it printed, what it complained of."""
    given = {"DATA_DIR": str(folder / "data"), "WEB_PORT": "0", **settings}
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, *arguments),
        cwd=folder,
        env=environment(folder, **given),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), END_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def test_says_its_version(tmp_path: Path) -> None:
    """`threadlab --version` is one line."""
    assert await threadlab(tmp_path, "--version") == (0, f"threadlab {version('threadlab')}\n", "")


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "sentences"),
        [
            pytest.param(
                {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"},
                ["slack", "OPENAI_API_KEY", "ENGINE=embedded"],
                id="Slack without an engine",
            ),
            pytest.param(
                {"DISCORD_TOKEN": "x"},
                ["discord", "OPENAI_API_KEY", "ENGINE=embedded"],
                id="Discord without an engine",
            ),
            pytest.param({"TURNS_AT_ONCE": "many"}, ["TURNS_AT_ONCE: "], id="core"),
            pytest.param({"WEB_PORT": "99999"}, ["WEB_PORT is not valid"], id="page"),
            pytest.param({"ENGINE_POOL_SIZE": "many"}, ["ENGINE_POOL_SIZE is not"], id="engine"),
            pytest.param({"WEB_HOST": "0.0.0.0"}, ["WEB_HOST=0.0.0.0", "set WEB_TOKEN"], id="open"),
            pytest.param({"DATA_DIR": "/proc/none"}, ["DATA_DIR=/proc/none can't"], id="folder"),
        ],
    )
    async def test_names_what_to_change(
        self, tmp_path: Path, settings: dict[str, str], sentences: list[str]
    ) -> None:
        """What can't work ends at once with code 2 and one line that names the setting."""
        code, _, errors = await threadlab(tmp_path, "run", **settings)

        assert code == 2
        assert all(sentence in errors for sentence in sentences), errors
        assert "Traceback" not in errors
        assert "offline planner: no language" not in errors

    @needs_sandbox
    async def test_of_what_another_program_holds(self, tmp_path: Path) -> None:
        """A second program over the same folder would answer the same turns twice: refused, as is
        one whose page would be on the same port. The first one is not disturbed."""
        async with running(tmp_path) as program:
            port = program.settings["WEB_PORT"]
            other_folder = str(tmp_path / "other")
            same_folder, same_port = await asyncio.gather(
                threadlab(tmp_path, "run"),
                threadlab(tmp_path, "run", DATA_DIR=other_folder, WEB_PORT=port),
            )
            answer = await program.ask(await program.create(), "what is 2 + 2?")

        assert (same_folder[0], same_port[0]) == (2, 2)
        assert "runs already over DATA_DIR" in same_folder[2]
        assert f"port {port}" in same_port[2]
        assert "set WEB_HOST and WEB_PORT" in same_port[2]
        assert "**4**" in answer["text"]


@needs_sandbox
async def test_the_engine_alone_answers_the_openai_client(tmp_path: Path) -> None:
    """`threadlab engine` with a key of the operator's serves any client, and ends politely."""
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "engine", "--host", "127.0.0.1", "--port", "0"),
        *("--data", str(tmp_path / "engine")),
        cwd=tmp_path,
        env=environment(tmp_path, ENGINE_KEYS="one-key,other-key", PYTHONUNBUFFERED="1"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        address = re.search(r"http://\S+/v1", line.decode())
        assert address is not None, line
        async with AsyncOpenAI(base_url=address[0], api_key="other-key", max_retries=0) as client:
            answer = await client.responses.create(
                model="any",
                tools=[{"type": "code_interpreter", "container": {"type": "auto"}}],
                input="3x + 11 = 14. Show x.",
            )
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), END_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()

    assert "x = 1" in answer.output_text
    assert [item.type for item in answer.output] == ["code_interpreter_call", "message"]
    assert code == 0
