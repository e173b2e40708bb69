"""The sandbox's command line and the sentence that says why it can't work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.sandbox import Places, bubblewrap_command, explain, kernel_environment

PLACES = Places(
    data_dir=Path("/srv/engine/containers/a"),
    connection_dir=Path("/tmp/run/a"),
    accounts_dir=Path("/tmp/run/etc"),
    hidden_dir=Path("/srv/engine"),
)


def binds(command: list[str], kind: str) -> list[str]:
    return [command[i + 1] for i, word in enumerate(command) if word.startswith(kind)]


def test_only_two_folders_are_writable() -> None:
    """The container's files and the sockets' folder are bound read-write, nothing else."""
    command = bubblewrap_command(PLACES, tmp_bytes=1, info_fd=9)

    writable = [command[i + 1 : i + 3] for i, word in enumerate(command) if word == "--bind"]
    assert sorted(writable) == [
        ["/srv/engine/containers/a", "/mnt/data"],
        ["/tmp/run/a", "/run/kernel"],
    ]


def test_checkout_is_not_bound() -> None:
    """Of the project only the file that starts the kernel is bound."""
    command = bubblewrap_command(PLACES, tmp_bytes=1, info_fd=9)

    repo = Path(__file__).parents[2]
    inside = [Path(path) for path in binds(command, "--ro-bind") if Path(path).is_relative_to(repo)]
    prefix = Path(sys.prefix)
    assert repo not in inside
    assert [path for path in inside if not path.is_relative_to(prefix)] == [
        repo / "engine" / "kernel_main.py"
    ]


def test_every_tmpfs_has_a_size() -> None:
    """No folder in memory is without a bound, and the roots are read-only."""
    command = bubblewrap_command(PLACES, tmp_bytes=4096, info_fd=9)

    for i, word in enumerate(command):
        if word == "--tmpfs":
            assert command[i - 2 : i] == ["--size", "4096"]
    assert binds(command, "--remount-ro") == ["/proc", "/dev", "/"]


def test_data_folder_within_the_interpreter_is_covered() -> None:
    """An engine's folder that a bind would show is covered by an empty one."""
    hidden = Path(sys.prefix) / "share" / "lab"
    places = Places(hidden / "a", PLACES.connection_dir, PLACES.accounts_dir, hidden)

    command = bubblewrap_command(places, tmp_bytes=1, info_fd=9)

    covered = len(command) - command[::-1].index(str(hidden)) - 1
    assert command[covered - 1 : covered + 1] == ["--remount-ro", str(hidden)]
    assert covered < command.index("/mnt/data")


def test_environment_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the server's environment reaches the kernel."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("LD_PRELOAD", "evil.so")

    environment = kernel_environment("/home/lab")

    assert environment.keys().isdisjoint({"OPENAI_API_KEY", "LD_PRELOAD"})
    assert environment["HOME"] == "/home/lab"


@pytest.mark.parametrize(
    ("switch", "value", "words"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor"),
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "max_user_namespaces"),
        (".dockerenv", "", "seccomp=unconfined"),
        ("nothing", "", "Namespaces are forbidden"),
    ],
)
def test_reason_is_named(tmp_path: Path, switch: str, value: str, words: str) -> None:
    """The sentence tells what bubblewrap said, why, what helps and the way without."""
    (tmp_path / switch).parent.mkdir(exist_ok=True)
    (tmp_path / switch).write_text(value)

    sentence = explain("bwrap: No permissions\n", root=tmp_path, sysctl=tmp_path)

    assert "bwrap: No permissions" in sentence
    assert words in sentence
    assert "ENGINE_SANDBOX=none" in sentence


def test_old_bubblewrap_is_named(tmp_path: Path) -> None:
    """A bubblewrap that lacks an option is called too old."""
    sentence = explain("bwrap: Unknown option --disable-userns", root=tmp_path, sysctl=tmp_path)

    assert "0.8 or later" in sentence
