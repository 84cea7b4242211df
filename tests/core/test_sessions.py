"""Sessions: statements in, events out, one owner of the state; the same in a thread and in a process."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alveary import Kernel, Outcome, Session, SessionState
from alveary.errors import (
    BusyError,
    ConnectionLostError,
    DatabaseNotFoundError,
    InternalError,
    InvalidInputError,
    NulCharacterError,
    QueryCancelledError,
    QueryTimeoutError,
    SessionClosedError,
    SqlSyntaxError,
    UnsupportedError,
)
from alveary.events import Event, QueryStarted, SessionStateChanged
from alveary.kernel import HostKind

ENDLESS = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"
ENDLESS_ROWS = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n"
HANG = 30


@pytest.fixture(params=["thread", "process"])
def host(request: pytest.FixtureRequest) -> HostKind:
    kind: HostKind = request.param
    return kind


@pytest.fixture
def session(kernel: Kernel, shop_url: str, host: HostKind) -> Iterator[Session]:
    with kernel.connect(shop_url, host=host) as session:
        yield session


class Started:
    """Waits for the moment a statement reaches the driver."""

    def __init__(self, kernel: Kernel) -> None:
        self._started = threading.Event()
        kernel.bus.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, QueryStarted):
            self._started.set()

    def wait(self) -> None:
        assert self._started.wait(HANG)


def test_rows_come_back_as_the_database_holds_them(session: Session) -> None:
    result = session.run("select id, name, price, picture from item order by id")
    assert result is not None
    assert [column.name for column in result.columns] == ["id", "name", "price", "picture"]
    assert list(result) == [(1, "comb", 2.5, b"\x00\xff"), (2, "", None, None), (3, 'a,b"c', 0.1, b"")]
    assert session.server is not None
    assert session.server.product == "SQLite"


def test_a_statement_without_a_result_tells_how_many_rows_it_changed(session: Session) -> None:
    statement = session.execute("update item set name = 'x' where id > 1")
    assert statement.wait(HANG)
    assert (statement.outcome, statement.result, statement.affected) == (Outcome.COMPLETED, None, 2)


def test_an_empty_result_keeps_its_header(session: Session) -> None:
    result = session.run("select id, name from item where 0")
    assert result is not None
    assert (len(result), [column.name for column in result.columns]) == (0, ["id", "name"])


def test_one_row_more_than_the_limit_is_announced_as_truncation(session: Session) -> None:
    for limit, outcome, rows in ((2, Outcome.TRUNCATED, 2), (3, Outcome.COMPLETED, 3), (0, Outcome.TRUNCATED, 0)):
        statement = session.execute("select * from item", limit=limit)
        assert statement.wait(HANG)
        assert (statement.outcome, statement.rows) == (outcome, rows)
        assert statement.error is None


def test_a_limit_stops_an_endless_result(session: Session) -> None:
    result = session.run(ENDLESS_ROWS, limit=100_000)
    assert result is not None
    assert result.window(99_999, 100_001) == [(100_000,)]


def test_parameters_are_bound_by_name_and_by_place(session: Session) -> None:
    for parameters, sql in (
        ({"id": 3}, "select name from item where id = :id"),
        ([3], "select name from item where id = ?"),
    ):
        result = session.run(sql, parameters)
        assert result is not None
        assert list(result) == [('a,b"c',)]
    with pytest.raises(InvalidInputError):
        session.run("select ?", "text")


@pytest.mark.parametrize("sql", [ENDLESS, ENDLESS_ROWS])
def test_cancel_stops_the_statement_and_leaves_the_session_usable(kernel: Kernel, session: Session, sql: str) -> None:
    started = Started(kernel)
    statement = session.execute(sql)
    started.wait()
    statement.cancel()
    assert statement.wait(HANG)
    assert statement.outcome is Outcome.CANCELLED
    assert session.state is SessionState.IDLE
    with pytest.raises(QueryCancelledError):
        statement.check()
    assert session.run("select 1")


def test_a_waiting_statement_is_cancelled_without_ever_starting(kernel: Kernel, session: Session) -> None:
    started = Started(kernel)
    running = session.execute(ENDLESS)
    waiting = session.execute("delete from item")
    started.wait()
    waiting.cancel()
    running.cancel()
    assert waiting.wait(HANG)
    assert waiting.outcome is Outcome.CANCELLED
    result = session.run("select count(*) from item")
    assert result is not None
    assert list(result) == [(3,)]


def test_a_late_cancel_never_hits_the_next_statement(session: Session) -> None:
    for _ in range(200):
        first = session.execute("select 1")
        second = session.execute("select count(*) from item a, item b, item c, item d")
        first.wait(HANG)
        first.cancel()
        assert second.wait(HANG)
        assert second.outcome is Outcome.COMPLETED


def test_cancel_races_end_either_way_and_never_hang(session: Session) -> None:
    for _ in range(100):
        statement = session.execute("select count(*) from item a, item b, item c, item d")
        statement.cancel()
        assert statement.wait(HANG)
        assert statement.outcome in (Outcome.COMPLETED, Outcome.CANCELLED)


def test_a_timeout_is_an_error_of_its_own(session: Session) -> None:
    with pytest.raises(QueryTimeoutError, match=r"after 0\.2 s"):
        session.run(ENDLESS, timeout=0.2)
    assert session.state is SessionState.IDLE


def test_the_database_says_what_is_wrong_and_where(session: Session) -> None:
    with pytest.raises(SqlSyntaxError) as caught:
        session.run("select *\nform item")
    assert caught.value.server_code == "SQLITE_ERROR"
    assert caught.value.statement == "select *\nform item"
    assert caught.value.position == 10
    assert session.state is SessionState.IDLE


def test_the_transaction_state_is_the_connections_own(session: Session) -> None:
    states = []
    session.run("begin")
    states.append(session.state)
    session.run("delete from item")
    session.rollback()
    states.append(session.state)
    assert states == [SessionState.IN_TRANSACTION, SessionState.IDLE]
    session.begin("serializable")
    session.run("delete from item where id = 1")
    session.commit()
    result = session.run("select count(*) from item")
    assert result is not None
    assert list(result) == [(2,)]
    with pytest.raises(UnsupportedError):
        session.begin("chaos")


def test_every_change_of_state_is_an_event_in_order(kernel: Kernel, shop_url: str, host: HostKind) -> None:
    heard: list[SessionStateChanged] = []
    kernel.bus.subscribe(lambda event: heard.append(event) if isinstance(event, SessionStateChanged) else None)
    with kernel.connect(shop_url, host=host) as session:
        session.run("begin")
        session.run("select 1")
    assert kernel.bus.flush()
    states = [heard[0].old, *(event.new for event in heard)]
    assert states == [
        SessionState.CONNECTING,
        SessionState.IDLE,
        SessionState.RUNNING,
        SessionState.IN_TRANSACTION,
        SessionState.RUNNING,
        SessionState.IN_TRANSACTION,
        SessionState.CLOSED,
    ]
    assert [event.sequence for event in heard] == list(range(1, 7))
    assert all(event.old is before for event, before in zip(heard, states, strict=False))


def test_the_catalog_is_answered_by_the_worker(session: Session) -> None:
    catalog = session.catalog()
    assert [relation.name for relation in catalog.relations("main")] == ["item"]
    assert [column.name for column in catalog.columns("main")] == ["id", "name", "price", "picture"]
    assert catalog.quote('a"b') == '"a""b"'


def test_nul_and_broken_unicode_are_refused_before_anything_is_sent(session: Session) -> None:
    with pytest.raises(NulCharacterError) as caught:
        session.execute("delete from item\0 where id = 1")
    assert caught.value.position == 17
    with pytest.raises(InvalidInputError):
        session.execute("select '\ud800'")
    result = session.run("select count(*) from item")
    assert result is not None
    assert list(result) == [(3,)]


def test_a_missing_database_is_told_by_connect(kernel: Kernel, tmp_path: Path, host: HostKind) -> None:
    with pytest.raises(DatabaseNotFoundError):
        kernel.connect(f"sqlite:///{tmp_path}/nowhere.db", host=host)
    assert not (tmp_path / "nowhere.db").exists()
    assert kernel.sessions() == []


def test_a_closed_session_says_so(session: Session, kernel: Kernel) -> None:
    session.close()
    session.close()
    assert session.state is SessionState.CLOSED
    with pytest.raises(SessionClosedError):
        session.run("select 1")
    assert kernel.sessions() == []


def test_closing_stops_what_runs(kernel: Kernel, session: Session) -> None:
    started = Started(kernel)
    statement = session.execute(ENDLESS)
    started.wait()
    session.close()
    assert statement.wait(HANG)
    assert statement.outcome in (Outcome.CANCELLED, Outcome.FAILED)
    assert session.state is SessionState.CLOSED


def test_results_outlive_their_session_and_go_with_the_kernel(home: Path, shop_url: str, host: HostKind) -> None:
    with Kernel() as kernel:
        with kernel.connect(shop_url, host=host) as session:
            result = session.run("select id from item")
        assert result is not None
        assert [row for (row,) in result] == [1, 2, 3]
    assert list((home / "cache" / "results").iterdir()) == []


def test_too_many_waiting_statements_are_refused(
    kernel: Kernel, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alveary.sessions.MOST_WAITING", 2)
    session.execute(ENDLESS)
    session.execute("select 1")
    with pytest.raises(BusyError):
        session.execute("select 2")


def test_too_many_sessions_are_refused(kernel: Kernel, shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alveary.kernel.MOST_SESSIONS", 1)
    kernel.connect(shop_url)
    with pytest.raises(BusyError):
        kernel.connect(shop_url)


# -- a process of its own ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crashed_process_breaks_its_session_and_nothing_else(
    kernel: Kernel, shop_url: str, number: signal.Signals
) -> None:
    started = Started(kernel)
    with kernel.connect(shop_url, host="process") as doomed, kernel.connect(shop_url, host="process") as other:
        statement = doomed.execute(ENDLESS)
        waiting = doomed.execute("select 1")
        started.wait()
        os.kill(doomed._host.process, number)  # type: ignore[union-attr]  # the process is what the test is about
        assert statement.wait(HANG)
        assert waiting.wait(HANG)
        assert statement.outcome is Outcome.FAILED
        assert isinstance(statement.error, ConnectionLostError)
        assert number.name in str(statement.error)
        assert doomed.state is SessionState.BROKEN
        with pytest.raises(SessionClosedError):
            doomed.run("select 1")
        assert other.run("select 1")


def test_a_process_that_does_not_listen_is_killed(kernel: Kernel, shop_url: str) -> None:
    session = kernel.connect(shop_url, host="process")
    process = session._host.process  # type: ignore[union-attr]  # the process is what the test is about
    os.kill(process, signal.SIGSTOP)
    session.close()
    assert session.state is SessionState.BROKEN
    assert kernel.sessions() == []


def test_a_killed_forkserver_is_started_again(kernel: Kernel, shop_url: str) -> None:
    kernel.connect(shop_url, host="process").close()
    server = kernel._forkserver._process  # type: ignore[union-attr]  # the process is what the test is about
    assert server is not None
    server.kill()
    server.wait(HANG)
    with kernel.connect(shop_url, host="process") as session:
        assert session.run("select 1")


def test_a_process_can_be_spawned_where_there_is_no_forkserver(
    kernel: Kernel, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alveary.kernel.sys.platform", "win32")
    with kernel.connect(shop_url, host="process") as session:
        assert kernel._forkserver is None
        result = session.run("select count(*) from item")
        assert result is not None
        assert list(result) == [(3,)]


def test_a_sink_of_ours_cannot_go_into_another_process(kernel: Kernel, shop_url: str) -> None:
    class Nowhere:
        def columns(self, columns: object) -> None: ...
        def rows(self, rows: object) -> int:
            return 0

        def close(self, whole: bool) -> None: ...

    with kernel.connect(shop_url, host="process") as session, pytest.raises(UnsupportedError):
        session.execute("select 1", sink=Nowhere())


def test_worker_processes_end_with_a_parent_that_was_killed(shop_url: str, tmp_path: Path) -> None:
    """The child gets the end of its socket, stops its statement and leaves; nothing stays in the process list."""
    script = (
        "import sys, time\nfrom alveary import Kernel\n"
        f"session = Kernel().connect({shop_url!r}, host='process')\n"
        f"session.execute({ENDLESS!r})\n"
        "print(session._host.process, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=tmp_path)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    watch = os.pidfd_open(child)
    try:
        parent.kill()
        parent.wait(HANG)
        parent.stdout.close()
        import select

        assert select.select([watch], [], [], HANG)[0], "the worker's process outlived its parent"
    finally:
        os.close(watch)


def test_a_script_without_a_main_guard_runs_once(shop_url: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from alveary import Kernel\nprint('started')\nwith Kernel() as kernel:\n"
        f"    with kernel.connect({shop_url!r}, host='process') as session:\n"
        "        print(*session.run('select count(*) from item'))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=HANG, check=True)
    assert done.stdout == "started\n(3,)\n"
    assert done.stderr == ""


# -- a driver that misbehaves --------------------------------------------------------------------------------------

ROGUE = """
import itertools, sys, threading
from alveary import Batch, Column, Columns, Connection, Driver, DriverSpec, Notice, RowCount, ServerInfo, hookimpl

