"""What a person is told when code meets a limit: real code, in the real sandbox."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.kernel_port import Execution, Kernel, Stop
from engine.planner.offline import OfflinePlanner
from engine.planner.protocol import Question
from engine.pool import KernelPool
from engine.settings import EngineSettings
from engine.verdict import verdict
from tests.fakes.lab import KernelLab

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

SETTINGS = EngineSettings(
    pool_size=1,
    code_seconds=1.5,
    interrupt_grace_seconds=0.3,
    disk_mb=20,
    disk_poll_seconds=0.05,
    output_kb=8,
    processes_max=100,
    tmp_mb=8,
)
KEPT = "Variables and files are kept."
LOST = "Variables are gone; files in /mnt/data are still there."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kernel(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kernel]:
    pool = KernelPool(SETTINGS, tmp_path_factory.mktemp("engine"))
    await pool.start()
    yield await pool.acquire("1g")
    await pool.close()


async def answer_to(kernel: Kernel, code: str) -> str:
    for left in kernel.data_dir.iterdir():
        left.unlink()
    lab = KernelLab(kernel, SETTINGS)
    await OfflinePlanner().answer(Question(f"```python\n{code}\n```"), lab)
    return lab.answer


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("while True: pass", f"The code was stopped after 1.5 s, its time limit. {KEPT}"),
        (
            "x = bytearray(3 << 30)",
            "The code ran out of its 1 GB of memory. "
            f"A larger memory tier helps: 4g, 16g, 64g. {KEPT}",
        ),
        (
            "for n in range(10_000): open(f'{n}.bin', 'wb').write(bytes(1 << 20))",
            "The code was stopped because it filled its disk: "
            f"/mnt/data holds at most 20 MB in 20,000 files. {KEPT}",
        ),
        (
            "open('big', 'wb').write(bytes(21 << 20))",
            f"The code wrote a file beyond 18 MB, the most that one may have. {KEPT}",
        ),
        (
            "open('/tmp/x', 'wb').write(bytes(15 << 20))",
            f"There is no room left: /tmp holds at most 8 MB, /mnt/data 20 MB. {KEPT}",
        ),
        ("for n in range(10_000): print('line', n)", "[output cut after 8,192 characters]"),
        (
            "import threading, time\n"
            "for _ in range(300): threading.Thread(target=time.sleep, args=(0.5,)).start()",
            f"The code started more than the 100 processes and threads that it may have. {KEPT}",
        ),
        (
            "import urllib.request\nurllib.request.urlopen('https://example.com')",
            "The code tried to reach the network, and the sandbox has none: "
            f"attach what it needs. {KEPT}",
        ),
        ("import os; os._exit(1)", f"Python ended unexpectedly while the code ran. {LOST}"),
        ("print('back')", "variables are gone"),
    ],
)
async def test_each_limit_is_named(kernel: Kernel, code: str, said: str) -> None:
    """Code that meets a limit is answered with its name, its size, and what became of variables."""
    assert said in await answer_to(kernel, code)


async def test_the_end_of_a_long_traceback_is_shown(kernel: Kernel) -> None:
    """Of a long traceback the error itself, at its end, is shown."""
    code = "import urllib.request\nurllib.request.urlopen('https://example.com')"

    assert "URLError: <urlopen error" in await answer_to(kernel, code)


@pytest.mark.parametrize("memory_limit", ["1g", "4g", "16g", "64g"])
async def test_memory_kills_name_the_tier(memory_limit: str) -> None:
    """A kernel that was killed for its memory names its tier, and larger ones where there are."""
    said = verdict(Execution("", stop=Stop.OUT_OF_MEMORY, kernel_lost=True), SETTINGS, memory_limit)

    assert f"its {memory_limit[:-1]} GB of memory" in said
    assert ("larger memory tier" in said) == (memory_limit != "64g")
    assert said.endswith(LOST)
