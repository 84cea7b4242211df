"""``alveary query`` on real PostgreSQL and MariaDB: what is left on the server and on the disk when things go wrong."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fix_faults import Line
from fix_mariadb import MariaServer
from fix_postgres import PASSWORD, ROLE, PostgresServer

Alveary = Callable[..., Any]
Start = Callable[..., subprocess.Popen[bytes]]
HANG = 30
"""Seconds after which a wait that should take a moment counts as a hang."""
SECRET = "wr0ng/%41:@zwölf"


@dataclass(frozen=True)
class Server:
    """A real server, how its own SQL says what these tests need, and how it tells what runs."""

    url: str
    """Of a database with a table ``t`` of 1,000 rows."""
    sleep: str
    rows: str
    """A query whose rows never end."""
    ask: Callable[[str], str]
    """Runs SQL as the server's owner, by the server's own client."""
    running: str
    """A query for the ids of what runs, given a piece of its text."""
    kill: str
    forbidden: str
    """A URL whose password is wrong: ``SECRET``."""
    limited: str
    """The URL, with a limit of a tenth of a second for each statement, kept by the server."""

    def ids(self, piece: str) -> list[str]:
        """Return the ids of the connections that run a statement with this piece of text."""
        return self.ask(self.running.format(piece=piece.replace("'", "''"))).split()

    def until(self, piece: str, count: int) -> list[str]:
        """Wait until so many connections run such a statement, and return their ids."""
        deadline = time.monotonic() + HANG
        while len(found := self.ids(piece)) != count:
            assert time.monotonic() < deadline, found
        return found


@pytest.fixture(scope="module", params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        with postgres.database() as name:
            postgres.psql("create table t as select n as id, 'row ' || n as name from generate_series(1, 1000) n", name)
            yield Server(
                url=postgres.url(name),
                sleep="select pg_sleep(60)",
                rows="select generate_series(1, 1000000000) as n",
                ask=lambda sql: postgres.psql(sql, "postgres", "-At").decode(),
                running=f"select pid from pg_stat_activity where datname = '{name}' and state = 'active' "
                "and query like '%{piece}%'",
                kill="select pg_terminate_backend({id})",
                forbidden=postgres.url(name, user=ROLE, password=SECRET),
                limited=f"{postgres.url(name)}?statement_timeout=100ms",
            )
        return
    mariadb: MariaServer = request.getfixturevalue("mariadb")
    name = mariadb.new_database()
    mariadb.admin(f"create table {name}.t as select seq as id, concat('row ', seq) as name from {name}.seq_1_to_1000")
    url = mariadb.url(name)
    yield Server(
        url=url,
        sleep="select sleep(60)",
        rows="select a.seq as n from seq_1_to_1000000 a, seq_1_to_1000000 b",
        ask=mariadb.admin,
        running=f"select id from information_schema.processlist where db = '{name}' and info like '%{{piece}}%'",
        kill="kill {id}",
        forbidden=url.replace("s3cret-p%C3%A4ssword", quote(SECRET, safe="")),
        limited=f"{url}?max_statement_time=0.1",
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start ``alveary query …``; what is left of it at the end is killed."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "alveary", "query", *arguments]
        processes.append(
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=tmp_path
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Return the exit status and what was said on standard error."""
    _, err = process.communicate(timeout=HANG)
    assert b"Traceback" not in err
    return process.returncode, err.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_running_on_the_server(server: Server, start: Start, number: signal.Signals) -> None:
    process = start(server.url, server.sleep)
    server.until(server.sleep, 1)
    process.send_signal(number)
    status, err = ended(process)
    assert status == (130 if number == signal.SIGINT else -number)
    assert number == signal.SIGTERM or "query_cancelled" in err
    server.until(server.sleep, 0)


def test_ctrl_c_while_rows_are_written_leaves_no_file_and_nothing_running(
    server: Server, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "out.csv").write_text("old")
    process = start(server.url, server.rows, "--format", "csv", "-o", "out.csv")
    parts: list[Path] = []
    while not any(part.stat().st_size for part in parts):
        assert process.poll() is None
        parts = list(tmp_path.glob(".*.part"))
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir() if path.is_file()] == [("out.csv", "old")]
    server.until(server.rows, 0)


def test_a_server_that_goes_in_the_middle_leaves_no_file(server: Server, start: Start, tmp_path: Path) -> None:
    process = start(server.url, server.rows, "--format", "csv", "-o", "out.csv")
    while not any(part.stat().st_size for part in tmp_path.glob(".*.part")):
        assert process.poll() is None
    (connection,) = server.until(server.rows, 1)
    server.ask(server.kill.format(id=connection))
    status, err = ended(process)
    assert (status, "connection_lost" in err) == (3, True)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_timeout_of_ours_and_one_of_the_servers(server: Server, alveary: Alveary) -> None:
    for ran in (alveary("query", server.url, server.sleep, "--timeout", "0.3"),
                alveary("query", server.limited, server.sleep)):  # fmt: skip
        assert (ran.status, "query_timeout" in ran.err) == (4, True), ran.err
    server.until(server.sleep, 0)


