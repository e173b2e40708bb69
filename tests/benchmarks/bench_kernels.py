"""Figures of the kernels: `python -m tests.benchmarks.bench_kernels`, goals beside them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

import psutil

from engine.kernels import SandboxedKernel
from engine.pool import KernelPool
from engine.settings import EngineSettings
from tests.benchmarks.figures import head, percentile, row

_ROUNDS = 8
_RUNS = 50
_IDLE_SECONDS = 10


async def _milliseconds(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


async def _warm(pool: KernelPool) -> None:
    while not pool.warm_count:
        await asyncio.sleep(0.01)


def _pss_megabytes() -> float:
    """Proportional memory of all kernels, their bubblewrap included."""
    children = psutil.Process().children(recursive=True)
    return float(sum(child.memory_full_info().pss for child in children)) / 1024**2


def _cpu_seconds() -> float:
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


async def _measure(folder: Path) -> None:
    head("Kernels")
    pool = KernelPool(EngineSettings(pool_size=1), folder)
    kernels: list[SandboxedKernel] = []

    async def acquire() -> None:
        kernels.append(await pool.acquire("1g"))

    await pool.start()
    from_pool, first_cell = [], []
    for _ in range(_ROUNDS):
        await _warm(pool)
        from_pool.append(await _milliseconds(acquire()))
        first_cell.append(await _milliseconds(kernels[-1].execute("1 + 1")))
    row("kernel ready from the pool, p50", percentile(from_pool, 0.5), "ms", "≤ 10 ms")
    row("… slowest", max(from_pool), "ms")
    row("its first run of code, p50", percentile(first_cell, 0.5), "ms")
    runs = [await _milliseconds(kernels[0].execute("1 + 1")) for _ in range(_RUNS)]
    row("further runs, p50", percentile(runs, 0.5), "ms")

    await _warm(pool)
    row("memory per idle container (PSS)", _pss_megabytes() / (len(kernels) + 1), "MB")
    used = _cpu_seconds()
    await asyncio.sleep(_IDLE_SECONDS)
    share = (_cpu_seconds() - used) / _IDLE_SECONDS * 100
    row(f"CPU of {len(kernels) + 1} idle kernels and the pool", share, "%", "≤ 2 %")
    row("ending them all", await _milliseconds(pool.close()), "ms")


async def _measure_cold(folder: Path) -> None:
    pool = KernelPool(EngineSettings(pool_size=0), folder)
    await pool.start()
    cold = [await _milliseconds(pool.acquire("1g")) for _ in range(_ROUNDS)]
    row("kernel ready without the pool (cold), p50", percentile(cold, 0.5), "ms")
    await pool.close()


def main() -> None:
    """Print the figures."""
    for measure in (_measure, _measure_cold):
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
