"""Fixtures with a real MariaDB: a private server from Debian's packages, started once, a fresh database for each test.

Without the programs the tests are skipped with a reason; under CI that is a failure. They are installed only by root,
and only under CI=true or ALVEARY_TEST_SERVERS=install.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from debian import require

from alveary.contracts.driver import Batch, BatchSize, Message
from alveary.contracts.target import Target
from alveary.contracts.values import Parameters, Row

if TYPE_CHECKING:
    from alveary_plugins.drivers.mysql.driver import MysqlConnection

USER, PASSWORD = "alveary", "s3cret-pässword"
HANG = 15.0
"""Seconds after which a wait that should take a moment counts as a hang."""
_START_SECONDS = 60.0
_PROGRAMS = ("mariadbd", "mariadb-install-db", "openssl")
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/bin"])


def _program(name: str) -> str:
    return shutil.which(name, path=_PATH) or name


def _require_programs() -> None:
    def missing() -> list[str]:
        return [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]

    require("MariaDB's server", lambda: bool(missing()), "mariadb-server", "openssl")


@dataclass
class MariaServer:
    """A private MariaDB server with TLS and one user, ``alveary``, who may do everything."""

    folder: Path
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)
    maker: MysqlConnection | None = field(default=None, repr=False)

    @property
    def socket(self) -> str:
        """The path of its socket."""
        return str(self.folder / "socket")

    @property
    def authority(self) -> str:
        """The file with the certificate that its own, for ``localhost``, is signed with."""
        return str(self.folder / "ca.pem")

    def target(self, database: str | None = None, *, read_only: bool = False, **changes: Any) -> Target:
        """Return the target that a database of this server is; ``changes`` are for fields and options."""
        fields: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "user": USER, "password": PASSWORD}
        fields.update({name: changes.pop(name) for name in [*fields] if name in changes})
        return Target(scheme="mysql", database=database, options=changes, read_only=read_only, **fields)

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"mysql://{USER}:s3cret-p%C3%A4ssword@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"test_{next(self.numbers)}"
        if self.maker is None:  # kept, for it takes a tenth of the time of starting the client
            root = self.target(user="root", password=None, unix_socket=self.socket)
            self.maker = open_connection(root)
        run(self.maker, f"create database {name} character set utf8mb4")
        return name

    @contextlib.contextmanager
    def guarded(self, user: str, password: str) -> Iterator[str]:
        """Make a user with a password, to be dropped at the end, and give the URL without it."""
        secret = password.replace("\\", "\\\\").replace("'", "\\'")
        self.admin(f"create user '{user}' identified by '{secret}'")
        try:
            yield f"mysql://{quote(user)}@127.0.0.1:{self.port}/information_schema"
        finally:
            self.admin(f"drop user '{user}'")

    def admin(self, sql: str) -> str:
        """Run SQL as root with the server's own client, and return what it prints."""
        client = [_program("mariadb"), "--no-defaults", "-uroot", "-S", self.socket, "-N", "-B", "--raw"]
        done = subprocess.run([*client, "--default-character-set=utf8mb4"], input=sql.encode(), capture_output=True,
                              timeout=HANG, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def start(self) -> None:
        """Make the server's files and start it."""
        owner = []
        if os.geteuid() == 0:
            owner = ["--user=mysql"]
            shutil.chown(self.folder, "mysql")
        data = f"--datadir={self.folder / 'data'}"
        # Its own: servers that start at once would use the same names in a shared one.
        temporary = self.folder / "tmp"
        temporary.mkdir()
        if owner:
            shutil.chown(temporary, "mysql")
        owner.append(f"--tmpdir={temporary}")
        _run([_program("mariadb-install-db"), "--no-defaults", *owner, data, "--skip-test-db",
              "--auth-root-authentication-method=normal"])  # fmt: skip
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        pem = {name: str(self.folder / name) for name in ("ca.key", "ca.pem", "server.key", "server.pem")}
        _run([_program("openssl"), "req", "-x509", *key, "-subj", "/CN=Alveary tests", "-keyout", pem["ca.key"],
              "-out", pem["ca.pem"]])  # fmt: skip
        _run([_program("openssl"), "req", "-x509", *key, *name, "-CA", pem["ca.pem"], "-CAkey", pem["ca.key"],
              "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", pem["server.key"],
              "-out", pem["server.pem"]])  # fmt: skip
        for file in pem.values():
            os.chmod(file, 0o644)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [_program("mariadbd"), "--no-defaults", *owner, data, f"--socket={self.socket}",
                   f"--port={self.port}", "--bind-address=127.0.0.1", f"--pid-file={self.folder / 'pid'}",
                   "--skip-name-resolve", "--skip-log-bin", "--innodb-buffer-pool-size=16M", "--max-connections=60",
                   "--innodb-flush-log-at-trx-commit=0", f"--ssl-cert={pem['server.pem']}",
                   f"--ssl-key={pem['server.key']}", f"--secure-file-priv={self.folder}",
                   *self.options]  # fmt: skip
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(AssertionError):
                # Anonymous users of this host would shadow ours.
                self.admin(
                    "delete from mysql.global_priv where user = ''; flush privileges;"
                    f"create user {USER} identified by '{PASSWORD}'; grant all on *.* to {USER} with grant option"
                )
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"MariaDB does not start: {(self.folder / 'log').read_text('utf-8', 'replace')[-2000:]}")
            threading.Event().wait(0.02)

    def kill_and_start(self) -> None:
        """Kill the server as the system would, and start it again; every connection is gone."""
        assert self.process is not None, "it runs"
        command = self.process.args
        self.stop()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(AssertionError):
                self.admin("select 1")
                return
            assert self.process.poll() is None
            assert time.monotonic() < deadline, (self.folder / "log").read_text("utf-8", "replace")[-2000:]
            threading.Event().wait(0.02)

    def stop(self) -> None:
        """End the server, at once: nothing in it is worth a tidy end."""
        if self.maker is not None:
            self.maker.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, timeout=_START_SECONDS, check=False)
    if done.returncode:
        pytest.fail(f"{command[0]} failed: {done.stderr.decode()[-2000:] or done.stdout.decode()[-2000:]}")