def test_a_wrong_password_is_told_and_never_repeated(server: Server, alveary: Alveary) -> None:
    ran = alveary("query", server.forbidden, "select 1")
    assert (ran.status, "authentication_failed" in ran.err) == (3, True), ran.err
    for secret in (SECRET, quote(SECRET, safe=""), PASSWORD, "zwölf", "wr0ng"):
        assert secret not in ran.out + ran.err


def test_an_unknown_database_is_told(server: Server, alveary: Alveary) -> None:
    place, _, name = server.url.rpartition("/")
    ran = alveary("query", f"{place}/no_{name}", "select 1")
    assert (ran.status, "database_not_found" in ran.err) == (3, True), ran.err


def test_a_port_nobody_listens_at_is_told_at_once(server: Server, alveary: Alveary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    scheme = server.url.partition(":")[0]
    ran = alveary("query", f"{scheme}://u:{quote(SECRET, safe='')}@127.0.0.1:{port}/d", "select 1")
    assert (ran.status, "connection_failed" in ran.err) == (3, True), ran.err
    assert "zwölf" not in ran.err


def test_a_server_that_never_answers_costs_no_more_than_ten_seconds(server: Server, alveary: Alveary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        scheme, port = server.url.partition(":")[0], silent.getsockname()[1]
        began = time.monotonic()
        ran = alveary("query", f"{scheme}://u:p@127.0.0.1:{port}/d", "select 1")
        assert (ran.status, "connection_timeout" in ran.err) == (3, True), ran.err
        assert time.monotonic() - began < 20


def test_ctrl_c_ends_the_wait_for_a_server_that_never_answers(server: Server, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        scheme, port = server.url.partition(":")[0], silent.getsockname()[1]
        process = start(f"{scheme}://u:p@127.0.0.1:{port}/d", "select 1")
        silent.settimeout(HANG)
        taken, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert ended(process)[0] == 130
        assert time.monotonic() - began < 8
        taken.close()


def test_a_cancel_that_nobody_answers_is_told_step_by_step_and_is_what_was_asked_for(line: Line, start: Start) -> None:
    interrupted = start(line.url, line.sleep.format(600))
    out_of_time = start(line.url, line.sleep.format(600), "--timeout", "8")
    line.wait_running(2)
    line.proxy.swallow()
    interrupted.send_signal(signal.SIGINT)
    for process, expected, code in ((interrupted, 130, "connection_lost"), (out_of_time, 4, "query_timeout")):
        status, err = ended(process)
        assert status == expected, err
        assert code in err
        steps = ("the server is asked to stop", "no answer: the connection is shut", "so the connection was shut")
        assert [err.find(step) for step in steps] == sorted(err.find(step) for step in steps if step in err), err
        assert "no transaction was open" in err
        assert re.search(r"^cancel, \d+\.\d s: no answer", err, re.MULTILINE)


def test_what_came_before_an_error_of_a_script_stays_and_what_follows_is_not_run(
    server: Server, alveary: Alveary
) -> None:
    script = "create table made (a int); insert into made values (1); selekt; insert into made values (2);"
    ran = alveary("query", server.url, script, "--format", "csv")
    assert (ran.status, "syntax_error" in ran.err) == (1, True)
    ran = alveary("query", server.url, "select a from made; drop table made", "--format", "csv", "--no-header")
    assert (ran.status, ran.out) == (0, "1\n"), ran.err


def test_leaving_early_by_a_limit_leaves_nothing_running(server: Server, alveary: Alveary) -> None:
    ran = alveary("query", server.url, server.rows, "--limit", "10", "--format", "csv", "--no-header")
    assert (ran.status, len(ran.out.split())) == (0, 10), ran.err
    server.until(server.rows, 0)


def test_a_table_by_name_and_what_it_holds(server: Server, alveary: Alveary, tmp_path: Path) -> None:
    ran = alveary("query", server.url, "--table", "t", "--format", "csv", "-o", "t.csv")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0] == "id,name"
    assert sorted(lines[1:]) == sorted(f"{n},row {n}" for n in range(1, 1001))


# -- what only PostgreSQL has ---------------------------------------------------------------------------------------


def test_a_csv_file_is_the_one_copy_writes(postgres: PostgresServer, alveary: Alveary, tmp_path: Path) -> None:
    sql = """select n, case n % 3 when 0 then null when 1 then '' else 'a,"b"' end as "x, y",
                    array[n, null], now() - now(), e'line\\nfeed', '\\.'::text
               from generate_series(1, 500) as n"""
    ran = alveary("query", postgres.url(), sql, "--format", "csv", "-o", "ours.csv")
    assert ran.status == 0, ran.err
    postgres.psql(f"\\copy ({' '.join(sql.split())}) to '{tmp_path / 'copy.csv'}' csv header")
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "copy.csv").read_bytes()
