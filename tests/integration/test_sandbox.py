"""What code in the sandbox can't reach, tried from inside; and what a killed server leaves."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from engine.confinement import ControlGroups
from engine.errors_kernel import SandboxUnavailable
from engine.kernels import SandboxedKernel
from engine.pool import KernelPool
from engine.settings import EngineSettings

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]
REPO = Path(__file__).parents[2]
SETTINGS = EngineSettings(pool_size=0, code_seconds=30, tmp_mb=16)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KernelPool]:
    os.environ["THREADLAB_TEST_SECRET"] = "s3cr3t-of-the-server"
    pool = KernelPool(SETTINGS, tmp_path_factory.mktemp("engine"))
    await pool.start()
    yield pool
    await pool.close()
    del os.environ["THREADLAB_TEST_SECRET"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kernel(pool: KernelPool) -> SandboxedKernel:
    return await pool.acquire("1g")


async def test_no_network(kernel: SandboxedKernel) -> None:
    """Neither the internet nor the host's loopback can be reached."""
    listener = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]

    inside = await kernel.execute(
        f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=2)"
    )
    outside = await kernel.execute("socket.create_connection(('1.1.1.1', 443), timeout=2)")
    listener.close()

    assert inside.error is not None
    assert "refused" in inside.error
    assert outside.error is not None
    assert "unreachable" in outside.error


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/etc/hostname",
        "/etc/ssh",
        "/home/lab/../../root/.bashrc",
        "/var/log",
        "/sys/fs/cgroup",
        "/proc/1/root/etc/shadow",
        str(REPO / "pyproject.toml"),
        str(REPO / "engine"),
        str(REPO / ".git"),
    ],
)
async def test_unreadable(kernel: SandboxedKernel, path: str) -> None:
    """Nothing of the host shows but the interpreter and its libraries."""
    ran = await kernel.execute(f"import os; os.path.lexists({path!r})")

    assert ran.logs == "False"


async def test_etc(kernel: SandboxedKernel) -> None:
    """`/etc` holds what programs need to start, and nothing of the machine's own set-up."""
    ran = await kernel.execute("import os; print(*sorted(os.listdir('/etc')))")

    allowed = {"alternatives", "fonts", "group", "hosts", "ld.so.cache", "localtime", "mime.types"}
    assert set(ran.logs.split()) <= allowed | {"passwd"}


async def test_other_containers_are_hidden(pool: KernelPool, kernel: SandboxedKernel) -> None:
    """A container's files show in no other container."""
    other = await pool.acquire("1g")
    (other.data_dir / "private.txt").write_text("mine")

    ran = await kernel.execute(
        f"import os; os.path.exists({str(other.data_dir)!r}), os.listdir('/mnt/data')"
    )
    await other.close()

    assert ran.logs == "(False, [])"


async def test_environment_is_empty(kernel: SandboxedKernel) -> None:
    """No process inside shows the server's environment, not even the sandbox's own."""
    ran = await kernel.execute(
        "import os\nfound = dict(os.environ)\n"
        "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "    found[pid] = open(f'/proc/{pid}/environ').read()\nprint(found)"
    )

    assert "s3cr3t-of-the-server" not in ran.logs
    assert "/proc/1" not in ran.logs
    assert "'1': ''" in ran.logs


@pytest.mark.parametrize(
    "path",
    [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/vm/drop_caches",
        "/usr/bin/new",
        "/new",
        "/dev/new",
        "/etc/passwd",
        "/run/kernel_main.py",
        f"{sys.prefix}/new",
        f"{sys.base_prefix}/new",
    ],
)
async def test_unwritable(kernel: SandboxedKernel, path: str) -> None:
    """Nothing outside the lab's own folders can be written."""
    ran = await kernel.execute(f"open({path!r}, 'a')")

    assert ran.error is not None
    assert ran.error.startswith(("OSError", "PermissionError"))


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "~"])
async def test_temporary_folders_are_small(kernel: SandboxedKernel, folder: str) -> None:
    """The folders that live in memory are capped."""
    ran = await kernel.execute(
        f"import os\npath = os.path.expanduser({folder!r}) + '/big'\n"
        "with open(path, 'wb') as file:\n    for _ in range(40):\n"
        "        file.write(bytes(1024**2)); file.flush()"
    )
    await kernel.execute("os.remove(path)")

    assert ran.error is not None
    assert "No space left" in ran.error


