"""Real kernels in their real sandbox: state, output, limits, death."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import Mock

import pytest
import pytest_asyncio

from engine.confinement import ControlGroups
from engine.errors_kernel import EngineBusy, KernelStartFailed
from engine.kernel_port import Stop
from engine.kernels import RunningKernel, SandboxedKernel
from engine.pool import KernelPool
from engine.settings import EngineSettings

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]


def settings(**changes: object) -> EngineSettings:
    values: dict[str, object] = {
        "pool_size": 1,
        "code_seconds": 60,
        "interrupt_grace_seconds": 0.5,
        "disk_mb": 20,
        "disk_files_max": 2000,
        "disk_poll_seconds": 0.05,
        "disk_idle_poll_seconds": 0.1,
        "output_kb": 8,
        "images_max": 3,
        "kernels_max": 12,
        "processes_max": 128,
    }
    return EngineSettings.model_validate(values | changes)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KernelPool]:
    pool = KernelPool(settings(), tmp_path_factory.mktemp("engine"))
    await pool.start()
    yield pool
    await pool.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kernel(pool: KernelPool) -> SandboxedKernel:
    return await pool.acquire("1g")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def roomy(pool: KernelPool) -> SandboxedKernel:
    return await pool.acquire("4g")


async def test_state_lasts(kernel: SandboxedKernel) -> None:
    """A variable of one run is there in the next."""
    await kernel.execute("answer = 6 * 7")

    ran = await kernel.execute("answer")

    assert ran.logs == "42"


async def test_output_keeps_its_order(kernel: SandboxedKernel) -> None:
    """stdout, stderr, displayed values and the last value come in the order they were said."""
    ran = await kernel.execute(
        "import sys\nprint('one'); sys.stdout.flush()\nprint('two', file=sys.stderr)\n"
        "sys.stderr.flush()\ndisplay(3)\nprint('four')\n(2, 12, 69868, 6.9868)"
    )

    assert ran.logs == "one\ntwo\n3\nfour\n(2, 12, 69868, 6.9868)"


async def test_a_traceback_is_of_the_code(kernel: SandboxedKernel) -> None:
    """A traceback shows the line of the code and the error, nothing of where libraries lie."""
    ran = await kernel.execute("import pandas as pd\ndf = pd.DataFrame({'a': [1]})\ndf['b']")

    assert "----> 3 df['b']" in ran.traceback
    assert ran.traceback.endswith("KeyError: 'b'")
    assert "site-packages" not in ran.traceback
    assert ran.traceback.count("Traceback") == 1


async def test_figure_is_an_image(kernel: SandboxedKernel) -> None:
    """A shown figure comes as PNG, without its text."""
    ran = await kernel.execute("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")

    assert [image[:8] for image in ran.images] == [b"\x89PNG\r\n\x1a\n"]
    assert ran.logs == ""


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("plt.plot([1, 2]); plt.savefig('/mnt/data/a.png')", 0),
        ("plt.plot([1, 2]); plt.savefig('a.jpg', dpi=200, bbox_inches='tight'); plt.show()", 0),
        ("f, axes = plt.subplots(); f.savefig('b.png'); display(f); plt.close()", 0),
        ("plt.plot([1, 2]); plt.savefig('a.png'); plt.title('later')", 1),
        ("plt.plot([1, 2]); plt.savefig('a.png'); open('a.png', 'w').close()", 1),
        ("plt.plot([1, 2]); plt.savefig('/tmp/a.png')", 1),
        ("plt.plot([1, 2]); plt.savefig('a.svg')", 1),
        ("plt.plot([1, 2]); plt.savefig('a.png'); plt.savefig('a.pdf')", 0),
        ("plt.plot([1, 2]); plt.savefig('a.png'); plt.figure(); plt.plot([2, 1])", 1),
    ],
)
async def test_a_saved_figure_is_not_shown_too(
    kernel: SandboxedKernel, code: str, shown: int
) -> None:
    """A figure that its run saved as a picture is that file alone; any other is shown."""
    ran = await kernel.execute(f"import matplotlib.pyplot as plt\n{code}\nNone")

    assert (len(ran.images), ran.logs, ran.error) == (shown, "", None)


async def test_a_figure_saved_before_is_shown_again(kernel: SandboxedKernel) -> None:
    """What an earlier run saved is shown where it is asked for."""
    await kernel.execute(
        "import matplotlib.pyplot as plt\nf, axes = plt.subplots(); f.savefig('c.png')"
    )

    ran = await kernel.execute("f")

    assert len(ran.images) == 1


async def test_images_are_counted(kernel: SandboxedKernel) -> None:
    """More images than allowed are left out, and that is said."""
    ran = await kernel.execute(
        "from PIL import Image\nfor _ in range(9): display(Image.new('RGB', (9, 9)))\nprint('end')"
    )

    assert len(ran.images) == 3
    assert ran.logs == "end\n[6 images left out: at most 3, 10 MB each, 16 MB together]"


async def test_images_are_bounded_together(tmp_path: Path) -> None:
    """Images that together need more than a run may have are left out, and that is said."""
    pool = KernelPool(settings(pool_size=0, run_images_mb=1), tmp_path)
    await pool.start()
    kernel = await pool.acquire("1g")

    ran = await kernel.execute(
        "import numpy as np\nfrom PIL import Image\nfor _ in range(3):\n"
        "    noise = np.random.randint(0, 255, (450, 450, 3), dtype='uint8')\n"
        "    display(Image.fromarray(noise))"
    )

    assert len(ran.images) == 1
    assert ran.logs == "[2 images left out: at most 3, 10 MB each, 1 MB together]"
    await pool.close()


async def test_exception_is_told(kernel: SandboxedKernel) -> None:
    """An exception is `Name: message` with a traceback without terminal colours; no stop."""
    ran = await kernel.execute("def f():\n    return 1 / 0\nf()")

    assert ran.error == "ZeroDivisionError: division by zero"
    assert "return 1 / 0" in ran.traceback
    assert "\x1b" not in ran.traceback
    assert ran.stop is None


async def test_run_after_an_error(kernel: SandboxedKernel) -> None:
    """Code sent right behind failing code runs all the same."""
    ran = await asyncio.gather(kernel.execute("1/0"), kernel.execute("print('well')"))

    assert ran[1].logs == "well\n"


async def test_input_is_refused(kernel: SandboxedKernel) -> None:
    """`input()` fails at once instead of waiting for a person."""
    ran = await kernel.execute("input('name?')")

    assert ran.error is not None
    assert "input" in ran.error


@pytest.mark.parametrize("module", ["scipy.stats", "sympy", "openpyxl", "PIL.Image", "pyarrow"])
async def test_libraries(kernel: SandboxedKernel, module: str) -> None:
    """The promised libraries can be imported."""
    ran = await kernel.execute(f"import {module}")

    assert ran.error is None


async def test_files_are_on_the_host(kernel: SandboxedKernel) -> None:
    """What code writes to its working directory is in `data_dir`, and the other way round."""
    (kernel.data_dir / "in.txt").write_text("from outside")

    ran = await kernel.execute(
        "open('out.txt', 'w').write('x' * 5)\nopen('/mnt/data/in.txt').read()"
    )

    assert ran.logs == "'from outside'"
    assert (kernel.data_dir / "out.txt").read_text() == "xxxxx"


@pytest.mark.parametrize(
    "code",
    [
        "print('x' * 100_000_000)",
        "for _ in range(1000): print('x' * 100_000)",
        "'x' * 100_000_000",
        "raise ValueError('x' * 100_000_000)",
        "import os\nfor _ in range(1000): os.write(1, b'x' * 100_000)",
        "import subprocess; subprocess.run('yes | head -c 100000000', shell=True)",
        "import subprocess; subprocess.run('yes | head -c 9000000 >&2', shell=True)",
    ],
)
async def test_flood_is_cut(roomy: SandboxedKernel, code: str) -> None:
    """100 MB of output become what is kept and a line that says so; the kernel lives on."""
    ran = await roomy.execute(code)
    after = await roomy.execute("1 + 1")

    assert len(ran.logs) + len(ran.traceback) + len(ran.error or "") < 60_000
    assert ran.error is not None or "[output cut after 8,192 characters]" in ran.logs
    assert ran.stop is None
    assert after.logs == "2"


async def test_interrupt(kernel: SandboxedKernel) -> None:
    """An interrupt ends the code and keeps the variables."""
    await kernel.execute("kept = 1")
    running = asyncio.create_task(kernel.execute("while True: pass"))
    await asyncio.sleep(0.2)

    await kernel.interrupt()
    ran, after = await running, await kernel.execute("kept")

    assert (ran.stop, ran.kernel_lost) == (Stop.INTERRUPTED, False)
    assert after.logs == "1"


async def test_caller_goes_away(kernel: SandboxedKernel) -> None:
    """When the caller is cancelled its code is stopped and the kernel is free for the next."""
    running = asyncio.create_task(kernel.execute("while True: pass"))
    await asyncio.sleep(0.2)

    running.cancel()
    after = await kernel.execute("'free'")

    assert running.cancelled()
    assert after.logs == "'free'"


async def test_endless_loop(pool: KernelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code over its time is interrupted; code that resists loses its kernel; files stay."""
    kernel = await pool.acquire("1g")
    monkeypatch.setattr(kernel._settings, "code_seconds", 0.3)

    polite = await kernel.execute("open('kept', 'w').close()\nwhile True: pass")
    stubborn = await kernel.execute(
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    )
    monkeypatch.setattr(kernel._settings, "code_seconds", 60)
    after = await kernel.execute("import os; os.listdir('.')")

    assert (polite.stop, polite.kernel_lost) == (Stop.TIMEOUT, False)
    assert (stubborn.stop, stubborn.kernel_lost) == (Stop.TIMEOUT, True)
    assert "started afresh" in after.logs
    assert "['kept']" in after.logs
    await kernel.close()


