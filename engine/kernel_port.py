"""What the server asks of a sandboxed kernel; engine/kernels.py keeps the promise."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Stop(StrEnum):
    """Why code did not run to its end (an exception of its own is not a stop)."""

    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    INTERRUPTED = "interrupted"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Execution:
    """What one run of code gave.

    `logs` is stdout, stderr and the last expression's text, cut at the output limit with a line
    that says so; `images` are PNGs; `error` is `Name: message` of an exception; `stop` says what
    ended it from outside; `kernel_lost` that variables are gone (files in `data_dir` stay).
    """

    logs: str
    images: tuple[bytes, ...] = ()
    error: str | None = None
    traceback: str = ""
    stop: Stop | None = None
    kernel_lost: bool = False


class Kernel(Protocol):
    """One container's Python."""

    @property
    def data_dir(self) -> Path:
        """The host's folder that the code sees as `/mnt/data`."""

    async def execute(self, code: str) -> Execution:
        """Run code, one at a time. Never raises for what the code does. After a loss the next
        call starts a new kernel over the same `data_dir`."""

    async def interrupt(self) -> None:
        """Stop the running code; `execute` returns with Stop.INTERRUPTED within seconds."""

    async def close(self) -> None:
        """End the kernel and remove nothing: `data_dir` belongs to the container."""


class KernelHost(Protocol):
    """Makes kernels, from a pool of warm ones where it can."""

    async def start(self) -> None:
        """Check the sandbox and begin warming. Raises SandboxUnavailable with what helps."""

    async def acquire(self, memory_limit: str) -> Kernel:
        """A kernel with a `data_dir` of its own (empty) and a tier `1g`, `4g`, `16g` or `64g`."""

    async def revive(self, data_dir: Path, memory_limit: str) -> Kernel:
        """A kernel over a folder that exists (the one before slept, or the server restarted).

        The logs of its first run say that variables are gone, as after a loss.
        """

    async def remove_others(self, data_dirs: Collection[Path]) -> None:
        """Remove every folder of the host's that is none of these; before any kernel is taken."""

    async def close(self) -> None:
        """End every kernel, within a bounded time."""
