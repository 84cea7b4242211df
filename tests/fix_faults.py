"""Fixtures of the rig: a server behind a proxy that breaks the line, a small disk, and where measured figures go."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.proxy import Proxy
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

HANG = 15.0
"""Seconds after which a wait that should take a moment counts as a hang."""

Measure = Callable[[str, float], None]


def until(ready: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + HANG
    while not ready():
        assert time.monotonic() < deadline, "what the test waits for did not come about"
        time.sleep(0.01)


@dataclass(frozen=True)
class Line:
    """A server behind a proxy, and how its own SQL says what these tests need."""

    name: str
    proxy: Proxy
    url: str
    """Leads through the proxy, without TLS, to an empty database."""
    straight: str
    """Leads to the same database past the proxy."""
    rows: str
    """A query of so many rows ``n``, 1 and up."""
    sleep: str
    """A statement that sleeps for so many seconds."""
    ask: Callable[[str], str]
    """Runs SQL in the database by the server's own client, past the proxy."""
    listing: str
    """A query for the number of our statements that run."""
    end_all: Callable[[], object]
    """Has the server end all our connections to the database."""

    def wait_running(self, count: int) -> None:
        """Wait until so many statements of ours run, as the server says."""
        deadline = time.monotonic() + HANG
        while int(self.ask(self.listing)) != count:
            assert time.monotonic() < deadline, self.ask(self.listing)


def through_postgres(postgres: PostgresServer, database: str, proxy: Proxy) -> Line:
    """Return the line to a database."""
    here = f"datname = '{database}' and application_name = 'alveary'"
    return Line(
        name="postgres",
        proxy=proxy,
        url=f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}?sslmode=disable",
        straight=postgres.url(database),
        rows="select generate_series(1, {}) as n",
        sleep="select pg_sleep({})",
        ask=lambda sql: postgres.psql(sql, database, "-At").decode().strip(),
        listing=f"select count(*) from pg_stat_activity where {here} and state = 'active'",
        end_all=lambda: postgres.psql(f"select pg_terminate_backend(pid) from pg_stat_activity where {here}"),
    )


def through_mariadb(mariadb: MariaServer, database: str, proxy: Proxy) -> Line:
    """Return the line to a database."""
    here = f"from information_schema.processlist where db = '{database}' and id <> connection_id()"
    straight = mariadb.url(database)

    def ask(sql: str) -> str:
        return mariadb.admin(f"use {database}; {sql}").strip()

    return Line(
        name="mariadb",
        proxy=proxy,
        url=straight.replace(f":{mariadb.port}/", f":{proxy.port}/") + "?ssl_mode=disabled",
        straight=straight,
        rows="select seq as n from seq_1_to_{}",
        sleep="select sleep({})",
        ask=ask,
        listing=f"select count(*) {here} and command = 'Query'",
        end_all=lambda: ask("; ".join(f"kill {id}" for id in ask(f"select id {here}").split())),
    )


@pytest.fixture(params=["postgres", "mariadb"])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    """Each server in turn, with a new database, behind a proxy."""
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        with postgres.database() as database, Proxy(postgres.port) as proxy:
            yield through_postgres(postgres, database, proxy)
    else:
        mariadb: MariaServer = request.getfixturevalue("mariadb")
        with Proxy(mariadb.port) as proxy:
            yield through_mariadb(mariadb, mariadb.new_database(), proxy)


@pytest.fixture
def measured() -> Measure:
    """Take a figure, in seconds, that docs/reliability.md shows; it is added to the file ALVEARY_MEASURED names."""

    def measured(what: str, seconds: float) -> None:
        if (file := os.environ.get("ALVEARY_MEASURED")) is not None:
            with open(file, "a") as figures:
                figures.write(f"{what}\t{seconds:.3f}\n")

    return measured


@dataclass(frozen=True)
class Disk:
    """A file system of its own that is full when a test says so."""

    path: Path

    def fill(self) -> None:
        """Leave not a single byte free."""
        with open(self.path / "filler", "ab", buffering=0) as filler:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        filler.write(b"\0" * size)
                except OSError:
                    continue

    def free(self) -> None:
        """Make room again."""
        (self.path / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of two megabytes; skipped where none can be mounted, which takes root."""
    path = tmp_path / "disk"
    path.mkdir()
    options = ["-t", "tmpfs", "-o", "size=2m,mode=700", "alveary-tests", str(path)]
    done = subprocess.run(["mount", *options], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
