"""A kernel's processes on the host: start in the sandbox, signal, limit, end."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.confinement import ControlGroup, limit_process
from engine.sandbox import (
    CONNECTION_PATH,
    KERNEL_MAIN,
    KERNEL_MAIN_PATH,
    bubblewrap_command,
    kernel_environment,
)
from engine.settings import EngineSettings, SandboxKind

# Join the groups first, then start what follows with an empty environment.
_LAUNCHER = 'n=$1; shift; while [ $n -gt 0 ]; do echo $$ > "$1" || exit 91; shift; n=$((n-1)); done'
_LAUNCHER += '; exec /usr/bin/env -i "$@"'
_STDERR_CHARS = 2000
_SOCKETS = ("shell", "iopub", "stdin", "control", "hb")


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one kernel on the host."""

    data_dir: Path
    connection_dir: Path
    accounts_dir: Path


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
        self._exit = asyncio.create_task(launcher.wait())

    @classmethod
    async def start(
        cls, settings: EngineSettings, places: Places, group: ControlGroup
    ) -> KernelProcess:
        """Start Python in its sandbox; it listens a second later."""
        places.connection_dir.mkdir(mode=0o700)
        confined = settings.sandbox is SandboxKind.BUBBLEWRAP
        inside = CONNECTION_PATH if confined else str(places.connection_dir)
        connection = _connection(inside)
        (places.connection_dir / "connection.json").write_text(json.dumps(connection))
        python = [sys.executable, "-P", KERNEL_MAIN_PATH if confined else str(KERNEL_MAIN)]
        python += [f"{inside}/connection.json", _limits(settings)]
        read_fd, write_fd = os.pipe()
        try:
            if confined:
                prefix = bubblewrap_command(
                    data_dir=places.data_dir,
                    connection_dir=places.connection_dir,
                    accounts_dir=places.accounts_dir,
                    tmp_bytes=settings.tmp_mb * 1024**2,
                    info_fd=write_fd,
                )
                prefix[0] = shutil.which("bwrap") or prefix[0]
            else:
                environment = kernel_environment(str(places.connection_dir))
                environment["JPY_PARENT_PID"] = str(os.getpid())
                prefix = [f"{name}={value}" for name, value in environment.items()]
            joins = group.joins
            launcher = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                _LAUNCHER,
                "sh",
                str(len(joins)),
                *joins,
                *prefix,
                *python,
                env={},
                cwd=places.data_dir,
                pass_fds=(write_fd,),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        finally:
            os.close(write_fd)
        try:
            init_pid = await asyncio.to_thread(_read_init_pid, read_fd) if confined else None
        finally:
            os.close(read_fd)
        outside = {**connection, "ip": f"{places.connection_dir}/s"}
        return cls(places, group, launcher, init_pid, outside)

    @property
    def alive(self) -> bool:
        """Whether the kernel runs."""
        return self._launcher.returncode is None

    def locate(self) -> None:
        """Find Python beneath the sandbox's first process, once it answers."""
        if self._init_pid is not None:
            self._pid = min(child.pid for child in psutil.Process(self._init_pid).children())

    def limit(self, settings: EngineSettings, memory_bytes: int) -> None:
        """Impose the limits of a tier; a warm kernel has none on memory until it is handed out."""
        self.group.limit_memory(memory_bytes)
        limit_process(
            self._pid,
            memory_bytes=memory_bytes,
            file_bytes=settings.disk_bytes,
            processes_max=settings.processes_max,
        )

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

    async def stderr(self) -> str:
        """What a kernel that ended at its start had to say."""
        assert self._launcher.stderr is not None
        return (await self._launcher.stderr.read(1 << 16)).decode(errors="replace")[-_STDERR_CHARS:]

    async def close(self) -> None:
        """End it and remove its sockets and groups."""
        self.kill()
        await self.wait()
        await self.group.remove()
        await asyncio.to_thread(shutil.rmtree, self.places.connection_dir, ignore_errors=True)


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
        }
    )


def _read_init_pid(fd: int) -> int | None:
    with os.fdopen(os.dup(fd), "rb") as pipe:
        told = pipe.read()
    return int(json.loads(told)["child-pid"]) if told else None
