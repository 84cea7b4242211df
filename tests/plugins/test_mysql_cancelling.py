"""Cancelling on MariaDB: at any moment, on the server, and never what comes after; leaving early; losing the server."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest
from fix_mariadb import HANG, MariaServer, rows, run, running_mariadb

from alveary.contracts.driver import Batch, BatchSize, TransactionState
from alveary.errors import (
    AlvearyError,
    ConnectionFailedError,
    ConnectionLostError,
    QueryCancelledError,
    UnsupportedError,
)
from alveary.testing.conformance.base import Running
from alveary_plugins.drivers.mysql.driver import MysqlConnection, MysqlDriver
from alveary_plugins.drivers.mysql.wire import Wire

Connect = Callable[..., MysqlConnection]
ENDLESS = "select a.seq, repeat('x', 100) from seq_1_to_1000000 a join seq_1_to_1000000 b"


@pytest.fixture
def connect(mariadb_connect: Connect) -> Connect:
    return mariadb_connect


@pytest.fixture
def connection(connect: Connect) -> MysqlConnection:
    return connect()


def at_work(mariadb: MariaServer, like: str, count: int = 1) -> bool:
    """Tell whether so many statements like this run on the server, soon."""
    deadline = time.monotonic() + HANG
    sql = f"select count(*) from information_schema.processlist where info like '{like}' and id <> connection_id()"
    while time.monotonic() < deadline:
        if int(mariadb.admin(sql)) == count:
            return True
        threading.Event().wait(0.01)
    return False


@pytest.mark.parametrize("sql", ["select sleep(100)", "select benchmark(1000000000000, md5('x'))", "do sleep(100)"])
def test_cancel_ends_what_runs_on_the_server(mariadb: MariaServer, connection: MysqlConnection, sql: str) -> None:
    with Running(lambda: run(connection, sql)) as result:
        assert at_work(mariadb, f"{sql[:14]}%")
        asked = time.monotonic()
        connection.cancel()
    assert time.monotonic() - asked < 2.5  # half a second is what we promise
    error = result.outcome
    assert isinstance(error, QueryCancelledError)
    assert at_work(mariadb, f"{sql[:14]}%", 0)
    assert rows(connection, "select 1") == [("1",)]


def test_cancel_ends_the_wait_for_a_lock(mariadb: MariaServer, connection: MysqlConnection, connect: Connect) -> None:
    run(connection, "create table t (a int primary key)")
    run(connection, "insert into t values (1)")
    other = connect()
    other.begin()
    run(other, "update t set a = 2")
    connection.begin()
    with Running(lambda: run(connection, "update t set a = 3")) as result:
        assert at_work(mariadb, "update t set a = 3")
        connection.cancel()
    assert isinstance(result.outcome, QueryCancelledError)
    assert connection.transaction_state is TransactionState.ACTIVE
    connection.rollback()


def test_a_cancel_before_the_first_message_keeps_the_statement_from_running(connection: MysqlConnection) -> None:
    run(connection, "create table t (a int)")
    messages = connection.execute("insert into t values (1)", None, batch=BatchSize())
    connection.cancel()
    with pytest.raises(QueryCancelledError):
        list(messages)
    assert rows(connection, "select * from t") == []


def test_a_cancelled_change_leaves_nothing_behind(mariadb: MariaServer, connection: MysqlConnection) -> None:
    run(connection, "create table t (a int)")
    connection.begin()
    run(connection, "insert into t values (1)")
    with Running(lambda: run(connection, "insert into t select seq from seq_1_to_100000000")) as result:
        assert at_work(mariadb, "insert into t select%")
        connection.cancel()
    assert isinstance(result.outcome, QueryCancelledError)
    assert connection.transaction_state is TransactionState.ACTIVE
    assert rows(connection, "select * from t") == [("1",)]
    connection.commit()


def test_no_cancel_hits_the_next_statement(connection: MysqlConnection) -> None:
    """200 cancels that come about when the statement ends, given as a worker gives them."""
    chance, leaving = random.Random(7), threading.Lock()
    running: int | None = None
    outcomes = {"cancelled": 0, "ended": 0}

    def cancel(number: int) -> None:
        with leaving:
            if running == number:
                connection.cancel()

    for number in range(200):
        running = number
        timer = threading.Timer(chance.uniform(0, 0.01), cancel, [number])
        timer.start()
        try:
            run(connection, f"do sleep({chance.uniform(0, 0.02):.4f})")
            outcomes["ended"] += 1
        except QueryCancelledError:
            outcomes["cancelled"] += 1
        with leaving:
            running = None
        assert rows(connection, f"select {number}, sleep(0.001)") == [(str(number), "0")]
        timer.join(HANG)
    assert min(outcomes.values()) > 0, outcomes


def test_a_kill_that_arrives_after_the_end_does_not_hit_the_next_statement(connection: MysqlConnection) -> None:
    run(connection, "create table t (a int)")
    for number in range(50):
        messages = connection.execute("insert into t values (1) returning a", None, batch=BatchSize())
        next(messages), next(messages)  # the server is done, and we have not noticed
        connection.cancel()
        assert list(messages) == []  # it was run, and to its end
        assert rows(connection, f"select {number}") == [(str(number),)]
    assert rows(connection, "select count(*) from t") == [("50",)]


def test_rows_that_can_not_be_told_from_whole_ones_are_not_whole(connection: MysqlConnection) -> None:
    messages = connection.execute("select 1", None, batch=BatchSize())
    next(messages), next(messages)
    connection.cancel()
    with pytest.raises(QueryCancelledError):
        list(messages)
    assert rows(connection, "select 1") == [("1",)]


def test_nothing_of_ours_is_left_on_the_server(mariadb: MariaServer, connect: Connect) -> None:
    connections = [connect() for _ in range(5)]
    runnings = [Running(lambda c=each: run(c, "select sleep(100), 'left'")) for each in connections]  # type: ignore[misc]  # the default binds the loop's variable
    for running in runnings:
        running.thread.start()
    assert at_work(mariadb, "select sleep(100), ''left''%", 5)
    for each in connections:
        each.cancel()
    for running in runnings:
        running.thread.join(HANG)
    for each in connections:
        each.close()
    sql = "select count(*) from information_schema.processlist where user = 'alveary'"
    deadline = time.monotonic() + HANG
    while mariadb.admin(sql).strip() != "0":
        assert time.monotonic() < deadline, mariadb.admin("show full processlist")
        threading.Event().wait(0.01)


def test_cancel_through_a_proxy_is_refused_for_the_number_may_be_a_strangers(connection: MysqlConnection) -> None:
    connection._handshake_id += 1
    messages = connection.execute("select seq from seq_1_to_100000000", None, batch=BatchSize())
    next(messages), next(messages)
    with pytest.raises(UnsupportedError, match="proxy"):
        connection.cancel()
    connection.abort()
    with pytest.raises(ConnectionLostError):
        list(messages)


def test_a_cancel_that_got_no_answer_ends_the_connection_rather_than_the_next_statement(
    connection: MysqlConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = connection.execute("select seq from seq_1_to_100000", None, batch=BatchSize())
    next(messages), next(messages)

    def no_answer(wire: Wire) -> None:
        raise EOFError("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(Wire, "receive", no_answer)
        with pytest.raises(ConnectionLostError):
            connection.cancel()
    with pytest.raises(QueryCancelledError):
        list(messages)
    with pytest.raises(ConnectionLostError, match="cancel got no answer"):
        run(connection, "delete from t")


def test_without_a_second_connection_the_first_stays_usable(
    mariadb: MariaServer, connection: MysqlConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = connection.execute("select seq from seq_1_to_100000", None, batch=BatchSize())
    next(messages), next(messages)
    monkeypatch.setattr(connection, "_target", mariadb.target(password="wrong"))
    with pytest.raises(ConnectionFailedError):
        connection.cancel()
    with pytest.raises(QueryCancelledError):  # the statement goes on to its end, but it was to be cancelled
        list(messages)
    assert rows(connection, "select 1") == [("1",)]


# -- leaving early -------------------------------------------------------------------------------------------------


def test_leaving_early_takes_no_time_and_leaves_nothing_running(
    mariadb: MariaServer, connection: MysqlConnection
) -> None:
    for _ in range(5):
        messages = connection.execute(ENDLESS, None, batch=BatchSize())
        next(messages), next(messages)
        started = time.monotonic()
        messages.close()
        assert time.monotonic() - started < 2.5
        assert rows(connection, "select 1") == [("1",)]
    assert at_work(mariadb, "select a.seq%", 0)


def test_leaving_early_in_a_transaction_keeps_it(connection: MysqlConnection) -> None:
    run(connection, "create table t (a int)")
    connection.begin()
    run(connection, "insert into t values (1)")
    messages = connection.execute(ENDLESS, None, batch=BatchSize())
    next(messages), next(messages)
    messages.close()
    assert connection.transaction_state is TransactionState.ACTIVE
    connection.commit()
    assert rows(connection, "select * from t") == [("1",)]


# -- abort and close -----------------------------------------------------------------------------------------------


def test_abort_wakes_who_waits_for_the_server(mariadb: MariaServer, connection: MysqlConnection) -> None:
    with Running(lambda: run(connection, "select sleep(100)")) as result:
        assert at_work(mariadb, "select sleep%")
        started = time.monotonic()
        connection.abort()
    assert time.monotonic() - started < 2.5
    assert isinstance(result.outcome, ConnectionLostError)
    connection.abort()
    with pytest.raises(ConnectionLostError):
        run(connection, "select 1")
    assert connection.transaction_state is TransactionState.IDLE


def test_close_is_quick_and_can_be_repeated_also_with_a_result_open(connect: Connect) -> None:
    for _ in range(3):
        connection = connect()
        messages = connection.execute(ENDLESS, None, batch=BatchSize())
        next(messages), next(messages)
        started = time.monotonic()
        connection.close()
        connection.close()
        messages.close()
        assert time.monotonic() - started < 5
        with pytest.raises(ConnectionLostError):
            run(connection, "select 1")
        connection.cancel()
        connection.abort()


# -- losing the server ---------------------------------------------------------------------------------------------


def test_a_connection_that_is_killed_is_lost_and_so_is_its_transaction(
    mariadb: MariaServer, connection: MysqlConnection
) -> None:
    connection.begin()
    messages = connection.execute(ENDLESS, None, batch=BatchSize())
    next(messages), next(messages)
    mariadb.admin(f"kill {connection._id}")
    with pytest.raises(ConnectionLostError):
        list(messages)
    for _ in range(2):
        with pytest.raises(ConnectionLostError):
            run(connection, "select 1")
    assert connection.transaction_state is TransactionState.IDLE


def test_an_idle_connection_that_the_server_closed_is_lost_and_nothing_is_run_again(
    mariadb: MariaServer, connection: MysqlConnection
) -> None:
    run(connection, "create table t (a int)")
    mariadb.admin(f"kill {connection._id}")
    with pytest.raises(ConnectionLostError):
        run(connection, "insert into t values (1)")
    with pytest.raises(ConnectionLostError):
        connection.catalog().schemas()
    connection.close()


def test_a_server_killed_in_mid_result_is_an_error_and_never_a_whole_result() -> None:
    with running_mariadb() as server:
        connection = MysqlDriver().connect(server.target("mysql"), timeout=HANG)
        messages, got = connection.execute(ENDLESS, None, batch=BatchSize()), []
        next(messages)
        got.append(next(messages))
        assert server.process is not None
        server.process.kill()
        with pytest.raises(ConnectionLostError):
            got += messages
        assert all(isinstance(message, Batch) for message in got)
        with pytest.raises(AlvearyError):
            MysqlDriver().connect(server.target(), timeout=HANG)
        connection.close()
