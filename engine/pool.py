"""Makes kernels, from a pool of warm ones where it can."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Collection
from pathlib import Path

import structlog

from engine.confinement import ControlGroups, tier_bytes
from engine.disk import remove_tree
from engine.errors_kernel import EngineBusy, KernelStartFailed
from engine.kernels import RunningKernel, SandboxedKernel
from engine.process import KernelProcess
from engine.run_folder import clear_stale_run_folders, make_run_folder
from engine.sandbox import Places, bubblewrap_command, probe, warn_unconfined, write_accounts
from engine.settings import EngineSettings, SandboxKind

_RETRY_SECONDS = 10
_NAME_BYTES = 8

log = structlog.get_logger(__name__)


class KernelPool:
    """Implements `KernelHost`. Folders lie in `<data_dir>/containers`, those of kernels that
    nobody has taken yet in `<data_dir>/warm`, sockets in the machine's temporary folder.

    A warm kernel has no memory limit until it is handed out, so that one pool serves all tiers.
    """

    def __init__(self, settings: EngineSettings, data_dir: Path) -> None:
        self._settings = settings
        self._data_dir = data_dir.resolve()
        self._warm_dir = self._data_dir / "warm"
        self._containers_dir = self._data_dir / "containers"
        self._run_dir = Path()
        self._groups = ControlGroups({})
        self._warm: list[RunningKernel] = []
        self._kernels: set[SandboxedKernel] = set()
        self._promised = 0
        self._closing = False
        self._taken = asyncio.Event()
        self._starts = asyncio.Semaphore(os.cpu_count() or 1)
        self._refill: asyncio.Task[None] | None = None

    @property
    def warm_count(self) -> int:
        """How many kernels wait to be taken."""
        return len(self._warm)

    async def start(self) -> None:
        """Check the sandbox, clear up after a killed server, and begin warming.

        Raises SandboxUnavailable with the reason and what helps.
        """
        await asyncio.to_thread(self._prepare_folders)
        if self._settings.sandbox is SandboxKind.NONE:
            warn_unconfined()
        else:
            try:
                await self._probe()
            except BaseException:
                await self.close()
                raise
        if self._settings.cgroups:
            self._groups = ControlGroups.detect()
            self._groups.remove_stale()
        if missing := {"memory", "pids"} - self._groups.parents.keys():
            log.warning(
                "no writable control group: limits are held per process by rlimits alone, "
                "and root's processes are not counted",
                missing=sorted(missing),
            )
        self._refill = asyncio.create_task(self._keep_warm())

    async def acquire(self, memory_limit: str) -> SandboxedKernel:
        """A kernel with an empty folder of its own. Raises EngineBusy, KernelStartFailed."""
        return await self._hand_out(None, memory_limit)

    async def revive(self, data_dir: Path, memory_limit: str) -> SandboxedKernel:
        """A kernel over a folder that exists; its first run says that variables are gone.

        Raises EngineBusy, KernelStartFailed.
        """
        return await self._hand_out(data_dir, memory_limit)

    async def remove_others(self, data_dirs: Collection[Path]) -> None:
        """Remove the folders of containers that are none of these."""
        await asyncio.to_thread(_remove_others, self._containers_dir, data_dirs)

    async def close(self) -> None:
        """End every kernel and remove what was warm; containers' folders stay."""
        self._closing = True
        if self._refill is not None:
            self._refill.cancel()
            await asyncio.gather(self._refill, return_exceptions=True)
        warm, self._warm = self._warm, []
        ending = [*(kernel.close() for kernel in list(self._kernels)), *(k.close() for k in warm)]
        await asyncio.gather(*ending)
        await asyncio.to_thread(remove_tree, self._warm_dir)
        if self._run_dir.is_absolute():  # it has been started
            await asyncio.to_thread(remove_tree, self._run_dir)

    async def _hand_out(self, data_dir: Path | None, memory_limit: str) -> SandboxedKernel:
        tier_bytes(memory_limit)
        if self._closing:
            raise EngineBusy("The engine is shutting down.")
        if len(self._kernels) + self._promised >= self._settings.kernels_max:
            raise EngineBusy(f"All {self._settings.kernels_max} kernels are in use.")
        self._promised += 1
        revived = data_dir is not None
        try:
            if data_dir is None:
                running = await self._take_warm() or await self._start_fresh()
                data_dir = self._containers_dir / running.process.places.data_dir.name
                running.process.places.data_dir.rename(data_dir)
            else:
                running = await self._start(data_dir)
            kernel = SandboxedKernel(
                self._settings,
                data_dir,
                memory_limit,
                running,
                restart=self._start,
                released=self._kernels.discard,
                revived=revived,
            )
            self._kernels.add(kernel)
            return kernel
        finally:
            self._promised -= 1

    async def _take_warm(self) -> RunningKernel | None:
        self._taken.set()
        while self._warm:
            running = self._warm.pop(0)
            if running.process.alive:
                return running
            await running.close()
            await asyncio.to_thread(remove_tree, running.process.places.data_dir)
        return None

    async def _keep_warm(self) -> None:
        """Keep the pool full for ever; what goes wrong is logged and tried again after a pause."""
        while True:
            self._taken.clear()
            try:
                while len(self._warm) < self._settings.pool_size:
                    self._warm.append(await self._start_fresh())
            except (KernelStartFailed, OSError) as e:
                log.error("no warm kernel", error=str(e))
            except Exception:
                log.exception("no warm kernel")
            else:
                await self._taken.wait()
                continue
            await asyncio.sleep(_RETRY_SECONDS)

    async def _start_fresh(self) -> RunningKernel:
        folder = self._warm_dir / secrets.token_hex(_NAME_BYTES)
        folder.mkdir(mode=0o700)
        try:
            return await self._start(folder)
        except BaseException:
            await asyncio.to_thread(remove_tree, folder)
            raise

    async def _start(self, data_dir: Path) -> RunningKernel:
        name = secrets.token_hex(_NAME_BYTES)
        places = self._places(data_dir, self._run_dir / name)
        async with self._starts:
            group = self._groups.create(name)
            group.limit_processes(self._settings.processes_max)
            try:
                process = await KernelProcess.start(self._settings, places, group)
            except BaseException:
                await group.remove()
                raise
            return await RunningKernel.start(self._settings, process)

    def _places(self, data_dir: Path, connection_dir: Path) -> Places:
        return Places(data_dir, connection_dir, self._run_dir / "etc", self._data_dir)

    def _prepare_folders(self) -> None:
        remove_tree(self._warm_dir)
        for folder in (self._warm_dir, self._containers_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        clear_stale_run_folders()
        self._run_dir = make_run_folder()
        write_accounts(self._run_dir / "etc")

    async def _probe(self) -> None:
        folder = self._warm_dir / "probe"
        folder.mkdir()
        read_fd, write_fd = os.pipe()
        try:
            command = bubblewrap_command(
                self._places(folder, self._run_dir),
                tmp_bytes=self._settings.tmp_mb * 1024**2,
                info_fd=write_fd,
            )
            await probe(command, write_fd)
        finally:
            os.close(read_fd)
            os.close(write_fd)
            folder.rmdir()


def _remove_others(parent: Path, folders: Collection[Path]) -> None:
    """Compared by their names, which are random: the data folder may have been moved."""
    names = {folder.name for folder in folders}
    for folder in parent.iterdir():
        if folder.name not in names:
            log.info("a folder without a container is removed", folder=folder.name)
            remove_tree(folder)
