"""One container's Python: runs code one piece at a time, stops it, notices its death."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import psutil
import structlog

from engine.channels import Channels, Reply
from engine.confinement import tier_bytes
from engine.disk import DiskMeter
from engine.errors_kernel import KernelStartFailed
from engine.kernel_port import Execution, Stop
from engine.outputs import Outputs
from engine.process import KernelProcess
from engine.sandbox import DATA_PATH
from engine.settings import EngineSettings, SandboxKind

_log = structlog.get_logger(__name__)
_NUDGE_SECONDS = 1.0
_DATA_PATH = re.compile(rf"{DATA_PATH}(?![\w-])")
_RESTARTED = "[Python was started afresh: its variables are gone, files in /mnt/data are there]\n"


class RunningKernel:
    """A process with its sockets, ready to run code."""

    def __init__(self, process: KernelProcess, channels: Channels) -> None:
        self.process = process
        self.channels = channels

    @classmethod
    async def start(cls, settings: EngineSettings, process: KernelProcess) -> RunningKernel:
        """Wait until a started process answers. Raises KernelStartFailed with what it said."""
        channels = Channels(process.connection, message_bytes_max=2 * settings.image_bytes)
        running = cls(process, channels)
        ready = asyncio.create_task(channels.ready())
        death = asyncio.create_task(process.wait())
        try:
            await asyncio.wait(
                (ready, death),
                timeout=settings.kernel_start_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not ready.done():
                process.kill()
                raise KernelStartFailed(f"The kernel did not start. {await process.last_words()}")
            process.locate()
        except (psutil.NoSuchProcess, ValueError) as e:
            await running.close()
            raise KernelStartFailed("The kernel died at its start.") from e
        except BaseException:
            await running.close()
            raise
        finally:
            ready.cancel()
            death.cancel()
        return running

    async def close(self) -> None:
        """End the process and close the sockets."""
        self.process.kill()
        await self.process.wait()
        await self.channels.close()
        await self.process.close()


class SandboxedKernel:
    """Implements `Kernel` over a running kernel; `restart` makes another over the same folder.

    A run that must stop is interrupted, and its kernel ended if that does not help within the
    grace time. After the end the next run starts afresh and says so in its logs.
    """

    def __init__(
        self,
        settings: EngineSettings,
        data_dir: Path,
        memory_limit: str,
        running: RunningKernel,
        restart: Callable[[Path], Awaitable[RunningKernel]],
        released: Callable[[SandboxedKernel], None],
        *,
        revived: bool = False,
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._memory_bytes = tier_bytes(memory_limit)
        self._running = running
        self._restart = restart
        self._released = released
        self._untold = revived  # variables were lost, and no run has said so yet
        self._lock = asyncio.Lock()
        self._busy = False
        self._phase = 0  # counts the starts and ends of runs
        self._stop: Stop | None = None
        self._began = asyncio.Event()
        self._disk = DiskMeter(settings.disk_bytes, settings.disk_files_max)
        self._grace: asyncio.TimerHandle | None = None
        self._closed = False
        self._kills_before = 0  # by the memory's guard, before the run
        self._adopt(running)
        self._watch = asyncio.create_task(self._watch_disk())

    @property
    def data_dir(self) -> Path:
        """The host's folder that the code sees as `/mnt/data`."""
        return self._data_dir

    async def execute(self, code: str) -> Execution:
        """Run code, one at a time. Never raises for what the code does."""
        async with self._lock:
            if self._closed:
                return Execution(logs="", stop=Stop.DIED, kernel_lost=True)
            if not self._running.process.alive:
                try:
                    await self._revive()
                except KernelStartFailed as e:
                    return Execution(logs=str(e), stop=Stop.DIED, kernel_lost=True)
                self._untold = True
            note, self._untold = _RESTARTED if self._untold else "", False
            if self._disk.over:
                await self._overgrown()  # code is judged by what it adds itself
            self._stop, self._busy = None, True
            self._kills_before = self._running.process.group.memory_kills()
            self._phase += 1
            self._began.set()
            limit = asyncio.get_running_loop().call_later(
                self._settings.code_seconds, self._halt, Stop.TIMEOUT
            )
            try:
                return await self._run(code, note)
            finally:
                self._busy = False
                self._phase += 1
                self._began.clear()
                limit.cancel()
                if self._grace is not None:
                    self._grace.cancel()
                    self._grace = None

    async def interrupt(self) -> None:
        """Stop the running code; does nothing when none runs."""
        if self._busy:
            self._halt(Stop.INTERRUPTED)

    async def close(self) -> None:
        """End the kernel; `data_dir` stays."""
        if self._closed:
            return
        self._closed = True
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        self._running.process.kill()
        async with self._lock:
            await self._running.close()
        self._released(self)

    def _adopt(self, running: RunningKernel) -> None:
        self._running = running
        # It may die at this very moment; the next run then finds it dead.
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            running.process.limit(self._settings, self._memory_bytes)

    async def _revive(self) -> None:
        await self._running.close()
        self._adopt(await self._restart(self._data_dir))

    async def _run(self, code: str, note: str) -> Execution:
        outputs = Outputs(
            self._settings.output_chars,
            self._settings.images_max,
            self._settings.image_bytes,
            self._settings.run_images_bytes,
        )
        if note:
            outputs.take("stream", {"text": note})
        run = asyncio.create_task(self._running.channels.run(self._seen(code), outputs))
        death = asyncio.create_task(self._running.process.wait())
        try:
            await asyncio.wait((run, death), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # The caller went away: free the kernel for the next one before leaving.
            self._halt(Stop.INTERRUPTED)
            await asyncio.wait((run, death), return_when=asyncio.FIRST_COMPLETED)
            raise
        finally:
            death.cancel()
            if not run.done():
                self._running.process.kill()
                run.cancel()
                await asyncio.gather(run, return_exceptions=True)
        reply = None if run.cancelled() or run.exception() else run.result()
        return self._execution(outputs, reply, lost=bool(note))

    def _execution(self, outputs: Outputs, reply: Reply | None, *, lost: bool) -> Execution:
        logs, images = outputs.logs, tuple(outputs.images)
        if reply is not None:
            stop = self._stop if reply.error else None  # it ended before the interrupt came
            return Execution(logs, images, reply.error, reply.traceback, stop, lost)
        starved = self._running.process.group.memory_kills() > self._kills_before
        stop = self._stop or (Stop.OUT_OF_MEMORY if starved else Stop.DIED)
        return Execution(logs, images, stop=stop, kernel_lost=True)

    def _seen(self, code: str) -> str:
        """Code as the kernel gets it: unconfined there is no `/mnt/data`, so the path is replaced
        wherever it stands by that of the folder, which is also the working directory."""
        if self._settings.sandbox is SandboxKind.NONE:
            return _DATA_PATH.sub(lambda _: str(self._data_dir), code)
        return code

    def _halt(self, stop: Stop) -> None:
        """Interrupt the code, and end its kernel when the grace time is over."""
        if self._stop is not None:
            return
        self._stop = stop
        self._grace = asyncio.get_running_loop().call_later(
            self._settings.interrupt_grace_seconds, self._running.process.kill
        )
        self._nudge()

    def _nudge(self) -> None:
        """Interrupt, and again until the run ends: code that is just beginning may miss one."""
        if self._busy and self._stop is not None:
            self._running.process.interrupt()
            asyncio.get_running_loop().call_later(_NUDGE_SECONDS, self._nudge)

    async def _watch_disk(self) -> None:
        """Measure the folder as long as the kernel lives: often during runs, seldom between."""
        settings = self._settings
        await self._overgrown()
        settled = self._phase
        while True:
            if self._busy or settled != self._phase:
                await asyncio.sleep(settings.disk_poll_seconds)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(settings.disk_idle_poll_seconds):
                        await self._began.wait()
                    continue
            phase = self._phase
            # What was measured in one run must not be held against the next.
            if await self._overgrown() and phase == self._phase:
                _log.info("disk limit", folder=self._data_dir.name)
                if self._busy:
                    self._halt(Stop.DISK_FULL)
                elif phase == settled:  # else the run before may have added it at its end
                    self._running.process.kill()  # a background process writes
            settled = phase

    async def _overgrown(self) -> bool:
        process = self._running.process
        folders = (self._data_dir, process.places.connection_dir)
        try:
            return await self._disk.overgrown(folders, await asyncio.to_thread(process.pids))
        except Exception:  # noqa: BLE001 - what can't be measured must not grow unseen
            _log.exception("disk not measured", folder=self._data_dir.name)
            return True