async def test_death_is_survived(pool: KernelPool) -> None:
    """A kernel that dies is told, and the next run gets a new one with the same limits."""
    kernel = await pool.acquire("1g")

    died = await kernel.execute("import os; os._exit(3)")
    after = await kernel.execute("bytearray(2_000_000_000)")

    assert (died.stop, died.kernel_lost) == (Stop.DIED, True)
    assert after.kernel_lost
    assert after.error == "MemoryError"
    await kernel.close()


async def test_memory_eater_sees_an_error(kernel: SandboxedKernel) -> None:
    """Code that asks for more than its tier gets a MemoryError and keeps its kernel."""
    ran = await kernel.execute("hoard = [bytearray(100_000_000) for _ in range(100)]")
    after = await kernel.execute("'alive'")

    assert ran.error == "MemoryError"
    assert after.logs == "'alive'"


@pytest.mark.skipif(
    "memory" not in ControlGroups.detect().parents, reason="no writable memory control group"
)
async def test_memory_eater_in_many_processes(pool: KernelPool) -> None:
    """Processes that together need more than the tier are killed, and the machine is well."""
    kernel = await pool.acquire("1g")

    ran = await kernel.execute(
        "import subprocess, sys\n"
        "eat = [sys.executable, '-c', 'import time; x = bytearray(600_000_000); time.sleep(1)']\n"
        "eaters = [subprocess.Popen(eat) for _ in range(4)]\n"
        "print(sorted(eater.wait() for eater in eaters)[0])"
    )

    assert ran.stop is Stop.OUT_OF_MEMORY or "-9" in ran.logs
    await kernel.close()


