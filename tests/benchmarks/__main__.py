"""All figures, as they stand in docs/reference/figures.md: `make bench`."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

MODULES = (
    "tests.benchmarks.bench_turns",
    "tests.benchmarks.bench_slack",
    "tests.benchmarks.bench_discord",
    "tests.benchmarks.bench_streams",
    "tests.benchmarks.bench_takeover",
    "tests.benchmarks.bench_kernels",
)


def main() -> None:
    """Run each benchmark in a process of its own, one after the other."""
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}")
    for module in MODULES:
        subprocess.run([sys.executable, "-m", module], check=True)


if __name__ == "__main__":
    main()
