"""Limits on a kernel's processes: control groups where they are writable, and rlimits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog

_GIGABYTE = 1024**3
TIERS = {"1g": _GIGABYTE, "4g": 4 * _GIGABYTE, "16g": 16 * _GIGABYTE, "64g": 64 * _GIGABYTE}

_PREFIX = "threadlab."
_CONTROLLERS = ("memory", "pids")
_HEADROOM_BYTES = 64 * 1024**2  # code should meet its own MemoryError before the group's killer
_OPEN_FILES_MAX = 1024
_REMOVE_TRIES = 100
_REMOVE_WAIT_SECONDS = 0.02

_log = structlog.get_logger(__name__)


def tier_bytes(memory_limit: str) -> int:
    """Bytes of a tier `1g`, `4g`, `16g` or `64g`.

    A tier larger than the machine's memory is allowed, and capped by the machine. Raises KeyError
    for any other word.
    """
    return min(TIERS[memory_limit], int(psutil.virtual_memory().total))


def limit_process(pid: int, *, memory_bytes: int, file_bytes: int, processes_max: int) -> None:
    """Set a kernel's rlimits from outside; its children inherit them. Linux only.

    Address space that is mapped but not used costs no memory, so the limit is raised by it. The
    process limit counts within the sandbox's own user namespace, and does not bind root.
    """
    if sys.platform != "linux":
        return
    used = psutil.Process(pid).memory_info()
    address_space = memory_bytes + used.vms - used.rss
    resource.prlimit(pid, resource.RLIMIT_AS, (address_space, address_space))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (_OPEN_FILES_MAX, _OPEN_FILES_MAX))
    if psutil.Process(pid).uids().real != 0:
        resource.prlimit(pid, resource.RLIMIT_NPROC, (processes_max, processes_max))


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """One kernel's groups: `folders` by controller, the same folder twice with cgroup v2.

    Empty where no group is writable; every method then does nothing.
    """

    folders: dict[str, Path]

    @property
    def joins(self) -> list[str]:
        """The files that a process writes its id to in order to join."""
        return list(dict.fromkeys(str(path / "cgroup.procs") for path in self.folders.values()))

    def limit_processes(self, count: int) -> None:
        """Allow so many processes and threads at once."""
        if "pids" in self.folders:
            (self.folders["pids"] / "pids.max").write_text(str(count))

    def limit_memory(self, limit_bytes: int) -> None:
        """Kill what needs more memory than this, swap included."""
        if (folder := self.folders.get("memory")) is None:
            return
        limit = str(limit_bytes + _HEADROOM_BYTES)
        for name in ("memory.max", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
            if (folder / name).exists():
                (folder / name).write_text(limit)
        if (folder / "memory.swap.max").exists():
            (folder / "memory.swap.max").write_text("0")

    def memory_kills(self) -> int:
        """How many processes were killed for want of memory."""
        folder = self.folders.get("memory", Path("/nonexistent"))
        for name in ("memory.events", "memory.oom_control"):
            if (folder / name).exists():
                lines = (folder / name).read_text().splitlines()
                return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return 0

    def pids(self) -> list[int]:
        """All processes of the group, as the host numbers them."""
        files = [Path(name) for name in self.joins[:1]]
        return [int(line) for file in files if file.exists() for line in file.read_text().split()]

    async def remove(self) -> None:
        """Remove the groups once their processes are gone, which takes the kernel a moment."""
        for folder in set(self.folders.values()):
            for _ in range(_REMOVE_TRIES):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    await asyncio.sleep(_REMOVE_WAIT_SECONDS)
            else:
                _log.warning("control group could not be removed", folder=str(folder))


class ControlGroups:
    """Where this process may make groups: beneath its own, so that its own limits hold too."""

    def __init__(self, parents: dict[str, Path]) -> None:
        self.parents = parents

    @classmethod
    def detect(cls, proc: Path = Path("/proc/self")) -> ControlGroups:
        """Find the writable groups, version 1 or 2; none is a valid answer."""
        own = dict(_own_groups((proc / "cgroup").read_text())) if proc.exists() else {}
        parents: dict[str, Path] = {}
        for mount, root, kind, controllers in _mounts(proc):
            for controller in _CONTROLLERS:
                name = controller if kind == "cgroup" else ""
                if name not in own or (name and name not in controllers):
                    continue
                folder = mount / os.path.relpath(own[name], root)
                if _usable(folder, controller, version=1 if name else 2):
                    parents[controller] = folder
        return cls(parents)

    def create(self, name: str) -> ControlGroup:
        """Make a kernel's groups."""
        folders = {
            controller: parent / f"{_PREFIX}{os.getpid()}.{name}"
            for controller, parent in self.parents.items()
        }
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        return ControlGroup(folders)

    def remove_stale(self) -> None:
        """Remove the groups of servers that were killed."""
        for parent in set(self.parents.values()):
            for folder in parent.glob(f"{_PREFIX}*"):
                if not psutil.pid_exists(int(folder.name.split(".")[1])):
                    # Busy: its processes are still dying; the next start finds it empty.
                    with contextlib.suppress(OSError):
                        folder.rmdir()


def _own_groups(text: str) -> list[tuple[str, str]]:
    """`(controller, path)` from /proc/self/cgroup; the controller of version 2 is ''."""
    lines = [line.split(":", 2) for line in text.splitlines()]
    return [(name, path) for _, names, path in lines for name in names.split(",")]


def _mounts(proc: Path) -> list[tuple[Path, str, str, list[str]]]:
    """`(mount point, root, file system, options)` of every mounted cgroup hierarchy."""
    if not (proc / "mountinfo").exists():
        return []
    found = []
    for line in (proc / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _source, options) = before.split(), after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            found.append((Path(fields[4]), fields[3], kind, options.split(",")))
    return found


def _usable(folder: Path, controller: str, *, version: int) -> bool:
    if not os.access(folder, os.W_OK):
        return False
    if version == 1:
        return True
    control = folder / "cgroup.subtree_control"
    if controller in control.read_text().split():
        return True
    if controller not in (folder / "cgroup.controllers").read_text().split():
        return False
    try:
        control.write_text(f"+{controller}")
    except OSError:  # the server itself lives in this group: it was not delegated as a tree
        return False
    return True
