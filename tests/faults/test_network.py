"""Lines that break, fall silent or crawl between a session and its server: bounded, said, and nothing is made up."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.proxy import Proxy
from faults.ticks import Ticks
from fix_faults import HANG, Line, Measure, through_mariadb, through_postgres
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

from alveary import Kernel
from alveary.errors import AlvearyError, ConnectionLostError
from alveary.events import Outcome, SessionState
from alveary.kernel import HostKind
from alveary.sessions import Session
from alveary.statements import Statement

ROWS = 20_000
WAYS = ("reset", "cut", "half_close")


def begun(statement: Statement) -> None:
    """Wait until the first rows are there."""
    deadline = time.monotonic() + HANG
    while not statement.rows:
        assert statement.outcome is None, statement.error
        assert time.monotonic() < deadline, "it hangs"
        statement.wait(0.01)


def texts(statement: Statement) -> list[str]:
    """Return the stored cells of a result of one column."""
    return [] if statement.result is None else [str(cell) for (cell,) in statement.result.cells()]


@pytest.mark.parametrize("how", WAYS)
def test_a_result_that_breaks_off_anywhere_keeps_its_rows_and_is_never_whole(
    kernel: Kernel, line: Line, how: str
) -> None:
    sql = line.rows.format(ROWS)
    with kernel.connect(line.url) as session:
        before = line.proxy.sent
        assert session.run(sql) is not None
        size = line.proxy.sent - before
    for after in (1, 5, 9, 30, 77, 1000, size // 3, size // 2, size - 40, size - 9, size - 1):
        session = kernel.connect(line.url)
        getattr(line.proxy, how)(after)
        statement = session.execute(sql)
        assert statement.wait(HANG), "it hangs"
        assert statement.outcome is Outcome.FAILED
        assert isinstance(statement.error, ConnectionLostError)
        assert session.state is SessionState.BROKEN
        assert statement.rows < ROWS or after >= size - 40  # all rows may be there, but not the word that it is all
        assert texts(statement) == [str(n) for n in range(1, statement.rows + 1)]
        session.close()


@pytest.mark.parametrize("how", WAYS)
def test_a_file_is_not_made_of_half_a_result(kernel: Kernel, line: Line, how: str, tmp_path: Path) -> None:
    output = tmp_path / "rows.csv"
    output.write_text("what stood there before")
    parameters = {"target": line.url, "sql": [line.rows.format(ROWS)], "format": "csv", "output": str(output)}
    for after in (2_000, 50_000, 150_000):
        getattr(line.proxy, how)(after)
        report = kernel.run("query.run", parameters)
        assert report.error.code == "connection_lost"
        assert report.exit_status != 0
        assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["rows.csv"]
        assert output.read_text() == "what stood there before"


def test_a_line_that_breaks_while_connecting_is_a_failed_connection(kernel: Kernel, line: Line) -> None:
    before = line.proxy.sent
    kernel.connect(line.url).close()
    size = line.proxy.sent - before
    for how in WAYS:
        for after in (1, size // 3, size - 2):
            getattr(line.proxy, how)(after)
            started = time.monotonic()
            with pytest.raises(AlvearyError) as caught:
                kernel.connect(line.url, timeout=2)
            assert caught.value.exit_status == 3
            assert time.monotonic() - started < HANG
    line.proxy.mend()
    kernel.connect(line.url).close()


def test_a_silent_server_is_left_by_cancel_by_disconnect_and_by_the_end_of_the_program(
    kernel: Kernel, postgres: PostgresServer, mariadb: MariaServer, measured: Measure
) -> None:
    hosts: tuple[HostKind, ...] = ("thread", "process")
    with postgres.database() as name, Proxy(postgres.port) as first, Proxy(mariadb.port) as second:
        lines = [through_postgres(postgres, name, first), through_mariadb(mariadb, mariadb.new_database(), second)]

        def opened() -> list[tuple[Session, Statement]]:
            sessions = [(line, kernel.connect(line.url, host=host)) for line in lines for host in hosts]
            return [(session, session.execute(line.sleep.format(600))) for line, session in sessions]

        cancelled, closed, left = opened(), opened(), opened()
        for line in lines:
            line.wait_running(6)
            line.proxy.swallow()
        with Ticks() as ticks:
            for session, statement in closed:
                started = time.monotonic()
                session.close()
                measured(f"F05 disconnect from a silent server ({session.driver.id})", time.monotonic() - started)
                assert time.monotonic() - started < HANG
                assert statement.outcome is not None
                assert session.state in (SessionState.BROKEN, SessionState.CLOSED)
            started = time.monotonic()
            for _, statement in cancelled:
                statement.cancel()
            for session, statement in cancelled:
                assert statement.wait(HANG), "it hangs"
                measured(f"F05 cancel on a silent server ({session.driver.id})", time.monotonic() - started)
                assert isinstance(statement.error, ConnectionLostError)
                assert session.state is SessionState.BROKEN
            started = time.monotonic()
            kernel.close()
            measured("F05 end of the program with silent servers", time.monotonic() - started)
            assert time.monotonic() - started < HANG
            assert all(statement.outcome is not None for _, statement in left)
        measured("F05 longest gap between ticks", ticks.longest)


Trouble = Callable[[Proxy], None]
TROUBLES: dict[str, Trouble] = {
    "silent": Proxy.swallow,
    "slow": lambda proxy: proxy.slow(200),
    "late": lambda proxy: proxy.delay(30),
    "half closed": Proxy.half_close,
    "cut": Proxy.cut,
    "reset": Proxy.reset,
}


@pytest.mark.parametrize(
    "trouble", [pytest.param(name, marks=() if name in ("silent", "reset") else pytest.mark.soak) for name in TROUBLES]
)
def test_disconnecting_and_leaving_are_bounded_whatever_the_network_does_and_the_session(
    kernel: Kernel, line: Line, trouble: str, tmp_path: Path, measured: Measure
) -> None:
    hosts: tuple[HostKind, ...] = ("thread", "process")
    longest = 0.0
    for leaves in (False, True):
        began = [kernel.connect(line.url, host=host) for host in hosts for _ in range(4)]
        for session in began[::4]:
            session.begin()
        for session in began[1::4]:
            session.execute(line.sleep.format(600))
        for session in began[2::4]:
            session.execute(line.rows.format(5_000_000))
        line.wait_running(4)
        TROUBLES[trouble](line.proxy)
        asking = [threading.Thread(target=ask, args=(session,)) for session in began[3::4]]
        for thread in asking:
            thread.start()
        connecting = [kernel.open(*kernel.target(line.url), host=host) for host in hosts]
        export = {"target": line.url, "sql": ["select 1"], "format": "csv", "output": str(tmp_path / "rows.csv")}
        job = kernel.commands.submit("query.run", export)
        if leaves:
            started = time.monotonic()
            kernel.close()
            took = time.monotonic() - started
            measured(f"leaving, with 11 sessions on a line that is {trouble} ({line.name})", took)
            assert took < HANG
        else:
            job.cancel()
            for session in (*began, *connecting):
                started = time.monotonic()
                session.close()
                longest = max(longest, time.monotonic() - started)
        assert job.wait(HANG)
        for thread in asking:
            thread.join(HANG)
            assert not thread.is_alive()
        assert all(session.state in (SessionState.BROKEN, SessionState.CLOSED) for session in (*began, *connecting))
        line.proxy.cut()
        line.proxy.mend()
        line.end_all()
        line.wait_running(0)
    measured(f"the longest disconnect on a line that is {trouble} ({line.name})", longest)
    assert longest < HANG


def ask(session: Session) -> None:
    """Ask what is not answered, until the session is over."""
    with contextlib.suppress(AlvearyError):
        while True:
            session.catalog().schemas()


def test_a_slow_line_shows_how_far_it_is_and_can_be_cancelled(kernel: Kernel, line: Line) -> None:
    with kernel.connect(line.url, timeout=HANG) as session:
        line.proxy.slow(20_000)
        statement = session.execute(line.rows.format(1_000_000), timeout=600)
        begun(statement)
        seen = {statement.rows}
        deadline = time.monotonic() + HANG
        while len(seen) < 4:
            assert time.monotonic() < deadline, seen
            assert not statement.wait(0.02), statement.error
            seen.add(statement.rows)
        line.proxy.slow(200)
        assert not statement.wait(1.5), "slow is not over"
        statement.cancel()
        line.proxy.mend()  # what lies in the system's buffers would take minutes
        assert statement.wait(HANG), "it hangs"
        assert statement.outcome is Outcome.CANCELLED
        assert session.run("select 1") is not None


def test_delays_change_nothing(kernel: Kernel, line: Line) -> None:
    with kernel.connect(line.url) as session:
        line.proxy.delay(0.03)
        statement = session.execute(line.rows.format(2_000))
        assert statement.wait(HANG)
        assert statement.outcome is Outcome.COMPLETED
        assert texts(statement) == [str(n) for n in range(1, 2_001)]


def test_a_byte_that_is_wrong_hangs_nobody_and_never_crashes(
    kernel: Kernel, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alveary.workers.worker.ABORT_SECONDS", 0.3)
    sql = line.rows.format(300)
    with kernel.connect(line.url) as session:
        before = line.proxy.sent
        session.run(sql)
        size = line.proxy.sent - before
    for at in (0, 1, 2, 3, 4, 5, 6, 8, 11, 20, 33, 50, 51, 52, 60, 70, size // 2, size // 2 + 1, size - 5, size - 1):
        session = kernel.connect(line.url)
        line.proxy.corrupt(at)
        statement = session.execute(sql, timeout=0.5)
        assert statement.wait(HANG), f"byte {at}: it hangs"
        if statement.outcome is Outcome.FAILED:
            assert isinstance(statement.error, AlvearyError)
            assert statement.error.code != "internal", (at, statement.error)
        session.close()
        line.proxy.mend()
