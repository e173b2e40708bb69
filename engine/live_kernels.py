"""The kernels of containers that are awake; who waits, and who sleeps, when there are too many.

A container that sleeps has its folder and no process: its next run revives a kernel over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from engine.errors_kernel import EngineBusy
from engine.kernel_port import Kernel, KernelHost

_log = structlog.get_logger(__name__)


class LiveKernels:
    """At most `kernels_max` kernels, by container id, the one that was used longest ago first.

    Arguments:
        in_use: whether a container is worked in now; its kernel then never goes to sleep, not
            even between two runs, for they build on each other's variables.
        wait_seconds: longest wait for a kernel while all are in use.
    """

    def __init__(
        self,
        hosts: KernelHost,
        in_use: Callable[[str], bool],
        *,
        kernels_max: int,
        wait_seconds: float,
    ) -> None:
        self._hosts = hosts
        self._in_use = in_use
        self._most = kernels_max
        self._wait_seconds = wait_seconds
        self._kernels: dict[str, Kernel] = {}
        self._starting = 0
        self._endings: dict[str, asyncio.Task[None]] = {}  # their processes still count
        self._line = asyncio.Lock()  # first come, first served
        self._freed = asyncio.Event()

    def get(self, container_id: str) -> Kernel | None:
        """A container's kernel; None where it has none or sleeps."""
        return self._kernels.get(container_id)

    async def start(self, container_id: str, memory_limit: str, folder: Path | None) -> Kernel:
        """A kernel for a container that has none awake, over its folder if it has one already.

        Raises:
            EngineBusy: all kernels were in use for the whole waiting time.
            KernelStartFailed: it did not come up.
        """
        await self._reserve()
        try:
            if ending := self._endings.get(container_id):
                await asyncio.shield(ending)  # two processes never share a folder
            if folder is None:
                kernel = await self._hosts.acquire(memory_limit)
            else:
                kernel = await self._hosts.revive(folder, memory_limit)
            self._kernels[container_id] = kernel
            return kernel
        finally:
            self._starting -= 1
            self._freed.set()

    def rest(self, container_id: str) -> None:
        """Nobody works in this container any more: it may sleep, after those that rest longer."""
        kernel = self._kernels.pop(container_id, None)
        if kernel is not None:
            self._kernels[container_id] = kernel
            self._freed.set()

    async def end(self, container_id: str) -> None:
        """End a container's kernel, if it has one; its folder stays."""
        kernel = self._kernels.pop(container_id, None)
        if kernel is not None:
            ending = asyncio.create_task(self._end(container_id, kernel))
            self._endings[container_id] = ending
        if container_id in self._endings:
            await asyncio.shield(self._endings[container_id])  # also where the caller goes away

    async def close(self) -> None:
        """Wait for the kernels that are ending; the host ends the others."""
        await asyncio.gather(*self._endings.values())

    async def _end(self, container_id: str, kernel: Kernel) -> None:
        try:
            await kernel.close()
        finally:
            del self._endings[container_id]
            self._freed.set()

    async def _reserve(self) -> None:
        """Wait for room for one more kernel, and take it."""
        try:
            async with asyncio.timeout(self._wait_seconds), self._line:
                while len(self._kernels) + len(self._endings) + self._starting >= self._most:
                    await self._make_room()
                self._starting += 1
        except TimeoutError:
            text = f"All {self._most} kernels were busy for {self._wait_seconds:g} s."
            raise EngineBusy(text) from None

    async def _make_room(self) -> None:
        """Put the kernel that was idle longest to sleep, or wait until something ends."""
        self._freed.clear()
        idle = next((each for each in self._kernels if not self._in_use(each)), None)
        if idle is None or self._endings:
            await self._freed.wait()
        else:
            _log.info("kernel sleeps", container=idle)
            await self.end(idle)
