"""PostgreSQL's errors: the class, the server's code, its words, the place they mean; and connections that fail."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg
import pytest
from faults.proxy import Proxy
from fix_postgres import PASSWORD, ROLE, PostgresServer

from alveary.contracts.driver import Batch, BatchSize, Columns, TransactionState
from alveary.contracts.target import Target
from alveary.contracts.values import Parameters
from alveary.errors import (
    AlvearyError,
    ConnectionFailedError,
    ConnectionLostError,
    ConnectionTimeoutError,
    ConstraintViolationError,
    DatabaseLockedError,
    DatabaseNotFoundError,
    InvalidInputError,
    PermissionDeniedError,
    QueryError,
    QueryTimeoutError,
    SqlSyntaxError,
)
from alveary.events import Outcome, SessionState
from alveary.kernel import Kernel
from alveary_plugins.drivers.postgres import alveary_drivers, connecting, errors
from alveary_plugins.drivers.postgres.driver import PostgresConnection, PostgresDriver

HANG = 10.0
"""Seconds after which a wait that should take a moment counts as a hang."""


def connect(target: Target, timeout: float = 10) -> PostgresConnection:
    return PostgresDriver().connect(target, timeout=timeout)


def run(connection: PostgresConnection, sql: str) -> list[object]:
    return list(connection.execute(sql, None, batch=BatchSize()))


def error(connection: PostgresConnection, sql: str) -> AlvearyError:
    with pytest.raises(AlvearyError) as caught:
        run(connection, sql)
    return caught.value


def refused(target: Target, timeout: float = 10) -> ConnectionFailedError:
    with pytest.raises(ConnectionFailedError) as caught:
        connect(target, timeout).close()
    return caught.value


def words(error: AlvearyError) -> str:
    return " ".join(str(part) for part in (error, error.message, error.detail, error.hint))


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as name:
        postgres.psql("create table person (id int primary key, name text not null, check (id < 9))", name)
        postgres.psql("insert into person values (1, 'Ada')", name)
        yield name


@pytest.fixture
def connection(postgres: PostgresServer, database: str) -> Iterator[PostgresConnection]:
    with closing(connect(postgres.target(database))) as connection:
        yield connection


# -- statements ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "kind", "state"),
    [
        ("selekt", SqlSyntaxError, "42601"),
        ("select 1; select 2", SqlSyntaxError, "42601"),
        ("select 'open", SqlSyntaxError, "42601"),
        ("select '\ud800'", SqlSyntaxError, None),
        ("insert into person values (1, 'Bob')", ConstraintViolationError, "23505"),
        ("insert into person values (2, null)", ConstraintViolationError, "23502"),
        ("insert into person values (10, 'Bob')", ConstraintViolationError, "23514"),
        ("select nope", QueryError, "42703"),
        ("select * from nope", QueryError, "42P01"),
        ("select 1 / 0", QueryError, "22012"),
        ("set role nobody_of_that_name", QueryError, "22023"),
        ("drop database nope", QueryError, "3D000"),
    ],
)
def test_each_failure_has_its_class_and_the_servers_code(
    connection: PostgresConnection, sql: str, kind: type[AlvearyError], state: str | None
) -> None:
    caught = error(connection, sql)
    assert type(caught) is kind
    assert caught.server_code == state
    assert connection.transaction_state is TransactionState.IDLE
    assert run(connection, "select 1")[1] == Batch([("1",)])


def test_message_detail_and_hint_are_the_servers(connection: PostgresConnection) -> None:
    caught = error(connection, "insert into person values (1, 'Bob')")
    assert caught.message == 'duplicate key value violates unique constraint "person_pkey"'
    assert caught.detail == "Key (id)=(1) already exists."
    caught = error(connection, "select nam from person")
    assert caught.hint == 'Perhaps you meant to reference the column "person.name".'


def test_where_in_a_function_it_happened_is_told(connection: PostgresConnection) -> None:
    caught = error(connection, "do $$ begin raise exception 'no' using detail = 'd', hint = 'h'; end $$")
    assert caught.message == "no"
    assert caught.hint == "h"
    assert (caught.detail or "").splitlines()[0] == "d"
    assert "CONTEXT: PL/pgSQL function inline_code_block line 1 at RAISE" in (caught.detail or "")


def test_a_missing_right_is_told(connection: PostgresConnection, postgres: PostgresServer, database: str) -> None:
    with closing(connect(postgres.target(database, user=ROLE, password=PASSWORD))) as other:
        assert isinstance(error(other, "select * from person"), PermissionDeniedError)


def test_locks_and_time_limits_have_their_classes(
    connection: PostgresConnection, postgres: PostgresServer, database: str
) -> None:
    connection.begin()
    run(connection, "lock table person")
    with closing(connect(postgres.target(database))) as other:
        run(other, "set lock_timeout = '50ms'")
        caught = error(other, "select * from person")
        assert isinstance(caught, DatabaseLockedError)
        assert caught.hint
        run(other, "set statement_timeout = '50ms'")
        assert isinstance(error(other, "select pg_sleep(60)"), QueryTimeoutError)
    connection.rollback()


@pytest.mark.parametrize(
    "marked",
    [
        "^selekt 1",
        "select 'é😀', ^nope",
        "select 1,\n  ^nope",
        "select :a, ^nope",
        "select :a, :bb, :a, ^nope",
        "select :a::int + :long_name_of_a_parameter::int, ^nope, :a",
        "select :a::int, :a::int ^+* 2",
        "select * from ^nope where x = :a",
    ],
)
def test_the_position_points_at_the_offending_token(connection: PostgresConnection, marked: str) -> None:
    given: Parameters = {"a": 1, "bb": "x", "long_name_of_a_parameter": 3} if ":" in marked else None
    with pytest.raises(QueryError) as caught:
        list(connection.execute(marked.replace("^", ""), given, batch=BatchSize()))
    assert caught.value.position == marked.index("^") + 1


def test_a_place_in_the_query_of_a_function_is_not_taken_for_one_in_the_statement(
    connection: PostgresConnection,
) -> None:
    run(connection, "create function pg_temp.f() returns int language plpgsql as 'begin return (select nope); end'")
    assert error(connection, "select pg_temp.f()").position is None


def test_the_position_is_in_characters_where_the_server_counts_bytes(postgres: PostgresServer) -> None:
    creation = "encoding 'SQL_ASCII' locale 'C' template template0"
    with postgres.database(creation) as name, closing(connect(postgres.target(name))) as connection:
        assert error(connection, "select 'éé😀', nope").position == 15


# -- the server goes away ------------------------------------------------------------------------------------------


def backend(connection: PostgresConnection) -> int:
    messages = run(connection, "select pg_backend_pid()")
    assert isinstance(messages[1], Batch)
    return int(str(messages[1].rows[0][0]))


def test_a_connection_the_server_ended_says_so(connection: PostgresConnection, postgres: PostgresServer) -> None:
    connection.begin()
    postgres.psql(f"select pg_terminate_backend({backend(connection)})")
    caught = error(connection, "select 1")
    assert isinstance(caught, ConnectionLostError)
    assert caught.server_code == "57P01"
    assert "terminating connection" in caught.message
    assert isinstance(error(connection, "select 1"), ConnectionLostError)  # and it never reconnects on its own
    assert connection.transaction_state is TransactionState.IDLE
    connection.cancel()


def test_a_server_that_goes_in_the_middle_of_a_result_is_an_error(
    connection: PostgresConnection, postgres: PostgresServer
) -> None:
    number = backend(connection)
    messages = connection.execute("select generate_series(1, 100000000)", None, batch=BatchSize())
    assert isinstance(next(messages), Columns)
    assert isinstance(next(messages), Batch)
    postgres.psql(f"select pg_terminate_backend({number})")
    with pytest.raises(ConnectionLostError):
        list(messages)


@pytest.mark.parametrize("sql", ["select generate_series(1, 100000000)", "select pg_sleep(60)"])
def test_a_line_that_is_cut_is_an_error(postgres: PostgresServer, database: str, sql: str) -> None:
    with Proxy(postgres.port) as proxy, closing(connect(postgres.target(database, port=proxy.port))) as connection:
        messages = connection.execute(sql, None, batch=BatchSize())
        timer = threading.Timer(0.2, proxy.cut)
        timer.start()
        with pytest.raises(ConnectionLostError) as caught:
            list(messages)
        timer.join()
        assert caught.value.message
        started = time.monotonic()
        connection.close()
        assert time.monotonic() - started < 5


def test_the_rows_before_a_loss_are_never_a_whole_result(kernel: Kernel, postgres: PostgresServer) -> None:
    (spec,) = alveary_drivers()
    with Proxy(postgres.port) as proxy:
        session = kernel.open(postgres.target(port=proxy.port), spec)
        session.wait_connected()
        statement = session.execute("select generate_series(1, 100000000)")
        while not statement.rows:
            assert not statement.wait(0.01)
        proxy.cut()
        assert statement.wait(HANG)
        assert statement.outcome is Outcome.FAILED
        assert isinstance(statement.error, ConnectionLostError)
        assert session.state is SessionState.BROKEN


# -- connecting ----------------------------------------------------------------------------------------------------


def test_the_right_password_opens_whatever_characters_it_holds(postgres: PostgresServer) -> None:
    with closing(connect(postgres.target(user=ROLE, password=PASSWORD))) as connection:
        assert run(connection, "select current_user")[1] == Batch([(ROLE,)])
        assert connection.server().product == "PostgreSQL"
        assert connection.server().version[:2].isdigit()


@pytest.mark.parametrize("password", ["wr0ng%t p'w\\d é:/@", "", None, "x" * 5000])
def test_a_wrong_password_is_told_and_never_repeated(postgres: PostgresServer, password: str | None) -> None:
    caught = refused(postgres.target(user=ROLE, password=password))
    assert caught.server_code == "28P01"
    assert caught.hint
    for secret in filter(None, (password, PASSWORD)):
        for spelling in (secret, quote(secret, safe=""), quote_plus(secret), secret.split("%")[0]):
            assert spelling not in words(caught)


@pytest.mark.parametrize("database", ["nope", "host=127.0.0.1 dbname=postgres", "postgresql:///postgres", "a' b\\"])
def test_an_unknown_database_is_told(postgres: PostgresServer, database: str) -> None:
    caught = refused(postgres.target(database))
    assert isinstance(caught, DatabaseNotFoundError)
    assert caught.server_code == "3D000"
    assert f'database "{database}" does not exist' in caught.message


def test_an_unknown_role_is_told(postgres: PostgresServer) -> None:
    assert refused(postgres.target(user="nobody of that name")).server_code == "28000"


def test_too_many_connections_are_told(postgres: PostgresServer, database: str) -> None:
    postgres.psql("create role lonely login connection limit 0")
    try:
        caught = refused(postgres.target(database, user="lonely"))
    finally:
        postgres.psql("drop role lonely")
    assert caught.server_code == "53300"
    for said in ("sorry, too many clients already", "remaining connection slots are reserved for roles with ..."):
        text = f'connection failed: connection to server at "h", port 5432 failed: FATAL:  {said}'
        assert errors.refused(text).server_code == "53300"


def test_a_port_nobody_listens_at_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    caught = refused(Target(scheme="postgresql", host="127.0.0.1", port=port, user="u", database="d"))
    assert "refused" in caught.message
    assert caught.hint


def test_a_server_that_never_answers_costs_no_more_than_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target(scheme="postgresql", host="127.0.0.1", port=silent.getsockname()[1], user="u", database="d")
        started = time.monotonic()
        assert isinstance(refused(target, timeout=0.5), ConnectionTimeoutError)
        assert time.monotonic() - started < 5


def test_a_name_that_is_never_resolved_costs_no_more_than_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hangs(*_: object, **__: object) -> object:
        over.wait(HANG)
        raise socket.gaierror("over")

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    started = time.monotonic()
    target = Target(scheme="postgresql", host="slow.example", user="u", database="d")
    assert isinstance(refused(target, timeout=0.3), ConnectionTimeoutError)
    assert time.monotonic() - started < 5
    over.set()


def test_a_connection_that_comes_too_late_is_closed(
    postgres: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, closed = threading.Event(), threading.Event()

    class Told(psycopg.Connection[Any]):
        def close(self) -> None:
            super().close()
            closed.set()

    def late(*arguments: Any, **parameters: Any) -> Told:
        now.wait(HANG)
        return Told.connect(*arguments, **parameters)

    monkeypatch.setattr(psycopg, "connect", late)
    assert isinstance(refused(postgres.target(database), timeout=0.2), ConnectionTimeoutError)
    now.set()
    assert closed.wait(HANG)


def test_an_unknown_name_is_told() -> None:
    caught = refused(Target(scheme="postgresql", host="nowhere.invalid", user="u", database="d"))
    assert "nowhere.invalid" in caught.message


def test_the_environment_redirects_nothing(
    postgres: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("HOST", "HOSTADDR", "PORT", "DATABASE", "USER", "SERVICE", "OPTIONS", "SSLMODE", "SSLCERT",
                     "SSLROOTCERT", "SSLCRL", "REQUIREAUTH", "CHANNELBINDING", "REQUIREPEER", "GSSENCMODE",
                     "TARGETSESSIONATTRS", "LOADBALANCEHOSTS", "CONNECT_TIMEOUT", "CLIENTENCODING", "APPNAME",
                     "MINPROTOCOLVERSION", "MAXPROTOCOLVERSION", "SSLMINPROTOCOLVERSION", "SSLCERTMODE", "SSLSNI",
                     "SSLNEGOTIATION", "KRBSRVNAME", "GSSLIB", "GSSDELEGATION"):  # fmt: skip
        monkeypatch.setenv(f"PG{variable}", "elsewhere")
    with closing(connect(postgres.target(database))) as connection:
        sql = "select current_database(), current_setting('application_name'), current_setting('client_encoding')"
        assert run(connection, sql)[1] == Batch([(database, "alveary", "UTF8")])


@pytest.mark.parametrize("source", ["PGPASSWORD", "PGPASSFILE", "~/.pgpass"])
def test_no_password_but_the_targets_is_used(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    (tmp_path / ".pgpass").write_text(f"*:*:*:*:{escaped}\n")
    (tmp_path / ".pgpass").chmod(0o600)
    if source == "PGPASSWORD":
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
    elif source == "PGPASSFILE":
        monkeypatch.setenv("PGPASSFILE", str(tmp_path / ".pgpass"))
    else:
        monkeypatch.setenv("HOME", str(tmp_path))
    assert refused(postgres.target(user=ROLE)).server_code == "28P01"


def test_options_reach_the_session_and_a_read_only_target_has_the_last_word(
    postgres: PostgresServer, database: str
) -> None:
    options = {"options": "-c work_mem=3MB -c default_transaction_read_only=off", "application_name": "bee 'hive'"}
    with closing(connect(postgres.target(database, options=options, read_only=True))) as connection:
        for name, value in (("work_mem", "3MB"), ("application_name", "bee 'hive'"), ("transaction_read_only", "on")):
            assert run(connection, f"show {name}")[1] == Batch([(value,)])


def test_a_server_without_encryption_is_refused_where_it_is_required(postgres: PostgresServer) -> None:
    caught = refused(postgres.target(options={"sslmode": "require"}))
    assert "SSL" in caught.message
    assert "sslmode" in (caught.hint or "")


@pytest.mark.parametrize("name", ["user", "password", "database"])
def test_what_is_no_character_is_refused_before_anything_is_sent(postgres: PostgresServer, name: str) -> None:
    for bad in ("x\0y", "x\ud800y"):
        with pytest.raises(InvalidInputError) as caught:
            connect(postgres.target(**{name: bad})) if name != "database" else connect(postgres.target(bad))
        assert "x" not in caught.value.message.replace("what", "")


def test_the_socket_of_this_machine_is_found(
    postgres: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "SOCKET_FOLDERS", ("/nowhere", str(postgres.folder)))
    with closing(connect(postgres.target(database, host=None))) as connection:
        assert run(connection, "select inet_server_addr()")[1] == Batch([(None,)])
    with suppress(ConnectionFailedError), closing(connect(postgres.target(database, host=None, port=1))):
        pytest.fail("nobody listens at port 1")