@pytest.mark.skipif(
    os.geteuid() == 0 and "pids" not in ControlGroups.detect().parents,
    reason="no writable pids control group",
)
async def test_fork_bomb(pool: KernelPool) -> None:
    """Forking without end hits the process limit, and closing ends every one of them."""
    kernel = await pool.acquire("1g")

    ran = await kernel.execute(
        "import os, time\nforked = 0\ntry:\n    while True:\n        if os.fork() == 0:\n"
        "            time.sleep(1000)\n        forked += 1\n"
        "except OSError as e:\n    print(forked, e.strerror)"
    )
    group = kernel._running.process.group
    await kernel.close()

    count, _, reason = ran.logs.partition(" ")
    assert int(count) < 128
    assert "unavailable" in reason
    assert group.pids() == []


@pytest.mark.parametrize(
    "code",
    [
        "for i in range(10**6):\n    open(f'f{i}', 'wb').write(bytes(1_000_000))",
        "files = []\nimport os\nfor i in range(900):\n    files.append(open('f', 'wb'))\n"
        "    os.unlink('f'); files[-1].write(bytes(1_000_000)); files[-1].flush()",
        "for i in range(10**6):\n    open(f'/run/kernel/f{i}', 'wb').write(bytes(10**6))",
        "import os\nfor i in range(10**6):\n    os.mkdir(f'd{i}')",
    ],
    ids=["files", "deleted files", "sockets' folder", "folders"],
)
async def test_disk_filler(pool: KernelPool, code: str) -> None:
    """Code that fills the disk is stopped near the limit, and may clear up."""
    kernel = await pool.acquire("1g")

    ran = await kernel.execute(f"import time\n{code}\n    time.sleep(0.0005)")
    after = await kernel.execute(
        "import os\nfiles = []\nfor name in os.listdir():\n"
        "    (os.rmdir if os.path.isdir(name) else os.remove)(name)"
    )

    assert ran.stop is Stop.DISK_FULL
    assert after.stop is None
    await kernel.close()
    shutil.rmtree(kernel.data_dir)


