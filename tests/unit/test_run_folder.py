"""What a killed server left behind is cleared at the next start."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.run_folder import clear_stale_run_folders, make_run_folder

Sandbox = Callable[[Path], psutil.Popen]


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def ended_pid() -> int:
    """The id of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Starts a process that looks like a sandbox over a folder."""
    started: list[psutil.Popen] = []

    def start(folder: Path) -> psutil.Popen:
        words = ["bwrap", "-c", "read line", "--bind", str(folder / "kernel"), "/run/kernel"]
        started.append(psutil.Popen(words, executable="/bin/sh", stdin=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_stale_folder_goes_with_its_sandboxes(
    tmp_path: Path, ended_pid: int, sandbox: Sandbox
) -> None:
    """The folder of a killed server is removed, and a sandbox over it ended."""
    folder = tmp_path / f"threadlab-{ended_pid}-abc"
    (folder / "kernel").mkdir(parents=True)
    stray = sandbox(folder)

    clear_stale_run_folders()

    assert stray.wait(timeout=10) == -9
    assert not folder.exists()


def test_what_is_in_use_stays(tmp_path: Path, ended_pid: int, sandbox: Sandbox) -> None:
    """Folders and sandboxes of servers that run, and whatever else, are left alone."""
    stale = tmp_path / f"threadlab-{ended_pid}-abc"
    stale.mkdir()
    ours, foreign = make_run_folder(), tmp_path / "threadlab-doctor-abc"
    foreign.mkdir()
    running = [sandbox(ours), sandbox(foreign), sandbox(tmp_path)]

    clear_stale_run_folders()

    assert not stale.exists()
    assert ours.is_dir()
    assert foreign.is_dir()
    assert [process.poll() for process in running] == [None, None, None]


def test_only_sandboxes_are_ended(tmp_path: Path, ended_pid: int) -> None:
    """A program that merely names the folder, like a person's pager, lives on."""
    folder = tmp_path / f"threadlab-{ended_pid}-abc"
    folder.mkdir()
    words = ["/bin/sh", "-c", "read line", str(folder)]

    with subprocess.Popen(words, stdin=subprocess.PIPE) as pager:
        clear_stale_run_folders()

        assert pager.poll() is None
        assert not folder.exists()
