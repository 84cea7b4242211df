"""Running statements on PostgreSQL: rows, counts, parameters, notices, transactions, read-only sessions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from types import MappingProxyType

import pytest
from fix_postgres import PostgresServer

from alveary.contracts.driver import Batch, BatchSize, Columns, Message, Notice, RowCount, TransactionState
from alveary.contracts.values import Cell, Parameters, Row, ValueKind
from alveary.errors import (
    InvalidInputError,
    MissingParameterError,
    QueryError,
    ReadOnlyError,
    SessionClosedError,
    UnsupportedError,
)
from alveary_plugins.drivers.postgres.driver import PostgresConnection, PostgresDriver

MANY = 1_000_000


def run(connection: PostgresConnection, sql: str, parameters: Parameters = None, *, size: int = 16) -> list[Message]:
    batch = BatchSize()
    batch.rows = size
    return list(connection.execute(sql, parameters, batch=batch))


def rows(connection: PostgresConnection, sql: str, parameters: Parameters = None, *, size: int = 16) -> list[Row]:
    batches = (m.rows for m in run(connection, sql, parameters, size=size) if isinstance(m, Batch))
    return list(itertools.chain.from_iterable(batches))


def state(connection: PostgresConnection) -> TransactionState:
    return connection.transaction_state


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as name:
        yield name


@pytest.fixture
def connection(postgres: PostgresServer, database: str) -> Iterator[PostgresConnection]:
    with closing(PostgresDriver().connect(postgres.target(database), timeout=10)) as connection:
        run(connection, "create temp table t (a int)")
        yield connection


@pytest.fixture
def read_only(postgres: PostgresServer, database: str) -> Iterator[PostgresConnection]:
    with closing(PostgresDriver().connect(postgres.target(database, read_only=True), timeout=10)) as connection:
        yield connection


# -- rows and counts -----------------------------------------------------------------------------------------------


def test_a_result_is_columns_then_batches(connection: PostgresConnection) -> None:
    columns, *batches = run(connection, "select n, 'x' as n, null from generate_series(1, 3) as n", size=2)
    assert isinstance(columns, Columns)
    assert [(c.name, c.type_name, c.type_id, c.kind) for c in columns.columns] == [
        ("n", "integer", 23, ValueKind.NUMBER),
        ("n", "text", 25, ValueKind.TEXT),
        ("?column?", "text", 25, ValueKind.TEXT),
    ]
    assert batches == [Batch([("1", "x", None), ("2", "x", None)]), Batch([("3", "x", None)])]


@pytest.mark.parametrize("size", [1, 7, 127, 128, 129, 256])
@pytest.mark.parametrize("count", [0, 1, 128, 129, 256, 1000])
def test_no_batch_is_larger_than_asked_for_and_no_row_lost(
    connection: PostgresConnection, size: int, count: int
) -> None:
    messages = run(connection, f"select n from generate_series(1, {count}) as n", size=size)
    batches = [m.rows for m in messages if isinstance(m, Batch)]
    assert all(0 < len(batch) <= size for batch in batches)
    assert list(itertools.chain.from_iterable(batches)) == [(str(n),) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("insert into t values (1), (2)", 2),
        ("update t set a = 3", 1),
        ("delete from t where false", 0),
        ("/* ; */ with x as (select 7) insert into t select * from x", 1),
        ("merge into t using (select 1 as b) as s on a = b when matched then update set a = 2", 1),
        ("create temp table u as select generate_series(1, 5)", 5),
        ("select a into temp table v from t", 1),
    ],
)
def test_a_change_says_how_many_rows(connection: PostgresConnection, sql: str, count: int) -> None:
    run(connection, "insert into t values (1)")
    assert run(connection, sql) == [RowCount(count)]


@pytest.mark.parametrize("count", [0, 1, 128, 300])
def test_returning_gives_rows_and_then_the_count(connection: PostgresConnection, count: int) -> None:
    sql = f"insert into t select n from generate_series(1, {count}) as n returning a * 10"
    columns, *batches, last = run(connection, sql, size=256)
    assert isinstance(columns, Columns)
    assert sum(len(batch.rows) for batch in batches if isinstance(batch, Batch)) == count
    assert last == RowCount(count)
    assert rows(connection, "select count(*) from t") == [(str(count),)]


@pytest.mark.parametrize("sql", ["create temp table w (a int)", "set work_mem = '8MB'", "-- nothing", "", ";"])
def test_what_changes_no_rows_gives_nothing(connection: PostgresConnection, sql: str) -> None:
    assert run(connection, sql) == []


def test_a_select_has_no_count(connection: PostgresConnection) -> None:
    assert [type(m) for m in run(connection, "with x as (select 1) select * from x")] == [Columns, Batch]


def test_a_result_without_columns_is_none(connection: PostgresConnection) -> None:
    assert run(connection, "select from generate_series(1, 300)") == []


def test_what_can_not_run_in_a_transaction_runs(connection: PostgresConnection) -> None:
    assert run(connection, "vacuum t") == []


def test_a_type_made_a_moment_ago_has_its_name(connection: PostgresConnection) -> None:
    run(connection, "create type mood as enum ('so', 'so so')")
    columns, _ = run(connection, "select 'so'::mood, array['so'::mood], '{1}'::int[], null::aclitem, 'a'::char(3)")
    assert isinstance(columns, Columns)
    names = ["mood", "mood[]", "integer[]", "aclitem", "character"]
    assert [c.type_name for c in columns.columns] == names
    run(connection, "drop type mood")


def test_a_row_type_has_its_number_at_first_and_then_its_name(connection: PostgresConnection) -> None:
    sql = "select null::pg_catalog.pg_class"
    headers = [m for _ in range(2) for m in run(connection, sql) if isinstance(m, Columns)]
    assert [header.columns[0].type_name for header in headers] == ["83", "pg_class"]


# -- leaving early -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [1, 2, 5])
def test_leaving_a_result_early_ends_the_statement(connection: PostgresConnection, taken: int) -> None:
    messages = connection.execute(f"select generate_series(1, {MANY * 1000})", None, batch=BatchSize())
    for _ in range(taken):
        next(messages)
    messages.close()
    assert rows(connection, "select 1") == [("1",)]


def test_leaving_early_does_not_undo_a_change(connection: PostgresConnection) -> None:
    messages = connection.execute(
        f"insert into t select generate_series(1, {MANY // 10}) returning a", None, batch=BatchSize()
    )
    next(messages), next(messages)
    messages.close()
    assert rows(connection, "select count(*) from t") == [(str(MANY // 10),)]


def test_leaving_early_does_not_fail_a_transaction(connection: PostgresConnection) -> None:
    connection.begin()
    messages = connection.execute(f"select generate_series(1, {MANY // 10})", None, batch=BatchSize())
    next(messages), next(messages)
    assert state(connection) is TransactionState.ACTIVE
    messages.close()
    assert state(connection) is TransactionState.ACTIVE
    connection.commit()


def test_a_change_that_fails_behind_what_was_taken_is_told(connection: PostgresConnection) -> None:
    run(connection, "create temp table k (a int primary key deferrable initially deferred)")
    messages = connection.execute(
        "insert into k select n % 5000 from generate_series(1, 20000) as n returning a", None, batch=BatchSize()
    )
    next(messages), next(messages)
    with pytest.raises(QueryError, match="duplicate key"):
        messages.close()


def test_a_second_statement_has_to_wait_for_the_first(connection: PostgresConnection) -> None:
    messages = connection.execute(f"select generate_series(1, {MANY})", None, batch=BatchSize())
    next(messages)
    with pytest.raises(QueryError, match="still running"):
        run(connection, "select 1")
    messages.close()


def test_a_closed_connection_says_so(connection: PostgresConnection) -> None:
    connection.close()
    connection.close()
    connection.cancel()
    connection.abort()
    with pytest.raises(SessionClosedError):
        run(connection, "select 1")
    assert state(connection) is TransactionState.IDLE


# -- what the server says on the side ------------------------------------------------------------------------------


def test_notices_come_as_they_come_with_what_belongs_to_them(connection: PostgresConnection) -> None:
    sql = """do $$ begin
        raise notice 'one'; raise warning 'two' using detail = 'more', hint = 'do so'; raise info 'three'; end $$"""
    assert run(connection, sql) == [
        Notice("NOTICE", "one"),
        Notice("WARNING", "two\nDETAIL: more\nHINT: do so"),
        Notice("INFO", "three"),
    ]


def test_a_flood_of_notices_is_passed_on_piece_by_piece(connection: PostgresConnection) -> None:
    run(connection, "set client_min_messages = notice")
    count = 20_000
    sql = f"do $$ begin for i in 1..{count} loop raise notice '%', i; end loop; end $$"
    kept = 0
    for message in connection.execute(sql, None, batch=BatchSize()):
        assert isinstance(message, Notice)
        kept += 1
        assert len(connection._wire.notices) <= 1000
    assert 0 < kept <= count


def test_a_notification_is_passed_on(connection: PostgresConnection) -> None:
    run(connection, "listen news")
    said = [m for m in run(connection, "notify news, 'honey'") if isinstance(m, Notice)]
    assert [m.severity for m in said] == ["NOTIFY"]
    assert said[0].message.startswith("news: honey (from process ")


# -- parameters ----------------------------------------------------------------------------------------------------


def test_values_are_bound_by_name_or_by_place(connection: PostgresConnection) -> None:
    assert rows(connection, "select :a, :b::int, :c, :a", {"a": "1", "b": 2, "c": None}) == [("1", "2", None, "1")]
    assert rows(connection, "select :a", MappingProxyType({"a": "x"})) == [("x",)]
    assert rows(connection, "select $2, $1::int + 1, $2", (1, "é")) == [("é", "2", "é")]
    assert rows(connection, "select ':a', a[1:2] from (select array[1,2,3] as a) as x", {}) == [(":a", "{1,2}")]


@pytest.mark.parametrize(
    ("value", "type_name", "text"),
    [
        (True, "bool", "t"),
        (False, "bool", "f"),
        (2**63 - 1, "int8", "9223372036854775807"),
        (10**40, "numeric", "1" + "0" * 40),
        (0.1, "float8", "0.1"),
        (1e300, "float8", "1e+300"),
        (float("inf"), "float8", "Infinity"),
        (float("nan"), "float8", "NaN"),
        (b"\0\xff", "bytea", "\\x00ff"),
        (b"", "bytea", "\\x"),
        ("'; drop table t; --", "text", "'; drop table t; --"),
        ("", "text", ""),
        ("2024-02-29", "date", "2024-02-29"),
    ],
)
def test_a_value_arrives_as_what_its_place_wants(
    connection: PostgresConnection, value: Cell, type_name: str, text: str
) -> None:
    assert rows(connection, f"select $1::{type_name}, pg_typeof($1::{type_name})", [value])[0][0] == text
    assert rows(connection, f"select :v::{type_name}", {"v": value}) == [(text,)]


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (True, "boolean"),
        (-(2**31), "integer"),
        (2**31, "bigint"),
        (2**63, "numeric"),
        (0.1, "numeric"),
        (float("-inf"), "double precision"),
        (-0.0, "double precision"),
        (0.0, "numeric"),
        (b"x", "bytea"),
    ],
)
def test_a_value_has_the_type_it_would_have_if_it_were_written(
    connection: PostgresConnection, value: Cell, type_name: str
) -> None:
    assert rows(connection, "select pg_typeof(:v)", {"v": value}) == [(type_name,)]


def test_numbers_are_computed_with_as_numbers(connection: PostgresConnection) -> None:
    assert rows(connection, "select :a / :b, 3 * :c", {"a": 7, "b": 2, "c": 0.1}) == [("3", "0.3")]


@pytest.mark.parametrize(
    ("sql", "parameters", "named", "position"),
    [
        ("select :name", None, ":name", 8),
        ("select 'é', :a, :name", {"a": 1}, ":name", 17),
        ("select $1", None, "$1", None),
        ("select $1", {}, "$1", None),
        ("select $1, $2", ["x"], "$2", None),
    ],
)
def test_a_parameter_without_a_value_is_named(
    connection: PostgresConnection, sql: str, parameters: Parameters, named: str, position: int | None
) -> None:
    with pytest.raises(MissingParameterError) as caught:
        run(connection, sql, parameters)
    assert named in caught.value.message
    assert caught.value.position == position


@pytest.mark.parametrize("value", ["a\0b", "\ud800", object(), [1]])
def test_a_value_the_server_can_not_hold_is_refused(connection: PostgresConnection, value: Cell) -> None:
    with pytest.raises(InvalidInputError):
        run(connection, "select $1", [value])


def test_too_many_values_are_refused(connection: PostgresConnection) -> None:
    with pytest.raises(InvalidInputError, match="2 values"):
        run(connection, "select $1", [1, 2])
    with pytest.raises(InvalidInputError, match="65535"):
        run(connection, f"select {','.join(f'${n}' for n in range(1, 65537))}", [1] * 65536)


# -- transactions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_each_isolation_level_is_set(connection: PostgresConnection, level: str) -> None:
    connection.begin(level)
    assert rows(connection, "show transaction_isolation") == [(level,)]
    connection.rollback()


def test_an_unknown_isolation_level_is_refused(connection: PostgresConnection) -> None:
    with pytest.raises(UnsupportedError) as caught:
        connection.begin("snapshot; drop table t")
    assert "serializable" in (caught.value.hint or "")


def test_the_state_follows_what_the_person_typed(connection: PostgresConnection) -> None:
    run(connection, "begin")
    assert state(connection) is TransactionState.ACTIVE
    with pytest.raises(QueryError):
        run(connection, "select 1 / 0")
    assert state(connection) is TransactionState.FAILED
    with pytest.raises(QueryError) as caught:
        run(connection, "select 1")
    assert caught.value.server_code == "25P02"
    assert "roll" in (caught.value.hint or "")
    run(connection, "rollback")
    assert state(connection) is TransactionState.IDLE


def test_a_commit_that_became_a_rollback_says_so(connection: PostgresConnection) -> None:
    connection.begin()
    with pytest.raises(QueryError):
        run(connection, "select 1 / 0")
    with pytest.raises(QueryError, match="rolled back"):
        connection.commit()
    assert state(connection) is TransactionState.IDLE
    connection.begin()
    with pytest.raises(QueryError):
        run(connection, "select 1 / 0")
    assert [m.severity for m in run(connection, "commit") if isinstance(m, Notice)] == ["WARNING"]


def test_transactions_are_not_nested_and_not_imagined(connection: PostgresConnection) -> None:
    connection.rollback()
    with pytest.raises(QueryError, match="no transaction"):
        connection.commit()
    connection.begin()
    with pytest.raises(QueryError, match="already"):
        connection.begin()
    connection.rollback()


# -- read-only sessions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "create table nope (a int)",
        "update pg_catalog.pg_class set relname = relname where false",
        "with x as (insert into spot values (1) returning a) select * from x",
        "copy spot to '/tmp/nope'",
        "/* x */ Copy (select 1) to program 'true'",
        "alter system set work_mem = '1MB'",
        "set default_transaction_read_only = off",
        'set "default_transaction_read_only" to off',
        "set local transaction_read_only to off",
        "reset default_transaction_read_only",
        "begin read write",
        "start transaction isolation level serializable, read write",
        "set session characteristics as transaction read write",
    ],
)
def test_a_read_only_session_writes_nothing(
    read_only: PostgresConnection, connection: PostgresConnection, sql: str
) -> None:
    run(connection, "create table if not exists spot (a int)")
    with pytest.raises(ReadOnlyError):
        run(read_only, sql)
    assert rows(read_only, "select count(*) from spot") == [("0",)]


def test_what_a_function_loosened_is_tightened_again(
    read_only: PostgresConnection, connection: PostgresConnection
) -> None:
    run(connection, "create table if not exists spot (a int)")
    for begins in (False, True):
        run(read_only, "select set_config('default_transaction_read_only', 'off', false)")
        if begins:
            read_only.begin()
            with pytest.raises(QueryError, match="before any query"):
                run(read_only, "select set_config('transaction_read_only', 'off', false)")
            read_only.rollback()
            read_only.begin()
        with pytest.raises(ReadOnlyError):
            run(read_only, "insert into spot values (1)")
        read_only.rollback()


def test_a_read_only_session_reads(read_only: PostgresConnection) -> None:
    assert rows(read_only, "show transaction_read_only") == [("on",)]
    read_only.begin()
    assert rows(read_only, "select 'read write', 1") == [("read write", "1")]
    read_only.commit()
    assert rows(read_only, "set work_mem = '8MB'") == []
