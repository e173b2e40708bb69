"""A kernel's processes on the host: start in the sandbox, signal, limit, end."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from engine.confinement import ControlGroup, limit_process
from engine.errors_kernel import KernelStartFailed
from engine.sandbox import (
    CONNECTION_PATH,
    KERNEL_MAIN,
    KERNEL_MAIN_PATH,
    PYTHON,
    Places,
    bubblewrap_command,
    kernel_environment,
)
from engine.settings import EngineSettings, SandboxKind

# Join the groups first, then start what follows with an empty environment.
_LAUNCHER = 'n=$1; shift; while [ $n -gt 0 ]; do echo $$ > "$1" || exit 91; shift; n=$((n-1)); done'
_LAUNCHER += '; exec /usr/bin/env -i "$@"'
_CHUNK_BYTES = 1 << 16
_LAST_WORDS_BYTES = 2000
_SOCKETS = ("shell", "iopub", "stdin", "control", "hb")


class KernelProcess:
    """A running kernel: the launcher we wait for, and Python's process id as the host sees it."""

    def __init__(
        self,
        places: Places,
        group: ControlGroup,
        launcher: asyncio.subprocess.Process,
        init_pid: int | None,
        connection: dict[str, object],
    ) -> None:
        self.places = places
        self.group = group
        self.connection = connection
        self._launcher = launcher
        self._init_pid = init_pid
        self._pid = launcher.pid
        self._said = b""
        self._exit = asyncio.create_task(launcher.wait())
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(
        cls, settings: EngineSettings, places: Places, group: ControlGroup
    ) -> KernelProcess:
        """Start Python in its sandbox; it listens a second later. Raises KernelStartFailed."""
        places.connection_dir.mkdir(mode=0o700)
        confined = settings.sandbox is SandboxKind.BUBBLEWRAP
        inside = CONNECTION_PATH if confined else str(places.connection_dir)
        connection = _connection(inside)
        (places.connection_dir / "connection.json").write_text(json.dumps(connection))
        python = [
            PYTHON,
            "-P",
            KERNEL_MAIN_PATH if confined else str(KERNEL_MAIN),
        ]
        python += [f"{inside}/connection.json", _limits(settings)]
        read_fd, write_fd = os.pipe()
        try:
            prefix = _confined(settings, places, write_fd) if confined else _unconfined(places)
            launcher = await _launch(
                group.joins, [*prefix, *python], places.data_dir, (write_fd,) if confined else ()
            )
        except BaseException:
            os.close(read_fd)
            raise
        finally:
            os.close(write_fd)
        outside = {**connection, "ip": f"{places.connection_dir}/s"}
        process = cls(places, group, launcher, None, outside)
        try:
            async with asyncio.timeout(settings.kernel_start_seconds):
                process._init_pid = await _read_init_pid(read_fd)
        except TimeoutError as e:
            await process.close()
            raise KernelStartFailed("The sandbox did not start in time.") from e
        except BaseException:
            await process.close()
            raise
        return process

    @property
    def alive(self) -> bool:
        """Whether the kernel runs."""
        return self._launcher.returncode is None

    def locate(self) -> None:
        """Find Python beneath the sandbox's first process, once it answers.

        Raises psutil.NoSuchProcess or ValueError when it has died meanwhile.
        """
        if self._init_pid is not None:
            self._pid = min(child.pid for child in psutil.Process(self._init_pid).children())

    def limit(self, settings: EngineSettings, memory_bytes: int) -> None:
        """Impose the limits of a tier; a warm kernel has none on memory until it is handed out."""
        self.group.limit_memory(memory_bytes)
        limit_process(
            self._pid,
            memory_bytes=memory_bytes,
            file_bytes=settings.code_file_bytes,
            processes_max=settings.processes_max,
        )

    def pids(self) -> list[int]:
        """All its processes that can be told, as the host numbers them."""
        return self.group.pids() or [self._pid]

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the code."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGINT)

    def kill(self) -> None:
        """End every process of the kernel."""
        with suppress(ProcessLookupError):
            if self.alive and self._init_pid is not None:
                os.kill(self._init_pid, signal.SIGKILL)
            elif self.alive:
                os.killpg(self._launcher.pid, signal.SIGKILL)

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        return await asyncio.shield(self._exit)

    async def last_words(self) -> str:
        """What a kernel that has ended said on its stderr at last."""
        await self._listener
        return self._said.decode(errors="replace")

    async def close(self) -> None:
        """End it and remove its sockets and groups."""
        self.kill()
        await self.wait()
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        await self.group.remove()
        await asyncio.to_thread(shutil.rmtree, self.places.connection_dir, ignore_errors=True)

    async def _listen(self) -> None:
        """Read stderr at all times: once the pipe is full, who writes to it would wait for ever."""
        assert self._launcher.stderr is not None
        while chunk := await self._launcher.stderr.read(_CHUNK_BYTES):
            self._said = (self._said + chunk)[-_LAST_WORDS_BYTES:]


def _connection(folder: str) -> dict[str, object]:
    ports = {f"{name}_port": number for number, name in enumerate(_SOCKETS, 1)}
    signing = {"key": secrets.token_hex(16), "signature_scheme": "hmac-sha256"}
    return {"transport": "ipc", "ip": f"{folder}/s", **ports, **signing}


def _limits(settings: EngineSettings) -> str:
    return json.dumps(
        {
            "output_chars": settings.output_chars,
            "images": settings.images_max,
            "image_chars": settings.image_bytes * 4 // 3,
            # Padding makes an image a little longer; the server counts the bytes.
            "images_chars": settings.run_images_bytes * 4 // 3 + 4 * settings.images_max,
        }
    )


def _confined(settings: EngineSettings, places: Places, info_fd: int) -> list[str]:
    command = bubblewrap_command(places, tmp_bytes=settings.tmp_mb * 1024**2, info_fd=info_fd)
    return [shutil.which("bwrap") or command[0], *command[1:]]


def _unconfined(places: Places) -> list[str]:
    environment = kernel_environment(str(places.connection_dir))
    environment["JPY_PARENT_PID"] = str(os.getpid())  # ipykernel ends itself with the server
    return [f"{name}={value}" for name, value in environment.items()]


async def _launch(
    joins: list[str], command: list[str], folder: Path, keep_fds: tuple[int, ...]
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", _LAUNCHER, "sh", str(len(joins)), *joins, *command),
        env={},
        cwd=folder,
        pass_fds=keep_fds,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def _read_init_pid(fd: int) -> int | None:
    """What bubblewrap tells of the sandbox's first process; nothing when it failed or is unused."""
    told = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(told), os.fdopen(fd, "rb")
    )
    try:
        text = await told.read()
    finally:
        pipe.close()
    return int(json.loads(text)["child-pid"]) if text else None