@contextlib.contextmanager
def running_mariadb(*options: str) -> Iterator[MariaServer]:
    """A server of its own for who wants to kill or misconfigure one."""
    _require_programs()
    # Not below pytest's own folder, into which the server's user may not look; and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="alveary-mariadb-"))
    folder.chmod(0o755)
    server = MariaServer(folder, options)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaServer]:
    """The server that all tests share."""
    with running_mariadb() as server:
        yield server


@pytest.fixture
def mariadb_database(mariadb: MariaServer) -> str:
    """The name of a fresh database; it goes with its server."""
    return mariadb.new_database()


@pytest.fixture
def mariadb_url(mariadb: MariaServer, mariadb_database: str) -> str:
    """The URL of a fresh database."""
    return mariadb.url(mariadb_database)


@pytest.fixture
def mariadb_connect(mariadb: MariaServer, mariadb_database: str) -> Iterator[Callable[..., MysqlConnection]]:
    """Connect to the fresh database, as often as wanted; what is still open at the end is closed."""
    opened: list[MysqlConnection] = []

    def connect(**changes: Any) -> MysqlConnection:
        target = mariadb.target(changes.pop("database", mariadb_database), **changes)
        opened.append(open_connection(target))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def open_connection(target: Target, timeout: float = HANG) -> MysqlConnection:
    """Return a new connection."""
    # Not above: the tests of everything else run without PyMySQL.
    from alveary_plugins.drivers.mysql.driver import MysqlDriver

    return MysqlDriver().connect(target, timeout=timeout)


def run(connection: MysqlConnection, sql: str, parameters: Parameters = None, *, size: int = 16) -> list[Message]:
    """Return all that a statement gives, in batches of ``size``."""
    batch = BatchSize()
    batch.rows = size
    return list(connection.execute(sql, parameters, batch=batch))


def rows(connection: MysqlConnection, sql: str, parameters: Parameters = None, *, size: int = 16) -> list[Row]:
    """Return the rows of a statement."""
    batches = (m.rows for m in run(connection, sql, parameters, size=size) if isinstance(m, Batch))
    return list(itertools.chain.from_iterable(batches))
