"""The bubblewrap sandbox: its command line, and why it can't work here when it can't."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from engine.errors_kernel import SandboxUnavailable

DATA_PATH = "/mnt/data"
CONNECTION_PATH = "/run/kernel"
HOME_PATH = "/home/lab"
KERNEL_MAIN = Path(__file__).with_name("kernel_main.py")
KERNEL_MAIN_PATH = "/run/kernel_main.py"

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = ("fonts", "alternatives", "ld.so.cache", "localtime", "mime.types")
_CACHES = ("/var/cache/fontconfig",)
_ACCOUNTS = {
    "passwd": f"lab:x:1000:1000:lab:{HOME_PATH}:/bin/sh\n",
    "group": "lab:x:1000:\n",
    "hosts": "127.0.0.1 localhost\n",
}
# Without `..`, which leads nowhere inside; not resolved, since a virtual environment's Python is a
# link that must stay in its place.
PYTHON = os.path.normpath(sys.executable)
_PROBE_SECONDS = 10

_DOCKER_HINT = (
    "In a Docker container the default seccomp profile forbids namespaces: start it with "
    "`--security-opt seccomp=unconfined --security-opt systempaths=unconfined`."
)
_UBUNTU_HINT = (
    "Ubuntu 23.10 and later restrict user namespaces by AppArmor: install a profile for bwrap "
    "(package apparmor-profiles, `bwrap-userns-restrict`) or run "
    "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
)
_SYSCTL_HINT = (
    "User namespaces are switched off: `sysctl kernel.unprivileged_userns_clone=1 "
    "user.max_user_namespaces=15000`."
)
_OTHERWISE = (
    "ENGINE_SANDBOX=none runs code unconfined, as your own user: only for people you trust fully."
)
_UNCONFINED = (
    "ENGINE_SANDBOX=none: code runs UNCONFINED, as the server's own user, with its network and "
    "files. Only for people you trust fully."
)


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one kernel on the host.

    `data_dir` becomes `/mnt/data`, `connection_dir` `/run/kernel`; `accounts_dir` holds what
    stands for `/etc/passwd`; `hidden_dir` is the engine's data folder, which must never show, not
    even where it lies within the interpreter's own.
    """

    data_dir: Path
    connection_dir: Path
    accounts_dir: Path
    hidden_dir: Path


def write_accounts(folder: Path) -> None:
    """Write the `/etc/passwd`, `group` and `hosts` that code sees instead of the machine's."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _ACCOUNTS.items():
        (folder / name).write_text(text)


def kernel_environment(home: str) -> dict[str, str]:
    """The whole environment of a kernel: nothing of the server's is passed on."""
    threads = str(min(4, os.cpu_count() or 1))
    return {
        "HOME": home,
        "LANG": "C.UTF-8",
        "PATH": f"{Path(PYTHON).parent}:/usr/local/bin:/usr/bin:/bin",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "IPYTHONDIR": f"{home}/.ipython",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "PIP_NO_INDEX": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def bubblewrap_command(places: Places, *, tmp_bytes: int, info_fd: int) -> list[str]:
    """The command that confines what follows it.

    `tmp_bytes` caps each writable tmpfs; bubblewrap tells the sandbox's first process id on
    `info_fd`. It must itself be started with an empty environment, which `/proc/1/environ` would
    show to the code.
    """
    command = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns"]
    command += ["--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--hostname", "lab"]
    command += ["--die-with-parent", "--new-session", "--clearenv", "--info-fd", str(info_fd)]
    for path in (*_SYSTEM, *(f"/etc/{name}" for name in _ETC), *_CACHES):
        command += ["--ro-bind-try", path, path]
    for name in _ACCOUNTS:
        command += ["--ro-bind", str(places.accounts_dir / name), f"/etc/{name}"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/dev/shm", "/tmp", HOME_PATH):  # noqa: S108 - paths of the sandbox
        command += ["--size", str(tmp_bytes), "--tmpfs", path]
    for root in _interpreter_roots():
        command += ["--ro-bind", str(root), str(root)]
    roots = [*map(Path, _SYSTEM), *_interpreter_roots()]
    if any(places.hidden_dir.is_relative_to(root) for root in roots):
        command += ["--tmpfs", str(places.hidden_dir), "--remount-ro", str(places.hidden_dir)]
    command += ["--ro-bind", str(KERNEL_MAIN), KERNEL_MAIN_PATH]
    command += ["--bind", str(places.connection_dir), CONNECTION_PATH]
    command += ["--bind", str(places.data_dir), DATA_PATH]
    for path in ("/proc", "/dev", "/"):
        command += ["--remount-ro", path]
    for name, value in kernel_environment(HOME_PATH).items():
        command += ["--setenv", name, value]
    return [*command, "--chdir", DATA_PATH, "--"]


def _interpreter_roots() -> list[Path]:
    """The environment and the interpreter beneath it, also where a link stands for the latter."""
    prefixes = tuple(Path(os.path.normpath(prefix)) for prefix in (sys.prefix, sys.base_prefix))
    binary = Path(os.path.realpath(sys.executable)).parent.parent
    roots = dict.fromkeys([*prefixes, *(path.resolve() for path in prefixes), binary])
    return [root for root in roots if not any(root.is_relative_to(path) for path in _SYSTEM)]


def warn_unconfined() -> None:
    """Say in red on stderr, whatever is logged, that code runs unconfined."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(_UNCONFINED, style="bold red")


async def probe(command: list[str], info_fd: int) -> None:
    """Run `true` in the sandbox. Raises SandboxUnavailable with the reason and what helps."""
    if sys.platform != "linux":
        raise SandboxUnavailable(f"The sandbox needs Linux (bubblewrap). {_OTHERWISE}")
    if shutil.which("bwrap") is None:
        raise SandboxUnavailable(
            "bubblewrap is not installed: `apt-get install bubblewrap` (Fedora: `dnf install "
            f"bubblewrap`). {_OTHERWISE}"
        )
    process = await asyncio.create_subprocess_exec(
        *command,
        "/usr/bin/true",
        env={"PATH": os.defpath},
        pass_fds=(info_fd,),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            _, stderr = await process.communicate()
    except TimeoutError as e:
        process.kill()
        raise SandboxUnavailable("bubblewrap did not come back. " + _OTHERWISE) from e
    if process.returncode:
        raise SandboxUnavailable(explain(stderr.decode(errors="replace")))


def explain(stderr: str, root: Path = Path("/"), sysctl: Path = Path("/proc/sys")) -> str:
    """Why bubblewrap failed and what helps, from its message and the machine's switches."""
    said = stderr.strip().splitlines()[-1] if stderr.strip() else "bwrap failed silently"
    if "Unknown option" in said:
        hint = "bubblewrap 0.8 or later is needed."
    elif _read(sysctl / "kernel/apparmor_restrict_unprivileged_userns") == "1":
        hint = _UBUNTU_HINT
    elif (root / ".dockerenv").exists():
        hint = _DOCKER_HINT
    elif "0" in (
        _read(sysctl / "kernel/unprivileged_userns_clone"),
        _read(sysctl / "user/max_user_namespaces"),
    ):
        hint = _SYSCTL_HINT
    else:
        hint = "Namespaces are forbidden here, as in a container within a container."
    return f"The sandbox does not work here ({said}). {hint} {_OTHERWISE}"


def _read(path: Path) -> str | None:
    return path.read_text().strip() if path.exists() else None
