"""Finding and writing control groups, on copies of what the kernel shows."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from engine.confinement import ControlGroup, ControlGroups, tier_bytes


def machine(root: Path, *, groups: str, mounts: list[tuple[Path, str, str]]) -> Path:
    """A `/proc/self` that tells of the given groups and mounts."""
    proc = root / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(groups)
    lines = [
        f"30 20 0:{i} / {mount} rw - {kind} {kind} {options}\n"
        for i, (mount, kind, options) in enumerate(mounts)
    ]
    (proc / "mountinfo").write_text("".join(lines) + "31 20 0:9 / / rw - ext4 /dev/vda rw\n")
    return proc


def version2(root: Path, *, enabled: str) -> tuple[Path, Path]:
    own = root / "fs" / "unit"
    own.mkdir(parents=True)
    (own / "cgroup.controllers").write_text("cpu memory pids\n")
    (own / "cgroup.subtree_control").write_text(enabled)
    proc = machine(root, groups="0::/unit\n", mounts=[(root / "fs", "cgroup2", "rw")])
    return proc, own


def test_version_2_is_found(tmp_path: Path) -> None:
    """With version 2 both limits live in one group beneath the server's own."""
    proc, own = version2(tmp_path, enabled="memory pids\n")

    found = ControlGroups.detect(proc)
    group = found.create("k1")

    assert found.parents == {"memory": own, "pids": own}
    assert group.joins == [str(own / f"threadlab.{os.getpid()}.k1" / "cgroup.procs")]


def test_version_1_is_found(tmp_path: Path) -> None:
    """With version 1 each controller has its own hierarchy and its own path."""
    (tmp_path / "mem" / "box").mkdir(parents=True)
    (tmp_path / "pids").mkdir()
    mounts = [(tmp_path / "mem", "cgroup", "rw,memory"), (tmp_path / "pids", "cgroup", "rw,pids")]
    proc = machine(tmp_path, groups="4:memory:/box\n8:pids:/\n0::/\n", mounts=mounts)

    found = ControlGroups.detect(proc)

    assert found.parents == {"memory": tmp_path / "mem" / "box", "pids": tmp_path / "pids"}


def test_none_is_a_valid_answer(tmp_path: Path) -> None:
    """Where nothing is mounted every method does nothing."""
    proc = machine(tmp_path, groups="0::/\n", mounts=[])

    group = ControlGroups.detect(proc).create("k1")
    group.limit_memory(1)
    group.limit_processes(1)

    assert (group.joins, group.pids(), group.memory_kills()) == ([], [], 0)


@pytest.mark.parametrize(
    ("limit", "swap", "events"),
    [
        ("memory.max", "memory.swap.max", "memory.events"),
        ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control"),
    ],
)
def test_memory_is_limited(tmp_path: Path, limit: str, swap: str, events: str) -> None:
    """Memory and swap are limited together, and kills are counted, in both versions."""
    for name in (limit, swap):
        (tmp_path / name).write_text("max")
    (tmp_path / events).write_text("oom 9\noom_kill 3\n")
    group = ControlGroup({"memory": tmp_path})

    group.limit_memory(1024**3)

    assert int((tmp_path / limit).read_text()) >= 1024**3
    assert (tmp_path / swap).read_text() != "max"
    assert group.memory_kills() == 3


def test_stale_groups_are_removed(tmp_path: Path) -> None:
    """Groups of a server that is gone are removed, those of a living one stay."""
    alive, gone = tmp_path / f"threadlab.{os.getpid()}.a", tmp_path / "threadlab.99999999.b"
    alive.mkdir()
    gone.mkdir()

    ControlGroups({"memory": tmp_path, "pids": tmp_path}).remove_stale()

    assert alive.exists()
    assert not gone.exists()


def test_tiers() -> None:
    """A tier is its gigabytes, or the machine's memory where that is less; others are unknown."""
    total = psutil.virtual_memory().total

    assert tier_bytes("1g") == min(1024**3, total)
    assert tier_bytes("64g") == min(64 * 1024**3, total)
    with pytest.raises(KeyError):
        tier_bytes("2g")