async def test_no_privileges(kernel: SandboxedKernel) -> None:
    """Code is user 1000 without capabilities, gains none, and can't make namespaces."""
    ran = await kernel.execute(
        "import os, subprocess\nprint(os.getuid(), os.getgid())\n"
        "print(open('/proc/self/status').read())\n"
        "subprocess.run(['unshare', '--user', 'true']).returncode"
    )

    lines = ran.logs.splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert lines[0] == "1000 1000"
    assert status["CapEff"].strip() == status["CapPrm"].strip() == "0" * 16
    assert status["NoNewPrivs"] == "1"
    assert lines[-1] != "0"


async def test_host_processes_are_hidden(kernel: SandboxedKernel) -> None:
    """Code sees its own processes alone."""
    ran = await kernel.execute("import os; sum(map(str.isdigit, os.listdir('/proc')))")

    assert int(ran.logs) <= 3


async def test_data_folder_within_the_environment(tmp_path: Path) -> None:
    """An engine's data folder that lies within the interpreter's own does not show."""
    folder = Path(sys.prefix) / f"threadlab-test-{os.getpid()}"
    pool = KernelPool(SETTINGS, folder)
    try:
        await pool.start()
        kernel = await pool.acquire("1g")
        (folder / "secret").write_text("x")

        ran = await kernel.execute(
            f"import os; open('mine', 'w').close(); os.listdir({str(folder)!r}), os.listdir('.')"
        )

        assert ran.logs == "([], ['mine'])"
    finally:
        await pool.close()
        shutil.rmtree(folder)


SERVER = """
    import asyncio, sys
    from pathlib import Path
    from engine.pool import KernelPool
    from engine.settings import EngineSettings

    async def serve():
        pool = KernelPool(EngineSettings(pool_size=1, sandbox=sys.argv[2]), Path(sys.argv[1]))
        await pool.start()
        kernel = await pool.acquire("1g")
        print((await kernel.execute("'ready'")).logs, flush=True)
        await kernel.execute("while True: pass")

    asyncio.run(serve())
"""


@pytest.mark.parametrize("sandbox", ["bubblewrap", "none"])
async def test_killed_server_leaves_nothing(tmp_path: Path, sandbox: str) -> None:
    """kill -9 of the server ends all kernels; the next start removes folders and groups."""
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(SERVER), str(tmp_path), sandbox),
        cwd=REPO,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    while (line := await server.stdout.readline()) and b"ready" not in line:
        pass
    kernels = psutil.Process(server.pid).children(recursive=True)

    server.send_signal(signal.SIGKILL)
    await server.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, kernels, timeout=10)
    pool = KernelPool(SETTINGS, tmp_path)
    await pool.start()
    warm = list((tmp_path / "warm").iterdir())
    await pool.close()

    parents = ControlGroups.detect().parents.values()
    assert len(kernels) >= 1
    assert alive == []
    assert warm == []
    assert list(Path(tempfile.gettempdir()).glob(f"threadlab-{server.pid}-*")) == []
    assert [g for parent in parents for g in parent.glob(f"threadlab.{server.pid}.*")] == []


async def test_missing_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without bubblewrap the start is refused, with what to install."""
    monkeypatch.setenv("PATH", "/nonexistent")

    pool = KernelPool(SETTINGS, tmp_path)
    with pytest.raises(SandboxUnavailable, match="apt-get install bubblewrap"):
        await pool.start()

    assert not pool._run_dir.exists()


async def test_forbidden_namespaces(tmp_path: Path) -> None:
    """Where namespaces are forbidden the start is refused in one line that says what helps."""
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom engine.pool import KernelPool\n"
        "from engine.settings import EngineSettings\n"
        "asyncio.run(KernelPool(EngineSettings(), Path(sys.argv[1])).start())"
    )
    shut = ("bwrap", "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
    closed = (*shut, "--unshare-user", "--disable-userns", "--uid", "1000")

    tried = await asyncio.to_thread(
        subprocess.run,
        [*closed, "--setenv", "TMPDIR", str(tmp_path), sys.executable, "-c", code, str(tmp_path)],
        cwd=REPO,
        capture_output=True,
        text=True,
    )

    last = tried.stderr.strip().splitlines()[-1]
    assert "SandboxUnavailable: The sandbox does not work here" in last
    assert "ENGINE_SANDBOX=none" in last
