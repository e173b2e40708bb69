"""Which limit ended a run of code, as a sentence for the person who sent the code."""

from __future__ import annotations

import re

from engine.confinement import TIERS
from engine.kernel_port import Execution, Stop
from engine.settings import EngineSettings

_KEPT = "Variables and files are kept."
_LOST = "Variables are gone; files in /mnt/data are still there."


def verdict(execution: Execution, settings: EngineSettings, memory_limit: str) -> str:
    """What ended the run and whether variables are kept; empty where no limit was met.

    Arguments:
        execution: the run, with what stopped it or the error that a limit raised in it.
        settings: the limits.
        memory_limit: the container's tier, like `1g`.
    """
    reason = _stopped(execution.stop, settings, memory_limit)
    if not reason and execution.error:
        reason = _met(execution.error, settings, memory_limit)
    return f"{reason} {_LOST if execution.kernel_lost else _KEPT}" if reason else ""


def _stopped(stop: Stop | None, settings: EngineSettings, memory_limit: str) -> str:
    match stop:
        case Stop.TIMEOUT:
            return f"The code was stopped after {settings.code_seconds:g} s, its time limit."
        case Stop.OUT_OF_MEMORY:
            return _memory(memory_limit)
        case Stop.DISK_FULL:
            return (
                f"The code was stopped because it filled its disk: /mnt/data holds at most "
                f"{size(settings.disk_mb)} in {settings.disk_files_max:,} files."
            )
        case Stop.INTERRUPTED:
            return "The code was interrupted."
        case Stop.DIED:
            return "Python ended unexpectedly while the code ran."
    return ""


def _met(error: str, settings: EngineSettings, memory_limit: str) -> str:
    """The limit that raised an error which the code saw."""
    found = {
        r"\w*MemoryError\b": _memory(memory_limit),
        r"OSError: \[Errno 27\]": (
            f"The code wrote a file beyond {size(settings.code_file_bytes >> 20)}, "
            "the most that one may have."
        ),
        r"OSError: \[Errno 28\]": (
            f"There is no room left: /tmp holds at most {size(settings.tmp_mb)}, /mnt/data "
            f"{size(settings.disk_mb)}."
        ),
        r"BlockingIOError: \[Errno 11\]|RuntimeError: can't start new thread": (
            f"The code started more than the {settings.processes_max} processes and threads that "
            "it may have."
        ),
        r"(?s).*(?:Network is unreachable|Temporary failure in name resolution|"
        r"Failed to resolve|Name or service not known)": (
            "The code tried to reach the network, and the sandbox has none: attach what it needs."
        ),
    }
    return next((said for pattern, said in found.items() if re.match(pattern, error)), "")


def _memory(memory_limit: str) -> str:
    larger = [tier for tier in TIERS if TIERS[tier] > TIERS[memory_limit]]
    help_ = f" A larger memory tier helps: {', '.join(larger)}." if larger else ""
    return f"The code ran out of its {TIERS[memory_limit] // 1024**3} GB of memory.{help_}"


def size(mebibytes: int) -> str:
    """`256 MB`, `2 GB`."""
    return f"{mebibytes / 1024:.3g} GB" if mebibytes >= 1024 else f"{mebibytes} MB"