@hookimpl
def alveary_drivers():
    return [DriverSpec(id="rogue", name="Rogue", schemes=("rogue",), factory="rogue:Rogue")]

class Rogue(Driver):
    def connect(self, target, *, timeout):
        if target.database == "refuse":
            raise KeyError("password=hunter2")
        return Line()

class Line(Connection):
    def __init__(self):
        self.cancelled, self.can_cancel = threading.Event(), True
    def execute(self, sql, parameters, *, batch):
        if sql == "notices":
            yield from (Notice("NOTICE", f"number {n}") for n in range(2500))
            return
        if sql.startswith("deaf"):
            self.can_cancel = False
            yield Columns((Column(name="n"),))
            says = {"deaf notices": lambda n: Notice("NOTICE", str(n)), "deaf rows": lambda n: Batch([(n,)])}
            yield from map(says[sql], itertools.count())
        if sql == "finish":
            yield Notice("NOTICE", "begun")
            self.cancelled.wait()
            yield Notice("NOTICE", "it is stored")
            yield Columns((Column(name="n"),))
            yield Batch([(1,)])
            yield RowCount(1)
            return
        yield Columns((Column(name="n"),))
        yield Batch([(1,)])
        if sql == "exit":
            sys.exit(9)
        raise IndexError(sql)
    def cancel(self):
        self.cancelled.set()
        if not self.can_cancel:
            raise NotImplementedError("deaf")
    def close(self): raise RuntimeError("close")
    def server(self): return ServerInfo(product="Rogue", version="0")
    @property
    def transaction_state(self): raise RuntimeError("state")
