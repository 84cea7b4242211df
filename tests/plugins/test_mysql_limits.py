"""MariaDB's limits: time, locks, idleness, connections; each has its error, and says what to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from fix_mariadb import HANG, MariaServer, rows, run, running_mariadb

from alveary.contracts.driver import Batch, BatchSize, Message, TransactionState
from alveary.errors import (
    AlvearyError,
    ConnectionLostError,
    DatabaseLockedError,
    DeadlockError,
    InvalidInputError,
    LockTimeoutError,
    QueryTimeoutError,
    ReadOnlyError,
    TooManyConnectionsError,
)
from alveary_plugins.drivers.mysql.driver import MysqlConnection, MysqlDriver

Connect = Callable[..., MysqlConnection]


@pytest.fixture
def connect(mariadb_connect: Connect) -> Connect:
    return mariadb_connect


@pytest.fixture
def table(connect: Connect) -> MysqlConnection:
    connection = connect()
    run(connection, "create table t (a int primary key, b int)")
    run(connection, "insert into t values (1, 0), (2, 0)")
    return connection


def failure(connection: MysqlConnection, sql: str) -> AlvearyError:
    """Return the error of a statement, which must say what to do."""
    with pytest.raises(AlvearyError) as caught:
        run(connection, sql)
    assert caught.value.hint, caught.value.record()
    return caught.value


def test_the_server_stops_a_statement_after_the_targets_time(connect: Connect) -> None:
    connection = connect(max_statement_time="0.1")
    error = failure(connection, "select sleep(100)")
    assert (type(error), error.code, error.server_code) == (QueryTimeoutError, "query_timeout", "1969 (70100)")
    assert rows(connection, "select 1") == [("1",)]


@pytest.mark.parametrize("time", ["", "x", "-1", "nan", "inf", "1e9", "1; drop table t"])
def test_a_time_that_is_none_is_refused_before_connecting(mariadb: MariaServer, time: str) -> None:
    with pytest.raises(InvalidInputError, match="max_statement_time"):
        MysqlDriver().connect(mariadb.target(port=1, max_statement_time=time), timeout=HANG)


def test_a_statement_that_times_out_in_the_middle_of_its_rows_is_no_whole_result(connect: Connect) -> None:
    connection = connect(max_statement_time="0.2")
    got = list[Message]()
    with pytest.raises(QueryTimeoutError):
        got += connection.execute("select a.seq from seq_1_to_1000000 a, seq_1_to_1000000 b", None, batch=BatchSize())
    assert any(isinstance(message, Batch) for message in got)
    assert rows(connection, "select 1") == [("1",)]


def test_a_lock_that_is_waited_for_too_long(table: MysqlConnection, connect: Connect) -> None:
    other = connect()
    other.begin()
    run(other, "update t set b = 1")
    run(table, "set innodb_lock_wait_timeout = 1")
    error = failure(table, "update t set b = 2")
    assert (type(error), error.code) == (LockTimeoutError, "lock_timeout")
    run(table, "set lock_wait_timeout = 1")  # and one of the table itself
    error = failure(table, "alter table t add c int")
    assert (type(error), error.code) == (LockTimeoutError, "lock_timeout")
    other.rollback()
    run(table, "update t set b = 2")


def test_a_deadlock_is_told_to_one_of_the_two(table: MysqlConnection, connect: Connect) -> None:
    other, failed = connect(), list[DatabaseLockedError]()

    def update(connection: MysqlConnection, key: int) -> None:
        try:
            run(connection, f"update t set b = 9 where a = {key}")
        except DatabaseLockedError as exc:
            failed.append(exc)

    for connection, key in ((table, 1), (other, 2)):
        connection.begin()
        update(connection, key)
    thread = threading.Thread(target=update, args=(other, 1), daemon=True)
    thread.start()
    update(table, 2)
    thread.join(HANG)
    (error,) = failed
    assert (type(error), error.code, error.server_code) == (DeadlockError, "deadlock", "1213 (40001)")
    assert error.hint
    assert {table.transaction_state, other.transaction_state} == {TransactionState.IDLE, TransactionState.ACTIVE}
    table.rollback()
    other.rollback()


def test_a_read_only_server_and_transaction(table: MysqlConnection, connect: Connect) -> None:
    with pytest.raises(ReadOnlyError) as caught:
        run(connect(read_only=True), "insert into t values (3, 0)")
    assert caught.value.code == "read_only"
    run(table, "start transaction read only")
    with pytest.raises(ReadOnlyError) as caught:
        run(table, "insert into t values (3, 0)")
    assert caught.value.server_code == "1792 (25006)"
    run(table, "rollback")


@pytest.mark.parametrize("setting", ["wait_timeout", "idle_transaction_timeout"])
def test_a_session_that_idled_too_long_is_lost_and_never_reconnected(
    mariadb: MariaServer, table: MysqlConnection, setting: str
) -> None:
    run(table, f"set session {setting} = 1")
    if setting == "idle_transaction_timeout":
        table.begin()
        run(table, "update t set b = 7")
    deadline = time.monotonic() + HANG
    while mariadb.admin(f"select count(*) from information_schema.processlist where id = {table._id}").strip() != "0":
        assert time.monotonic() < deadline, "the server keeps it"
        threading.Event().wait(0.1)
    error = failure(table, "update t set b = 8")
    assert (type(error), error.code) == (ConnectionLostError, "connection_lost")
    assert isinstance(failure(table, "select 1"), ConnectionLostError)


def attempt(server: MariaServer) -> MysqlConnection | AlvearyError:
    """Return a connection, or why there is none."""
    try:
        return MysqlDriver().connect(server.target("mysql"), timeout=HANG)
    except AlvearyError as exc:
        return exc


def test_a_server_that_takes_no_more_connections() -> None:
    with running_mariadb("--max-connections=10") as server:
        opened = list[MysqlConnection]()
        try:
            while isinstance(opening := attempt(server), MysqlConnection):
                opened.append(opening)
                assert len(opened) < 20, "it takes all of them"
            assert (type(opening), opening.code) == (TooManyConnectionsError, "too_many_connections")
            assert (opening.server_code or "").startswith("1040")
            assert opening.hint
            # Nor is there one left to send a cancel by: that is an error, and the statement goes on.
            messages = opened[0].execute("select seq from seq_1_to_100000", None, batch=BatchSize())
            next(messages)
            with pytest.raises(TooManyConnectionsError):
                opened[0].cancel()
            messages.close()
        finally:
            for connection in opened:
                connection.close()
