"""Files of a container as the server may touch them: no link is followed, nothing outside reached.

Code owns `/mnt/data` and may put links, devices and pipes there, and swap them while we look.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_DEPTH_MAX = 32
_NAME_BYTES_MAX = 255
_PATH_CHARS_MAX = 1000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class UnsafePath(Exception):
    """A path leads out of the container's folder or over a link, or names no regular file."""


def safe_path(data_dir: Path, name: str) -> Path:
    """The host's path of a name relative to `/mnt/data`. Raises UnsafePath.

    Refuses absolute names, `..`, control characters and links on the way. For reading use
    `open_file`, which stays safe while code swaps folders for links.
    """
    path = data_dir
    for part in _parts(name):
        path = path / part
        if path.is_symlink():
            raise UnsafePath(f"{name!r} leads over a link.")
    return path


def open_file(data_dir: Path, relative: str) -> BinaryIO:
    """Open a regular file for reading. Raises UnsafePath, or FileNotFoundError."""
    *folders, name = _parts(relative)
    with ExitStack() as stack:
        fd = _open_folder(stack, data_dir, folders)
        # Non-blocking: opening a pipe that nobody writes to would wait for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file_fd = _open(name, flags, fd)
    if not stat.S_ISREG(os.fstat(file_fd).st_mode):
        os.close(file_fd)
        raise UnsafePath(f"{relative!r} is not a regular file.")
    return os.fdopen(file_fd, "rb")


def remove_file(data_dir: Path, relative: str) -> None:
    """Remove a file or a link. Raises UnsafePath; one that is gone already is fine."""
    *folders, name = _parts(relative)
    with ExitStack() as stack, suppress(FileNotFoundError):
        os.unlink(name, dir_fd=_open_folder(stack, data_dir, folders))


def list_files(data_dir: Path, most: int = 1000) -> list[tuple[str, int, int]]:
    """`(relative path, size in bytes, mtime in ns)` of at most `most` regular files, sorted.

    Links and special files are left out, as are folders deeper than 32 and names not in UTF-8.
    """
    found = []
    for entry, depth in _walk(data_dir, entries_max=most * 10):
        if depth > _DEPTH_MAX or not _is_text(entry.path):
            continue
        if entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            relative = os.path.relpath(entry.path, data_dir)
            found.append((relative, status.st_size, status.st_mtime_ns))
            if len(found) >= most:
                break
    return sorted(found)


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or any(ord(char) < 32 for char in name):
        raise UnsafePath(f"{name[:80]!r} is not a name in the container.")
    if not _is_text(name) or len(name) > _PATH_CHARS_MAX:
        raise UnsafePath(f"{name[:80]!r} is too long, or no text.")
    if any(len(part.encode()) > _NAME_BYTES_MAX for part in parts):
        raise UnsafePath(f"{name[:80]!r} is too long.")
    return parts


def _is_text(name: str) -> bool:
    """Whether it is UTF-8: Python marks other bytes of a file's name by lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def _open_folder(stack: ExitStack, data_dir: Path, folders: Sequence[str]) -> int:
    """A descriptor of a folder below `data_dir`, reached step by step over no link."""
    fd = _open(str(data_dir), _DIRECTORY, None)
    stack.callback(os.close, fd)
    for folder in folders:
        fd = _open(folder, _DIRECTORY, fd)
        stack.callback(os.close, fd)
    return fd


def _open(name: str, flags: int, folder_fd: int | None) -> int:
    try:
        return os.open(name, flags, dir_fd=folder_fd)
    except FileNotFoundError:
        raise
    except OSError as e:
        raise UnsafePath(f"{name!r} leads over a link or is no file.") from e


def _walk(root: Path, entries_max: int) -> Iterator[tuple[os.DirEntry[str], int]]:
    """Entries with their depth, parents first, at most `entries_max`; what vanishes is skipped."""
    waiting = [(str(root), 1)]
    seen = 0
    while waiting:
        folder, depth = waiting.pop()
        try:
            scan = os.scandir(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        with closing(scan):
            for entry in scan:
                seen += 1
                if seen > entries_max:
                    return
                try:
                    yield entry, depth
                    if depth <= _DEPTH_MAX and entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
                except FileNotFoundError:
                    continue
