"""PostgreSQL's limits: time, locks, idleness, connections; each has its error, and says what to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from fix_postgres import PostgresServer

from alveary.contracts.driver import Batch, BatchSize, Message, TransactionState
from alveary.errors import (
    AlvearyError,
    ConnectionFailedError,
    ConnectionLostError,
    DatabaseLockedError,
    DeadlockError,
    LockTimeoutError,
    QueryCancelledError,
    QueryTimeoutError,
    ReadOnlyError,
    TooManyConnectionsError,
)
from alveary_plugins.drivers.postgres.driver import PostgresConnection, PostgresDriver

Connect = Callable[..., PostgresConnection]
HANG = 15.0
"""Seconds after which a wait that should take a moment counts as a hang."""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as name:
        postgres.psql("create table t (a int primary key, b int); insert into t values (1, 0), (2, 0)", name)
        yield name


@pytest.fixture
def connect(postgres: PostgresServer, database: str) -> Iterator[Connect]:
    """Connect as often as wanted, with options of the URL; what is still open at the end is closed."""
    opened: list[PostgresConnection] = []

    def connect(read_only: bool = False, **options: str) -> PostgresConnection:
        target = postgres.target(database, options=options, read_only=read_only)
        opened.append(PostgresDriver().connect(target, timeout=HANG))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def run(connection: PostgresConnection, sql: str) -> list[Message]:
    return list(connection.execute(sql, None, batch=BatchSize()))


def failure(connection: PostgresConnection, sql: str) -> AlvearyError:
    """Return the error of a statement, which must say what to do."""
    with pytest.raises(AlvearyError) as caught:
        run(connection, sql)
    assert caught.value.hint, caught.value.record()
    return caught.value


@pytest.mark.parametrize("limit", ["100ms", "100", "0.1 s"])
def test_the_server_stops_a_statement_after_the_targets_time(connect: Connect, limit: str) -> None:
    connection = connect(statement_timeout=limit, options="-c statement_timeout=1h -c work_mem=3MB")
    assert run(connection, "show work_mem")[1] == Batch([("3MB",)])
    error = failure(connection, "select pg_sleep(60)")
    assert (type(error), error.code, error.server_code) == (QueryTimeoutError, "query_timeout", "57014")
    assert run(connection, "select 1")[1] == Batch([("1",)])


def test_a_cancel_is_no_timeout(connect: Connect) -> None:
    connection = connect(statement_timeout="1h")
    messages = connection.execute("select generate_series(1, 100000000)", None, batch=BatchSize())
    next(messages)
    connection.cancel()
    with pytest.raises(QueryCancelledError) as caught:
        list(messages)
    assert caught.value.hint is None


@pytest.mark.parametrize("limit", ["soon", "-1", "1s -c work_mem=64", "\\", "1 -c default_transaction_read_only=off"])
def test_a_time_that_is_none_is_refused(connect: Connect, limit: str) -> None:
    with pytest.raises(ConnectionFailedError, match="statement_timeout"):
        connect(read_only=True, statement_timeout=limit)


def test_a_statement_that_times_out_in_the_middle_of_its_rows_is_no_whole_result(connect: Connect) -> None:
    connection, got = connect(statement_timeout="1s"), list[Message]()
    with pytest.raises(QueryTimeoutError):
        got += connection.execute("select generate_series(1, 1000000000)", None, batch=BatchSize())
    assert any(isinstance(message, Batch) for message in got)


def test_a_lock_that_is_waited_for_too_long_and_one_that_is_not_waited_for(connect: Connect) -> None:
    connection, other = connect(), connect()
    other.begin()
    run(other, "update t set b = 1")
    run(connection, "set lock_timeout = '50ms'")
    error = failure(connection, "update t set b = 2")
    assert (type(error), error.code, error.server_code) == (LockTimeoutError, "lock_timeout", "55P03")
    error = failure(connection, "select * from t for update nowait")
    assert (type(error), error.code, error.server_code) == (DatabaseLockedError, "database_locked", "55P03")
    other.rollback()


def test_a_deadlock_is_told_to_one_of_the_two(connect: Connect) -> None:
    first, second, failed = connect(), connect(), list[DatabaseLockedError]()

    def update(connection: PostgresConnection, key: int) -> None:
        try:
            run(connection, f"update t set b = 9 where a = {key}")
        except DatabaseLockedError as exc:
            failed.append(exc)

    for connection, key in ((first, 1), (second, 2)):
        connection.begin()
        update(connection, key)
    thread = threading.Thread(target=update, args=(second, 1), daemon=True)
    thread.start()
    update(first, 2)
    thread.join(HANG)
    (error,) = failed
    assert (type(error), error.code, error.server_code) == (DeadlockError, "deadlock", "40P01")
    assert error.hint
    assert {first.transaction_state, second.transaction_state} == {TransactionState.FAILED, TransactionState.ACTIVE}
    first.rollback()
    second.rollback()


def test_a_read_only_session_and_transaction(connect: Connect) -> None:
    assert isinstance(failure(connect(read_only=True), "insert into t values (3, 0)"), ReadOnlyError)
    connection = connect()
    run(connection, "begin read only")
    error = failure(connection, "insert into t values (3, 0)")
    assert (type(error), error.code, error.server_code) == (ReadOnlyError, "read_only", "25006")
    connection.rollback()


@pytest.mark.parametrize(
    ("setting", "state"), [("idle_session_timeout", "57P05"), ("idle_in_transaction_session_timeout", "25P03")]
)
def test_a_session_that_idled_too_long_is_lost_and_never_reconnected(
    connect: Connect, postgres: PostgresServer, setting: str, state: str
) -> None:
    connection = connect()
    (number,) = [str(m.rows[0][0]) for m in run(connection, "select pg_backend_pid()") if isinstance(m, Batch)]
    if state == "25P03":
        connection.begin()
        run(connection, "update t set b = 7")
    run(connection, f"set {setting} = '50ms'")
    deadline = time.monotonic() + HANG
    while postgres.psql(f"select count(*) from pg_stat_activity where pid = {number}", "postgres", "-At") != b"0\n":
        assert time.monotonic() < deadline, "the server keeps it"
    error = failure(connection, "update t set b = 8")
    assert (type(error), error.code, error.server_code) == (ConnectionLostError, "connection_lost", state)
    assert isinstance(failure(connection, "select 1"), ConnectionLostError)
    with closing(connect()) as other:
        assert run(other, "select b from t where b in (7, 8)")[1:] == []


def test_a_database_that_takes_no_more_connections(postgres: PostgresServer) -> None:
    with postgres.database("connection limit 1") as name:
        postgres.psql("create role visitor login")
        target = postgres.target(name, user="visitor")
        try:
            with closing(PostgresDriver().connect(target, timeout=HANG)):
                with pytest.raises(TooManyConnectionsError) as caught:
                    PostgresDriver().connect(target, timeout=HANG)
                assert (caught.value.code, caught.value.server_code) == ("too_many_connections", "53300")
                assert caught.value.hint
        finally:
            postgres.psql("drop role visitor")