"""


@pytest.fixture
def rogue(install: Callable[..., None], home: Path) -> Iterator[Kernel]:
    install("rogue", ROGUE, {"rogue": "rogue"})
    with Kernel() as kernel:
        yield kernel


def test_what_a_driver_raises_is_never_lost_and_never_ours(rogue: Kernel, host: HostKind) -> None:
    with rogue.connect("rogue://h/d", host=host) as session:
        statement = session.execute("anything")
        assert statement.wait(HANG)
        assert isinstance(statement.error, InternalError)
        assert statement.error.message == "IndexError: anything"
        assert statement.rows == 1
        states = [session.state]
    states.append(session.state)
    assert states == [SessionState.IDLE, SessionState.CLOSED]


def test_a_driver_that_exits_breaks_its_session_only(rogue: Kernel, shop_url: str, host: HostKind) -> None:
    with rogue.connect("rogue://h/d", host=host) as session, rogue.connect(shop_url, host=host) as other:
        statement = session.execute("exit")
        assert statement.wait(HANG)
        assert isinstance(statement.error, ConnectionLostError)
        assert session.state is SessionState.BROKEN
        assert other.run("select 1")


def test_notices_are_kept_up_to_a_bound_and_counted_beyond(
    rogue: Kernel, host: HostKind, alveary: Callable[..., Any]
) -> None:
    with rogue.connect("rogue://h/d", host=host) as session:
        statement = session.execute("notices")
        assert statement.wait(HANG)
        assert [notice.message for notice in statement.notices] == [f"number {n}" for n in range(1000)]
        assert statement.noticed == 2500
    told = alveary("query", "rogue://h/d", "notices").err.splitlines()
    assert told[0] == "NOTICE: number 0"
    assert told[-1] == "1,500 more notices are not shown"


def test_what_was_done_before_a_cancel_reached_it_is_not_called_cancelled(rogue: Kernel, host: HostKind) -> None:
    started = Started(rogue)
    with rogue.connect("rogue://h/d", host=host) as session:
        statement = session.execute("finish")
        started.wait()
        statement.cancel()
        assert statement.wait(HANG)
        assert (statement.outcome, statement.affected, statement.rows) == (Outcome.COMPLETED, 1, 1)


@pytest.mark.parametrize("sql", ["deaf rows", "deaf notices"])
def test_a_driver_that_can_not_stop_is_left_between_two_messages(rogue: Kernel, host: HostKind, sql: str) -> None:
    started = Started(rogue)
    with rogue.connect("rogue://h/d", host=host) as session:
        statement = session.execute(sql)
        started.wait()
        statement.cancel()
        assert statement.wait(HANG)
        assert statement.outcome is Outcome.CANCELLED


def test_an_undeclared_capability_is_refused(rogue: Kernel) -> None:
    with rogue.connect("rogue://h/d") as session:
        for attempt in (session.begin, session.commit, session.rollback, session.catalog):
            with pytest.raises(UnsupportedError, match="Rogue"):
                attempt()
    with pytest.raises(UnsupportedError, match="read-only"):
        rogue.connect("rogue://h/d", read_only=True)


def test_a_driver_that_fails_to_connect_closes_the_session(rogue: Kernel, host: HostKind) -> None:
    with pytest.raises(InternalError):
        rogue.connect("rogue://h/refuse", host=host)
    assert rogue.sessions() == []


def test_a_writer_elsewhere_does_not_stop_a_reader(kernel: Kernel, shop: Path, shop_url: str) -> None:
    other = sqlite3.connect(shop)
    other.execute("begin immediate")
    with kernel.connect(shop_url) as session:
        assert session.run("select * from item")
    other.close()
