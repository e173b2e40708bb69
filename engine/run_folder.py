"""The folder for the kernels' sockets, and what servers that were killed have left of theirs."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import structlog

from engine.disk import remove_tree

_PREFIX = "threadlab-"
_SANDBOX = "bwrap"

_log = structlog.get_logger(__name__)


def make_run_folder() -> Path:
    """A new folder in the machine's temporary one, named after this process.

    Sockets need short paths (108 bytes), which a data folder may not offer.
    """
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def clear_stale_run_folders() -> None:
    """End the sandboxes and remove the folders of this user's servers that were killed."""
    folders = Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*")
    stale = [folder for folder in folders if _stale(folder)]
    if not stale:
        return
    _end_sandboxes(stale)
    for folder in stale:
        with suppress(FileNotFoundError):  # another server may clear up as well
            remove_tree(folder)


def _stale(folder: Path) -> bool:
    pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
    try:
        ours = folder.lstat().st_uid == os.geteuid()
    except FileNotFoundError:
        return False
    return ours and pid.isdigit() and not psutil.pid_exists(int(pid))


def _end_sandboxes(folders: list[Path]) -> None:
    """A sandbox ends with its server, unless that died before the sandbox asked the system for it.

    It is told by the folder, whose name is random, in its arguments.
    """
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # it has ended, or is not ours
            words = process.cmdline()
            if words and Path(words[0]).name == _SANDBOX and _names_one_of(words, folders):
                _log.warning("a killed server's sandbox is ended", pid=process.pid)
                process.kill()


def _names_one_of(words: list[str], folders: list[Path]) -> bool:
    paths = [Path(word) for word in words if word.startswith("/")]
    return any(path.is_relative_to(folder) for path in paths for folder in folders)