async def test_disk_that_cant_be_measured(
    pool: KernelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk can't be measured, code is stopped as if it had filled it."""
    kernel = await pool.acquire("1g")
    monkeypatch.setattr("engine.disk.measure", Mock(side_effect=RuntimeError("no table of mounts")))

    ran = await kernel.execute("import time; time.sleep(60)")

    assert ran.stop is Stop.DISK_FULL
    await kernel.close()


async def test_one_file_is_limited(kernel: SandboxedKernel) -> None:
    """A single file stops growing at the disk limit, as an error that the code sees."""
    ran = await kernel.execute("open('/mnt/data/big', 'wb').write(bytes(50_000_000))")
    await kernel.execute("import os; os.remove('/mnt/data/big')")

    assert ran.error is not None
    assert "File too large" in ran.error or ran.stop is Stop.DISK_FULL


async def test_disk_filler_in_the_background(pool: KernelPool) -> None:
    """A process that goes on writing after its run costs the kernel its life."""
    kernel = await pool.acquire("1g")
    script = "import itertools, time\nfor i in itertools.count():\n"
    script += "    open(f'f{i}', 'wb').write(bytes(1_000_000)); time.sleep(0.005)"

    await kernel.execute(
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {script!r}])"
    )
    while kernel._running.process.alive:
        await asyncio.sleep(0.05)
    after = await kernel.execute("'again'")

    assert after.kernel_lost
    assert sum(file.stat().st_size for file in kernel.data_dir.iterdir()) < 200_000_000
    await kernel.close()


async def test_forged_messages(kernel: SandboxedKernel) -> None:
    """Code that sends nonsense over the kernel's own sockets harms nobody but itself."""
    ran = await kernel.execute(
        "k = get_ipython().kernel\n"
        "k.iopub_thread.send_multipart([b'x', b'<IDS|MSG>', b'bad', b'{}', b'{}', b'{}', b'{}'])\n"
        "k.session.send(k.iopub_thread, 'stream', content=b'[1]', parent=k.get_parent())\n"
        "k.session.send(k.iopub_thread, 'display_data', content={'data': 7},"
        " parent=k.get_parent())\n"
        "print('here')"
    )

    assert ran.logs == "here\n"


async def test_revive_keeps_the_files(pool: KernelPool) -> None:
    """A kernel over a folder that exists finds its files, and says once that variables are gone."""
    first = await pool.acquire("1g")
    await first.execute("open('kept.txt', 'w').write('still here')")
    await first.close()

    second = await pool.revive(first.data_dir, "4g")
    first_run = await second.execute("open('kept.txt').read()")
    second_run = await second.execute("1")

    note, value = first_run.logs.splitlines()
    assert "variables are gone" in note
    assert value == "'still here'"
    assert second_run.logs == "1"
    await second.close()


