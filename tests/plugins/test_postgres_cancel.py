"""Cancelling on PostgreSQL: at any moment, proven on the server, and never the next statement."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from faults.proxy import Proxy
from fix_faults import until
from fix_postgres import PostgresServer

from alveary.contracts.driver import Batch, BatchSize, Columns, Message, TransactionState
from alveary.errors import ConnectionLostError, ConnectionTimeoutError, QueryCancelledError
from alveary.events import Outcome, SessionState
from alveary.kernel import HostKind, Kernel
from alveary.sessions import Session
from alveary.testing.conformance.base import Running
from alveary_plugins.drivers.postgres import alveary_drivers, driver
from alveary_plugins.drivers.postgres.driver import PostgresConnection, PostgresDriver

SLEEP = "select pg_sleep(600)"
ROWS = "select generate_series(1, 1000000000)"
HANG = 15.0
"""Seconds after which a wait that should take a moment counts as a hang."""


def run(connection: PostgresConnection, sql: str) -> list[Message]:
    return list(connection.execute(sql, None, batch=BatchSize()))


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as name:
        postgres.psql("create table spot (a int)", name)
        yield name


@pytest.fixture
def connection(postgres: PostgresServer, database: str) -> Iterator[PostgresConnection]:
    with closing(PostgresDriver().connect(postgres.target(database), timeout=10)) as connection:
        yield connection


@pytest.fixture(params=["thread", "process"])
def session(
    kernel: Kernel, postgres: PostgresServer, database: str, request: pytest.FixtureRequest
) -> Iterator[Session]:
    host: HostKind = request.param
    (spec,) = alveary_drivers()
    with kernel.open(postgres.target(database), spec, host=host) as session:
        session.wait_connected()
        yield session


@pytest.fixture
def busy(postgres: PostgresServer, database: str) -> Callable[[int], None]:
    """Wait until so many statements run in the database: proof by the server itself."""

    def wait(count: int) -> None:
        sql = f"""do $$ begin
            for i in 1..{int(HANG * 100)} loop
                perform pg_stat_clear_snapshot();
                if {count} = (select count(*) from pg_stat_activity
                              where datname = '{database}' and application_name = 'alveary' and state = 'active')
                then return; end if;
                perform pg_sleep(0.01);
            end loop;
            raise exception 'it hangs'; end $$"""
        postgres.psql(sql)

    return wait


def test_a_statement_that_waits_is_gone_from_the_server(
    connection: PostgresConnection, busy: Callable[[int], None]
) -> None:
    with Running(lambda: run(connection, SLEEP)) as running:
        busy(1)
        connection.cancel()
    assert isinstance(running.outcome, QueryCancelledError)
    assert running.outcome.server_code == "57014"
    busy(0)
    assert run(connection, "select 1")[1] == Batch([("1",)])


def test_a_statement_that_streams_is_gone_from_the_server(
    connection: PostgresConnection, busy: Callable[[int], None]
) -> None:
    messages = connection.execute(ROWS, None, batch=BatchSize())
    assert isinstance(next(messages), Columns)
    assert isinstance(next(messages), Batch)
    connection.cancel()
    with pytest.raises(QueryCancelledError):
        list(messages)
    busy(0)
    assert run(connection, "select 1")[1] == Batch([("1",)])


def test_a_wait_for_a_lock_is_cancelled(
    connection: PostgresConnection, postgres: PostgresServer, database: str, busy: Callable[[int], None]
) -> None:
    with closing(PostgresDriver().connect(postgres.target(database), timeout=10)) as other:
        other.begin()
        run(other, "lock table spot")
        with Running(lambda: run(connection, "select * from spot")) as running:
            busy(1)
            connection.cancel()
    assert isinstance(running.outcome, QueryCancelledError)


def test_a_cancel_before_the_first_message_keeps_the_statement_from_running(connection: PostgresConnection) -> None:
    messages = connection.execute("insert into spot values (1)", None, batch=BatchSize())
    connection.cancel()
    with pytest.raises(QueryCancelledError):
        list(messages)
    assert run(connection, "select count(*) from spot")[1] == Batch([("0",)])


def test_a_cancel_in_a_transaction_leaves_it_failed_and_says_so(
    connection: PostgresConnection, busy: Callable[[int], None]
) -> None:
    connection.begin()
    with Running(lambda: run(connection, SLEEP)) as running:
        busy(1)
        connection.cancel()
    assert isinstance(running.outcome, QueryCancelledError)
    assert connection.transaction_state is TransactionState.FAILED
    connection.rollback()
    assert run(connection, "select 1")[1] == Batch([("1",)])


def test_a_rest_that_is_taken_only_to_be_dropped_can_be_cancelled(connection: PostgresConnection) -> None:
    connection.begin()  # where leaving a result early takes all of it
    messages = connection.execute(ROWS, None, batch=BatchSize())
    next(messages), next(messages)
    with Running(messages.close) as running:
        while running.thread.is_alive():
            connection.cancel()
            running.thread.join(0.05)
    assert running.outcome is None
    assert connection.transaction_state is TransactionState.FAILED


def test_a_server_that_does_not_answer_is_left_by_abort(
    postgres: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "CANCEL_SECONDS", 0.3)
    with Proxy(postgres.port) as proxy:
        connection = PostgresDriver().connect(postgres.target(database, port=proxy.port), timeout=10)
        run(connection, "select 1")
        proxy.swallow()
        before = proxy.heard
        with Running(lambda: run(connection, "select 1")) as running:
            until(lambda: proxy.heard > before)
            started = time.monotonic()
            with pytest.raises(ConnectionTimeoutError):
                connection.cancel()
            assert running.thread.is_alive()
            connection.abort()
            running.thread.join(HANG)
            assert time.monotonic() - started < 5
        assert isinstance(running.outcome, ConnectionLostError)
        started = time.monotonic()
        connection.close()
        assert time.monotonic() - started < 5


def test_closing_does_not_wait_for_a_dead_server(postgres: PostgresServer, database: str) -> None:
    with Proxy(postgres.port) as proxy:
        connection = PostgresDriver().connect(postgres.target(database, port=proxy.port), timeout=10)
        messages = connection.execute(ROWS, None, batch=BatchSize())
        next(messages)
        proxy.swallow()
        started = time.monotonic()
        connection.close()
        assert time.monotonic() - started < 5
        messages.close()


@pytest.mark.parametrize("sql", [SLEEP, ROWS])
def test_a_session_is_cancelled_in_a_thread_and_in_a_process(
    session: Session, busy: Callable[[int], None], sql: str
) -> None:
    statement = session.execute(sql)
    busy(1)
    statement.cancel()
    assert statement.wait(HANG)
    assert statement.outcome is Outcome.CANCELLED
    busy(0)
    after = session.execute("select 1")
    assert after.wait(HANG)
    assert after.outcome is Outcome.COMPLETED


@pytest.mark.parametrize("session", ["thread"], indirect=True)
def test_a_late_cancel_never_hits_the_next_statement(session: Session) -> None:
    chance = random.Random(7)
    outcomes = []
    for _ in range(200):
        first = session.execute("select pg_sleep(0.002)")
        second = session.execute("select pg_sleep(0.004)")
        first.wait(chance.random() * 0.006)
        first.cancel()
        assert second.wait(HANG)
        assert first.outcome is not None
        outcomes.append(first.outcome)
        assert second.outcome is Outcome.COMPLETED, second.error
    assert set(outcomes) == {Outcome.CANCELLED, Outcome.COMPLETED}


@pytest.mark.parametrize("session", ["thread"], indirect=True)
def test_a_cancel_that_came_too_late_does_not_fail_the_transaction(session: Session) -> None:
    chance = random.Random(7)
    for _ in range(50):
        session.begin()
        statement = session.execute("select pg_sleep(0.002)")
        statement.wait(chance.random() * 0.006)
        statement.cancel()
        assert statement.wait(HANG)
        if statement.outcome is Outcome.COMPLETED:
            assert session.state is SessionState.IN_TRANSACTION
        session.rollback()


def test_ctrl_c_leaves_nothing_on_the_server(
    postgres: PostgresServer, database: str, busy: Callable[[int], None], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "alveary", "query", postgres.url(database), SLEEP],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    busy(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode == 130
    assert b"query_cancelled" in err
    assert b"Traceback" not in err
    busy(0)
