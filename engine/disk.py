"""How much disk a kernel takes, and the removal of what it left."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

_DEPTH_MAX = 32
_BLOCK_BYTES = 512


@dataclass(frozen=True, slots=True)
class Usage:
    """Disk taken: `entries` are files and folders; not `complete` where counting stopped early."""

    size_bytes: int = 0
    entries: int = 0
    complete: bool = True

    def exceeds(self, earlier: Usage) -> bool:
        """Whether this is more than an earlier measurement."""
        more = self.size_bytes > earlier.size_bytes or self.entries > earlier.entries
        return more or not self.complete


class DiskMeter:
    """Says when what is over the limit still grows; it may shrink, so that code can clear up."""

    def __init__(self, bytes_max: int, entries_max: int) -> None:
        self._bytes_max = bytes_max
        self._entries_max = entries_max
        self._last = Usage()
        self._lock = asyncio.Lock()

    @property
    def over(self) -> bool:
        """Whether the limit was passed when last measured."""
        last = self._last
        too_many = last.entries > self._entries_max or last.size_bytes > self._bytes_max
        return too_many or not last.complete

    async def overgrown(self, folders: Iterable[Path], pids: Iterable[int]) -> bool:
        """Measure: whether it is over the limit and more than the last time."""
        async with self._lock:
            before = self._last
            # Twice the limit, so that code which clears up is seen to do so.
            most = 2 * self._entries_max
            self._last = await asyncio.to_thread(measure, folders, pids, most)
            return self.over and self._last.exceeds(before)


def measure(folders: Iterable[Path], pids: Iterable[int], entries_max: int) -> Usage:
    """Disk taken by folders and by deleted files that processes still hold open. Blocking.

    Stops, incomplete, at `entries_max`, below 32 levels and at what can't be read: none of them
    may serve to hide.
    """
    size = entries = 0
    waiting = [(str(folder), 1) for folder in folders]
    while waiting:
        folder, depth = waiting.pop()
        try:
            scan = os.scandir(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue  # gone or swapped since it was seen
        except OSError:
            return Usage(size, entries, complete=False)
        with closing(scan):
            for entry in scan:
                entries += 1
                if entries > entries_max or depth > _DEPTH_MAX:
                    return Usage(size, entries, complete=False)
                with suppress(FileNotFoundError):
                    size += entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
    return Usage(size + _deleted_bytes(pids), entries)


def remove_tree(path: Path) -> None:
    """Remove a folder, also one that code made very deep or took its rights from. Blocking."""
    if path.is_symlink() or not path.exists():
        return
    for command in (["/bin/chmod", "-R", "u+rwX"], ["/bin/rm", "-rf"]):
        subprocess.run([*command, "--", str(path)], check=False, capture_output=True)  # noqa: S603


def _deleted_bytes(pids: Iterable[int]) -> int:
    """Bytes in files on disk without a name that processes hold open, each counted once."""
    sizes: dict[tuple[int, int], int] = {}
    for pid in pids:
        # A process may end, and so lose its descriptors, at any moment.
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            for fd in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - names alone are wanted
                with suppress(FileNotFoundError):
                    found = os.stat(f"/proc/{pid}/fd/{fd}")  # noqa: PTH116 - follows to the file
                    if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                        sizes[found.st_dev, found.st_ino] = found.st_blocks * _BLOCK_BYTES
    return sum(sizes.values())
