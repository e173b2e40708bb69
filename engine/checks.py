"""What `threadlab doctor` asks of the engine: whether code runs here, and how it is confined."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from engine.confinement import ControlGroups
from engine.embedded import settings_from
from engine.errors_kernel import KernelError
from engine.pool import KernelPool
from engine.settings import EngineSettings, SandboxKind

_CODE = "print(6 * 7)"
_PRINTED = "42"


async def sandbox(environ: Mapping[str, str]) -> tuple[bool, str]:
    """Start one kernel in a folder of its own and let it compute.

    Returns:
        Whether it worked, and a sentence that says how, or what helps.
    """
    try:
        settings = settings_from(environ).model_copy(update={"pool_size": 0})
    except ValueError as error:
        return False, str(error)
    if settings.sandbox is SandboxKind.NONE:
        return False, (
            "ENGINE_SANDBOX=none: code runs unconfined, as your own user. Only for people you "
            "trust fully."
        )
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="threadlab-doctor-") as folder:
        try:
            printed = await _compute(settings, Path(folder))
        except KernelError as error:
            return False, str(error)
    if printed.strip() != _PRINTED:
        return False, f"Code does not run as it should; it printed: {printed[:500]}"
    took = time.monotonic() - began
    return True, f"code runs in the sandbox (started in {took:.1f} s). {_limits(settings)}"


async def _compute(settings: EngineSettings, folder: Path) -> str:
    pool = KernelPool(settings, folder)
    await pool.start()
    try:
        kernel = await pool.acquire("1g")
        return (await kernel.execute(_CODE)).logs
    finally:
        await pool.close()


def _limits(settings: EngineSettings) -> str:
    groups = ControlGroups.detect().parents if settings.cgroups else {}
    if {"memory", "pids"} <= groups.keys():
        return "Memory and processes are limited by control groups."
    return "No control group is writable: memory is limited per process."
