"""Private PostgreSQL and MariaDB servers with the data of the figures, each started when one first asks for it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sample

DATABASE, CATALOG, SMALL_CATALOG = "bench", "wide", "small"
"""The database with the large table ``t``; the schemas (on MariaDB databases) with many tables and with few."""
TABLES, FEW_TABLES = 10_000, 10
_START_SECONDS = 120.0
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/bin"])

_POSTGRES_SETTINGS = """
listen_addresses = '127.0.0.1'
fsync = off
full_page_writes = off
synchronous_commit = off
autovacuum = off
shared_buffers = 512MB
max_wal_size = 4GB
"""
_POSTGRES_TABLE = """create table t (
  id bigint primary key, account bigint, name text, amount numeric(12,2), created_at timestamptz,
  active boolean, score float8, born_on date, note text, attributes jsonb
)"""
_MARIADB_TABLE = """create table t (
  id bigint primary key, account bigint unsigned, name varchar(60), amount decimal(12,2), created_at datetime(6),
  active boolean, score double, born_on date, note text, attributes json
) character set utf8mb4"""
_COLUMNS = """(id bigint primary key, name varchar(40) not null, amount decimal(12,2) default 0, created date,
 active int default 1, score double precision, code char(8), note text, parent bigint, kind varchar(10) default 'x')"""


class ServerMissingError(Exception):
    """The server's programs or the driver's package are not on this machine; the text says what to install."""


@dataclass(frozen=True)
class Server:
    """A running server. ``client`` is its own client, connected once SQL is appended as the last word."""

    product: str
    version: str
    url: str
    port: int
    client: tuple[str, ...]

    def say(self, sql: str, *options: str, stdin: Path | None = None) -> str:
        """Return what the server's own client prints for ``sql``; SystemExit with its words if it fails."""
        with open(stdin or os.devnull, "rb") as given:
            command = [*self.client[:-1], *options, self.client[-1], sql]
            done = subprocess.run(command, stdin=given, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(f"bench: {self.product} says: {done.stderr.decode(errors='replace')[-2000:]}")
        return done.stdout.decode()


class Servers:
    """The servers of one run; use it in a ``with`` statement, which stops them."""

    def __init__(self, data: Path, rows: int) -> None:
        """Keep the rows in ``data``; the large tables have so many."""
        self._data = data
        self._rows = rows
        self._stack = contextlib.ExitStack()
        self._running: dict[str, Server] = {}
        self._catalogs: set[str] = set()

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def running(self) -> list[Server]:
        """The servers that were started so far."""
        return list(self._running.values())

    def postgres(self) -> Server:
        """Return PostgreSQL with the table ``t``; ServerMissingError without its programs or psycopg."""
        if "postgres" not in self._running:
            _require("psycopg", "alveary[postgres]")
            server = self._stack.enter_context(_postgres())
            self._running["postgres"] = server
            server.say(_POSTGRES_TABLE)
            server.say("copy t from stdin (format csv, null '\\N')", stdin=sample.csv_file(self._data, self._rows))
            server.say("vacuum (analyze, freeze) t")
        return self._running["postgres"]

    def mariadb(self) -> Server:
        """Return MariaDB with the table ``t``; ServerMissingError without its programs or PyMySQL."""
        if "mariadb" not in self._running:
            _require("pymysql", "alveary[mysql]")
            server = self._stack.enter_context(_mariadb())
            self._running["mariadb"] = server
            server.say(_MARIADB_TABLE)
            file = sample.csv_file(self._data, self._rows)
            server.say(
                f"load data local infile '{file}' into table t character set utf8mb4 "
                "fields terminated by ',' optionally enclosed by '\"'",
                "--local-infile",
            )
            server.say("analyze table t")
        return self._running["mariadb"]

    def with_catalog(self, server: Server) -> Server:
        """Return the server once it has the two schemas: with many tables of ten columns, and with few."""
        if server.product not in self._catalogs:
            print(f"making {TABLES:,} tables in {server.product} …", file=sys.stderr)
            for schema, count in ((CATALOG, TABLES), (SMALL_CATALOG, FEW_TABLES)):
                server.say(f"create schema {schema}")
                with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
                    for number in range(count):
                        script.write(f"create table {schema}.item_{number:05} {_COLUMNS};\n")
                    script.flush()
                    _fed(server, Path(script.name))
            if server.product == "PostgreSQL":
                server.say("vacuum analyze")
            self._catalogs.add(server.product)
        return server


def _require(package: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ServerMissingError(f"driver missing, pip install '{extra}'")


def _fed(server: Server, script: Path) -> None:
    with script.open("rb") as given:
        done = subprocess.run(server.client[:-1], stdin=given, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"bench: {server.product} says: {done.stderr.decode(errors='replace')[-2000:]}")


@contextlib.contextmanager
def _postgres() -> Iterator[Server]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    initdb = str(found[-1]) if found else shutil.which("initdb", path=_PATH)
    psql = shutil.which("psql", path=_PATH)
    if initdb is None or psql is None:
        raise ServerMissingError("server missing, install PostgreSQL (on Debian postgresql)")
    programs = Path(initdb).resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="alveary-bench-"))
    as_account: tuple[str, ...] = ()
    if os.geteuid() == 0:  # as whom the server refuses to run
        shutil.chown(folder, "postgres")
        as_account = ("runuser", "-u", "postgres", "--")
    data, port = folder / "data", _free_port()

    def run(program: str, *arguments: str) -> None:
        _run([*as_account, str(programs / program), "-D", str(data), *arguments], folder)

    try:
        print("starting PostgreSQL …", file=sys.stderr)
        run("initdb", "-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(f"{_POSTGRES_SETTINGS}port = {port}\nunix_socket_directories = '{folder}'\n")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "start")
        try:
            place = ("-h", "127.0.0.1", "-p", str(port), "-U", "bench", "-d")
            made = Server("PostgreSQL", "", "", port, (psql, "-X", "-q", *place, "postgres", "-c"))
            made.say(f"create database {DATABASE}")
            version = made.say("show server_version", "-At").split()[0]
            url = f"postgresql://bench@127.0.0.1:{port}/{DATABASE}"
            yield Server("PostgreSQL", version, url, port, (psql, "-X", "-q", *place, DATABASE, "-c"))
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _mariadb() -> Iterator[Server]:
    programs = {name: shutil.which(name, path=_PATH) for name in ("mariadbd", "mariadb-install-db", "mariadb")}
    if None in programs.values():
        raise ServerMissingError("server missing, install MariaDB (on Debian mariadb-server)")
    server, install, client = (str(program) for program in programs.values())
    folder = Path(tempfile.mkdtemp(prefix="alveary-bench-"))
    folder.chmod(0o755)
    owner = []
    if os.geteuid() == 0:
        owner = ["--user=mysql"]
        shutil.chown(folder, "mysql")
    data, path, port = f"--datadir={folder / 'data'}", folder / "socket", _free_port()
    process = None
    try:
        print("starting MariaDB …", file=sys.stderr)
        temporary = folder / "tmp"  # a server that starts deletes other servers' files from a folder they share
        temporary.mkdir()
        temporary.chmod(0o777)
        _run([install, "--no-defaults", *owner, data, "--skip-test-db", "--auth-root-authentication-method=normal"])
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [server, "--no-defaults", *owner, data, f"--socket={path}", f"--port={port}", "--local-infile=1",
                 "--bind-address=127.0.0.1", f"--pid-file={folder / 'pid'}", "--skip-name-resolve", "--skip-log-bin",
                 f"--tmpdir={temporary}",
                 "--innodb-buffer-pool-size=1G", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        _wait_for(path, process, folder / "log")
        root = Server("MariaDB", "", "", port, (client, "--no-defaults", "-uroot", f"--socket={path}", "-e"))
        # Anonymous users of this host would shadow ours.
        root.say(
            "delete from mysql.global_priv where user = ''; flush privileges;"
            f"create user bench; grant all on *.* to bench; create database {DATABASE} character set utf8mb4"
        )
        version = root.say("select version()", "-NB").split("-")[0]
        place = (
            "--no-defaults",
            "-h127.0.0.1",
            f"-P{port}",
            "-ubench",
            f"-D{DATABASE}",
            "--default-character-set=utf8mb4",
        )
        yield Server("MariaDB", version, f"mysql://bench@127.0.0.1:{port}/{DATABASE}", port, (client, *place, "-e"))
    finally:
        if process is not None:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"bench: MariaDB does not start: {log.read_text('utf-8', 'replace')[-2000:]}")
        threading.Event().wait(0.05)


def _run(command: Sequence[str], folder: Path | None = None) -> None:
    # The server that a command leaves behind would keep a pipe open.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False)
        if done.returncode:
            said.seek(0)
            raise SystemExit(f"bench: {' '.join(command)}\n{said.read().decode(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
