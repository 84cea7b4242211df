"""More than anybody plans for: wide, large, many at once; memory stays bounded and nobody stands still."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from faults.ticks import Ticks
from fix_faults import HANG, Measure
from fix_mariadb import MariaServer, running_mariadb
from fix_postgres import PostgresServer
from fix_window import Screen

from alveary import Kernel
from alveary.errors import ConnectionLostError, TooManyConnectionsError
from alveary.events import Outcome, SessionState
from alveary.runner import plan
from alveary.sessions import Session
from alveary.sqltext import SQLITE
from alveary_shell.widgets.code import Code

MB = 1 << 20
CELL = 64 * MB

PEAK = """
import sys
from alveary import Kernel
with Kernel.in_memory() as kernel, kernel.connect(sys.argv[1], record=False) as session:
    statement = session.execute(sys.argv[2])
    assert statement.wait(300), "it hangs"
    statement.check()
(most,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(most) * 1024)
"""


def peak(url: str, sql: str) -> int:
    """Return the most memory that a process of its own had while it ran a statement, in bytes."""
    done = subprocess.run([sys.executable, "-c", PEAK, url, sql], capture_output=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr.decode()
    return int(done.stdout)


@pytest.mark.parametrize(
    ("server", "sql", "most"),
    [
        ("postgres", "select repeat('x', {})", 3.5),
        ("postgres", "select convert_to(repeat('x', {}), 'utf8')", 6.5),  # which the server writes in hexadecimal
        ("mariadb", "select repeat('x', {})", 3.5),
        ("sqlite", "select cast(zeroblob({}) as text)", 2.5),
        ("sqlite", "select zeroblob({})", 2.5),
    ],
)
def test_a_large_cell_costs_a_few_times_its_size(
    request: pytest.FixtureRequest, server: str, sql: str, most: float, measured: Measure
) -> None:
    url = "sqlite:///:memory:"
    if server == "postgres":
        url = request.getfixturevalue("postgres_url")
    elif server == "mariadb":
        url = request.getfixturevalue("mariadb_url")
        mariadb: MariaServer = request.getfixturevalue("mariadb")
        mariadb.admin(f"set global max_allowed_packet = {1024 * MB}")
    times = (peak(url, sql.format(CELL)) - peak(url, sql.format(10))) / CELL
    measured(f"L02 memory of a cell of 64 MB ({server}: {sql}), in times its size", times)
    assert times < most


def test_what_a_server_says_a_million_times_is_bounded(postgres_url: str, measured: Measure) -> None:
    loop = "do $$ begin for i in 1..{} loop raise notice 'notice number %', i; end loop; end $$"
    more = peak(postgres_url, loop.format(300_000)) - peak(postgres_url, loop.format(2_000))
    measured("F40 memory of 300,000 notices over 2,000, in MB", more / MB)
    assert more < 30 * MB


def test_a_result_of_sixteen_hundred_columns(kernel: Kernel, postgres_url: str, mariadb_url: str) -> None:
    names = ", ".join(f"{n} as c{n}" for n in range(1600))
    for url in (postgres_url, mariadb_url):
        with kernel.connect(url) as session:
            result = session.run(f"select {names}")
            assert result is not None
            assert [len(row) for row in result.window(0, 1)] == [1600]


@pytest.fixture
def fifty(kernel: Kernel, postgres_url: str, mariadb_url: str) -> Iterator[list[tuple[Session, str]]]:
    """25 sessions on each server, and what lasts there."""
    with ExitStack() as stack:
        sessions = []
        for url, sleep in ((postgres_url, "select pg_sleep(600)"), (mariadb_url, "select sleep(600)")):
            sessions += [(stack.enter_context(kernel.connect(url)), sleep) for _ in range(25)]
        yield sessions


def threads(prefix: str) -> int:
    return sum(thread.name.startswith(prefix) for thread in threading.enumerate())


def test_fifty_queries_are_cancelled_at_once(fifty: list[tuple[Session, str]], measured: Measure) -> None:
    with Ticks() as ticks:
        statements = [session.execute(sleep) for session, sleep in fifty]
        deadline = time.monotonic() + HANG
        while not all(str(session.state) == "running" for session, _ in fifty):
            assert time.monotonic() < deadline
        started = time.monotonic()
        for statement in statements:
            statement.cancel()
        for statement in statements:
            assert statement.wait(HANG), "it hangs"
            assert statement.outcome is Outcome.CANCELLED, statement.error
        measured("L06 fifty cancels at once", time.monotonic() - started)
        assert all(session.run("select 1") is not None for session, _ in fifty)
    measured("L06 longest gap between ticks", ticks.longest)
    deadline = time.monotonic() + HANG
    while threads("alveary-cancel"):
        assert time.monotonic() < deadline, "a thread is left"


def test_a_script_of_a_hundred_thousand_statements_is_split_and_stops_where_it_fails(
    kernel: Kernel, tmp_path: Path, measured: Measure
) -> None:
    text = "".join(f"insert into spot values ({n}, '{'x' * 80}');\n" for n in range(100_000))
    started = time.monotonic()
    assert len(plan([text], SQLITE)) == 100_000
    measured(f"L08 splitting {len(text) / MB:.0f} MB of 100,000 statements", time.monotonic() - started)
    lines = text.splitlines(keepends=True)[:300]
    lines[200] = "insert into nowhere values (1);\n"
    script = tmp_path / "script.sql"
    script.write_text("create table spot (n int, x text);\n" + "".join(lines))
    report = kernel.run("query.run", {"target": f"sqlite:///{tmp_path}/spot.db?mode=rwc", "file": str(script)})
    assert (report.statements, report.failed, report.error.line) == (202, 1, 202)
    with kernel.connect(f"sqlite:///{tmp_path}/spot.db") as session:
        result = session.run("select count(*) from spot")
        assert result is not None
        assert result.window(0, 1) == [(200,)]


def test_one_line_of_five_megabytes(
    screen: Screen, frame: tk.Frame, tmp_path: Path, kernel: Kernel, measured: Measure
) -> None:
    line = f"select length('{'x' * 5 * MB}')"
    started = time.monotonic()
    (statement,) = plan([line], SQLITE)
    measured("L09 splitting a line of 5 MB", time.monotonic() - started)
    with kernel.connect("sqlite:///:memory:") as session:
        result = session.run(statement.sql)
        assert result is not None
        assert result.window(0, 1) == [(5 * MB,)]
    code = Code(frame, screen.theme, dialect=SQLITE)
    code.pack(fill="both", expand=True)
    longest = 0.0

    def pump(until: Callable[[], bool]) -> None:
        nonlocal longest
        deadline = time.monotonic() + HANG
        while not until():
            began = time.monotonic()
            screen.root.update()
            longest = max(longest, time.monotonic() - began)
            assert began < deadline, "it hangs"

    started = time.monotonic()
    code.load(line)
    longest = time.monotonic() - started
    pump(lambda: not code.loading)
    measured("L09 a line of 5 MB shown", time.monotonic() - started)
    code.go_to(len(line))
    code.text.focus_force()
    pump(lambda: code.text.focus_get() is code.text)
    code.text.event_generate("<Key>", keysym="semicolon")
    pump(lambda: len(code.content) > len(line))
    assert code.content == line + ";"
    measured("L09 the longest that the window waits with a line of 5 MB", longest)


# -- servers at their end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["postgres", "mariadb"])
def test_a_server_that_is_killed_and_comes_back_is_connected_to_anew(
    kernel: Kernel, request: pytest.FixtureRequest, server: str
) -> None:
    with ExitStack() as stack:
        if server == "postgres":
            postgres: PostgresServer = request.getfixturevalue("postgres")
            url = postgres.url()
            kill: Callable[[], object] = postgres.kill_and_start
        else:
            maria = stack.enter_context(running_mariadb())
            url, kill = maria.url("mysql"), maria.kill_and_start
        busy, idle = kernel.connect(url), kernel.connect(url)
        statement = busy.execute("select pg_sleep(600)" if server == "postgres" else "select sleep(600)")
        while busy.state is not SessionState.RUNNING:
            assert not statement.wait(0.01)
        kill()
        assert statement.wait(HANG)
        assert isinstance(statement.error, ConnectionLostError)
        deadline = time.monotonic() + HANG
        while str(idle.state) != "broken":
            assert time.monotonic() < deadline, "nobody noticed"
            time.sleep(0.01)
        with kernel.connect(url) as again:
            assert again.run("select 1") is not None
        for session in (busy, idle):
            session.close()


def test_where_a_server_takes_no_more_connections_the_catalog_says_so_once(
    kernel: Kernel, postgres: PostgresServer
) -> None:
    with postgres.database("connection limit 1") as name:
        postgres.psql("create role guest login")
        try:
            url = postgres.url(name, user="guest")
            with kernel.connect(url) as session:
                with pytest.raises(TooManyConnectionsError) as caught:
                    kernel.catalog(session).schemas()
                assert caught.value.hint
                assert session.run("select 1") is not None
                assert [schema for schema in session.catalog().schemas() if schema == "public"] == ["public"]
            deadline = time.monotonic() + HANG
            while postgres.psql(f"select 1 from pg_stat_activity where datname = '{name}'", "postgres", "-At"):
                assert time.monotonic() < deadline
            assert "public" in kernel.catalog(url).schemas()
            kernel.close()
        finally:
            postgres.psql("drop owned by guest; drop role guest")
