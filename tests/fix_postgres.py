"""PostgreSQL for tests: a private server of Debian's packages, started once per run, a fresh database for who asks.

Where the server's programs are missing they are installed, if that is allowed (as root, under CI=true or
ALVEARY_TEST_SERVERS=install); otherwise the tests that need them are skipped and say so. Under CI=true nothing is
skipped: a server that is missing there is a failure.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from debian import require

from alveary.contracts.target import Target

ACCOUNT = "postgres"
"""The system account that runs the server if the tests run as root, which the server refuses to."""
ROLE, PASSWORD = "keeper of bees", "S3cr%t p'w\\d é:/@"
"""A role that must give its password, each with characters that something on the way might stumble over."""

_SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 60
fsync = off
full_page_writes = off
synchronous_commit = off
autovacuum = off
shared_buffers = 32MB
lc_messages = 'C'
"""


@dataclass(frozen=True)
class PostgresServer:
    """A running private server; everybody but ``ROLE`` is trusted."""

    port: int
    folder: Path
    programs: Path
    _run: Callable[..., None] = field(repr=False)
    """Runs one of the server's programs on its data, as the account that may."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def kill_and_start(self) -> None:
        """Kill the server as the system would, and start it again; every connection is gone."""
        main = int((self.folder / "data" / "postmaster.pid").read_text().split("\n")[0])
        os.kill(main, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while True:  # it does not start as long as a process of the killed one has not noticed
            try:
                self.start()
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "start")

    def url(self, database: str = "postgres", *, user: str = "postgres", password: str | None = None) -> str:
        """Return the URL of a database over TCP."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql://{quote(user, safe='')}{secret}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def target(self, database: str = "postgres", **more: Any) -> Target:
        """Return a database as a driver is handed it."""
        place = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "database": database}
        return Target(scheme="postgresql", **{**place, **more})

    def psql(self, sql: str, database: str = "postgres", *options: str) -> bytes:
        """Return what psql writes for one command: the oracle of how the server itself puts it."""
        place = ["-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-d", database]
        return subprocess.run(
            [self.programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *place, *options, "-c", sql],
            check=True,
            capture_output=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            timeout=60,
        ).stdout

    @contextmanager
    def database(self, creation: str = "") -> Iterator[str]:
        """Make a new, empty database, to be dropped at the end, and give its name."""
        name = f"test_{next(self._numbers)}"
        self.psql(f"create database {name} {creation}")
        try:
            yield name
        finally:
            self.psql(f"drop database {name} with (force)")

    @contextmanager
    def guarded(self, user: str, password: str) -> Iterator[str]:
        """Make a user whom the server asks for a password, to be dropped at the end, and give the URL without it."""
        hba = self.folder / "data" / "pg_hba.conf"
        line, secret = f'host all "{user}" 127.0.0.1/32 scram-sha-256\n', password.replace("'", "''")
        self.psql(f"set password_encryption = 'scram-sha-256'; create role \"{user}\" login password '{secret}'")
        hba.write_text(line + hba.read_text())
        self.psql("select pg_reload_conf()")
        try:
            yield self.url(user=user)
        finally:
            hba.write_text(hba.read_text().replace(line, ""))
            self.psql(f'drop role "{user}"')


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="alveary-pg-"))
    as_account: tuple[str, ...] = ()
    if os.geteuid() == 0:
        shutil.chown(folder, ACCOUNT)
        as_account = ("runuser", "-u", ACCOUNT, "--")
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*as_account, str(programs / program), "-D", str(data), *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,  # the server would keep a pipe open
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        log = folder / "log"
        assert done.returncode == 0, done.stdout or (log.read_text() if log.exists() else program)

    try:
        run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        server = PostgresServer(_free_port(), folder, programs, run)
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(f"{_SETTINGS}port = {server.port}\nunix_socket_directories = '{folder}'\n")
        hba = data / "pg_hba.conf"
        hba.write_text(f'host all "{ROLE}" 127.0.0.1/32 scram-sha-256\n{hba.read_text()}')
        server.start()
        try:
            secret = PASSWORD.replace("'", "''")
            server.psql(f"set password_encryption = 'scram-sha-256'; create role \"{ROLE}\" login password '{secret}'")
            yield server
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a new, empty database."""
    with postgres.database() as name:
        yield postgres.url(name)


def _programs() -> Path:
    """Return the folder of the server's programs; skips or fails the test where there is none and can't be."""
    require("PostgreSQL's server", lambda: _found() is None, "postgresql")
    found = _found()
    assert found is not None, "what is required is there"
    return found


def _found() -> Path | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    initdb = str(debian[-1]) if debian else shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