async def test_close_ends_running_code(pool: KernelPool) -> None:
    """Closing a kernel ends its run, and later runs are refused."""
    kernel = await pool.acquire("1g")
    running = asyncio.create_task(kernel.execute("while True: pass"))
    await asyncio.sleep(0.1)

    await kernel.close()

    assert (await running).stop is Stop.DIED
    assert (await kernel.execute("1")).stop is Stop.DIED


async def test_more_than_allowed(tmp_path: Path) -> None:
    """Beyond the most kernels at once the pool refuses; a closed one makes room."""
    pool = KernelPool(settings(pool_size=0, kernels_max=1), tmp_path)
    await pool.start()
    first = await pool.acquire("1g")

    with pytest.raises(EngineBusy):
        await pool.acquire("1g")
    await first.close()
    second = await pool.acquire("64g")

    assert (await second.execute("1")).logs == "1"
    await pool.close()


async def test_nothing_stays_after_close(tmp_path: Path) -> None:
    """Closing the pool leaves the containers' folders and nothing else."""
    pool = KernelPool(settings(pool_size=2), tmp_path)
    await pool.start()
    kernel = await pool.acquire("1g")
    group = kernel._running.process.group

    await pool.close()

    assert not (tmp_path / "warm").exists()
    assert not pool._run_dir.exists()
    assert [path for path in group.folders.values() if path.exists()] == []
    assert kernel.data_dir.is_dir()


async def one_warm(pool: KernelPool) -> RunningKernel:
    async with asyncio.timeout(30):
        while not pool.warm_count:
            await asyncio.sleep(0.02)
    return pool._warm[0]


async def test_dead_warm_kernel_leaves_nothing(tmp_path: Path) -> None:
    """A warm kernel that died before it was taken is cleared away, and another one is given."""
    pool = KernelPool(settings(pool_size=1), tmp_path)
    await pool.start()
    dead = await one_warm(pool)
    dead.process.kill()
    await dead.process.wait()

    kernel = await pool.acquire("1g")

    places = dead.process.places
    assert (await kernel.execute("1")).logs == "1"
    assert not places.connection_dir.exists()
    assert not places.data_dir.exists()
    assert dead.channels._context.closed
    await pool.close()


async def test_warming_outlives_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception that nobody foresaw is logged, and the pool is filled all the same."""
    start_fresh = KernelPool._start_fresh
    faults = [RuntimeError("unforeseen")]

    async def faulty(pool: KernelPool) -> RunningKernel:
        if faults:
            raise faults.pop()
        return await start_fresh(pool)

    monkeypatch.setattr(KernelPool, "_start_fresh", faulty)
    monkeypatch.setattr("engine.pool._RETRY_SECONDS", 0.01)
    pool = KernelPool(settings(pool_size=1), tmp_path)
    await pool.start()

    await one_warm(pool)

    assert "unforeseen" in capsys.readouterr().out
    await pool.close()


async def test_sandbox_that_never_tells_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sandbox that hangs at its start is ended after the time for it, and that is said."""
    pool = KernelPool(settings(pool_size=0, kernel_start_seconds=0.3, cgroups=False), tmp_path)
    await pool.start()
    hanging = tmp_path / "bin" / "bwrap"
    hanging.parent.mkdir()
    hanging.write_text("#!/bin/sh\nexec sleep 1000\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("PATH", f"{hanging.parent}:{os.environ['PATH']}")

    with pytest.raises(KernelStartFailed, match="did not start in time"):
        await pool.acquire("1g")

    assert len(list(pool._run_dir.iterdir())) == 1  # `etc`: the sockets' folder is gone
    await pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="limits from outside need Linux")
async def test_unconfined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a sandbox the start warns in red, and `/mnt/data` in code means the folder."""
    pool = KernelPool(settings(pool_size=0, sandbox="none"), tmp_path)
    await pool.start()
    kernel = await pool.acquire("1g")

    ran = await kernel.execute("open('/mnt/data/x', 'w').write('hello')\nopen('x').read()")
    stopped = asyncio.create_task(kernel.execute("while True: pass"))
    await asyncio.sleep(0.2)
    await kernel.interrupt()

    assert ran.logs == "'hello'"
    assert (await stopped).stop is Stop.INTERRUPTED
    assert "UNCONFINED" in capsys.readouterr().err
    await pool.close()
