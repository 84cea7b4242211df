"""Running statements on MariaDB: rows, counts, warnings, parameters, transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import MappingProxyType

import pytest
from fix_mariadb import MariaServer, rows, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alveary.contracts.driver import Batch, BatchSize, Columns, Notice, RowCount, TransactionState
from alveary.contracts.values import Cell, Parameters, ValueKind
from alveary.errors import (
    ConstraintViolationError,
    DatabaseLockedError,
    InvalidInputError,
    MissingParameterError,
    NulCharacterError,
    QueryError,
    SqlSyntaxError,
    UnsupportedError,
)
from alveary_plugins.drivers.mysql.binding import literal
from alveary_plugins.drivers.mysql.driver import MysqlConnection

Connect = Callable[..., MysqlConnection]


@pytest.fixture
def connect(mariadb_connect: Connect) -> Connect:
    return mariadb_connect


@pytest.fixture
def connection(connect: Connect) -> MysqlConnection:
    return connect()


@pytest.fixture
def table(connection: MysqlConnection) -> MysqlConnection:
    run(connection, "create table t (a int primary key, b varchar(20))")
    run(connection, "insert into t select seq, concat('row ', seq) from seq_1_to_7")
    return connection


# -- rows and counts -----------------------------------------------------------------------------------------------


def test_a_result_is_columns_then_batches(table: MysqlConnection) -> None:
    columns, *batches = run(table, "select a, b as name from t where a < 4", size=2)
    assert isinstance(columns, Columns)
    assert [(c.name, c.type_name, c.nullable, c.kind) for c in columns.columns] == [
        ("a", "int", False, ValueKind.NUMBER),
        ("name", "varchar", True, ValueKind.TEXT),
    ]
    assert batches == [Batch([("1", "row 1"), ("2", "row 2")]), Batch([("3", "row 3")])]


@pytest.mark.parametrize("width", [1, 2, 256, 257, 1000])
def test_a_result_may_be_wide(connection: MysqlConnection, width: int) -> None:
    (row,) = rows(connection, "select " + ", ".join(f"{n} as `column {n}`" for n in range(width)))
    assert row == tuple(map(str, range(width)))


@pytest.mark.parametrize("length", [0, 1, 127, 128, 250, 251, 252, 65_535, 65_536, 200_000, 3_000_000])
def test_a_cell_of_any_length_arrives_whole(connection: MysqlConnection, length: int) -> None:
    sql = f"select repeat('x', {length}) as a, repeat('é', {length}) as b, repeat(x'ff', {length}) as c, 'end'"
    assert rows(connection, sql) == [("x" * length, "é" * length, b"\xff" * length, "end")]


def test_rows_longer_than_a_packet_arrive_whole(connect: Connect, mariadb: MariaServer) -> None:
    before = mariadb.admin("select @@global.max_allowed_packet").strip()
    mariadb.admin("set global max_allowed_packet = 67108864")
    try:
        large = connect()
        for length in (0xFFFFFF - 5, 0xFFFFFF - 4, 0xFFFFFF, 0x1FFFFFF):
            got = rows(large, f"select repeat('x', {length}), 'end' union all select 'next', null")
            assert [(len(a or ""), b) for a, b in got] == [(length, "end"), (4, None)]  # type: ignore[arg-type]  # texts
        sent = "y" * 0x1000000
        assert rows(large, f"select length('{sent}')") == [(str(len(sent)),)]
    finally:
        mariadb.admin(f"set global max_allowed_packet = {before}")


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("insert into t values (8, ''), (9, '')", 2),
        ("update t set b = 'x' where a > 5", 2),
        ("update t set b = b", 0),
        ("delete from t where 0", 0),
        ("/* ; */ # with\n delete from t where a = 1", 1),
        ("replace into t values (1, 'x')", 2),
        ("create table u as select * from t", 7),
    ],
)
def test_a_change_says_how_many_rows(table: MysqlConnection, sql: str, count: int) -> None:
    assert run(table, sql) == [RowCount(count)]


def test_returning_gives_rows(table: MysqlConnection) -> None:
    messages = run(table, "insert into t values (8, 'x'), (9, null) returning a * 10 as n, b")
    assert messages[1:] == [Batch([("80", "x"), ("90", None)])]
    assert len(rows(table, "select * from t")) == 9


@pytest.mark.parametrize(
    "sql",
    [
        "create table u (a int)",
        "set @x = 1",
        "select 1 into @x",
        "do 1",
        "-- nothing",
        "",
        "/* nothing */ ;",
    ],
)
def test_what_changes_no_rows_gives_nothing(connection: MysqlConnection, sql: str) -> None:
    assert run(connection, sql) == []


def test_a_second_statement_is_refused_and_neither_is_run(table: MysqlConnection) -> None:
    with pytest.raises(SqlSyntaxError):
        run(table, "delete from t; delete from t")
    assert len(rows(table, "select * from t")) == 7


def test_a_procedure_shows_its_first_result_and_says_how_many_more_there_were(table: MysqlConnection) -> None:
    run(table, "create procedure p() begin select 1 as a; select * from t; update t set b = 'x' where a = 1; end")
    run(table, "create procedure q() begin update t set b = 'y' where a < 3; end")
    columns, batch, notice = run(table, "call p()")
    assert isinstance(columns, Columns)
    assert (batch, notice) == (Batch([("1",)]), Notice("Note", "1 more result of the statement can't be shown"))
    assert rows(table, "select b from t where a = 1") == [("x",)]
    assert run(table, "call q()") == [RowCount(2)]


def test_leaving_a_result_early_ends_the_statement(table: MysqlConnection) -> None:
    run(table, "create procedure p() begin select 1 as a; select * from t; end")
    for sql in ("select * from t", "select seq from seq_1_to_100000000", "call p()"):
        messages = table.execute(sql, None, batch=BatchSize())
        assert isinstance(next(messages), Columns)
        assert isinstance(next(messages), Batch)
        messages.close()
        assert rows(table, "select 2") == [("2",)]
    run(table, "drop table t")  # would wait for a statement that is still reading


def test_a_second_statement_while_a_result_is_read_is_refused(table: MysqlConnection) -> None:
    messages = table.execute("select * from seq_1_to_100000", None, batch=BatchSize())
    assert isinstance(next(messages), Columns)
    with pytest.raises(QueryError, match="still being read"):
        run(table, "select 1")
    assert len([m for m in messages if isinstance(m, Batch)]) == 100_000 // 16
    assert rows(table, "select 1") == [("1",)]


def test_rows_before_a_failure_are_kept(connection: MysqlConnection) -> None:
    run(connection, "set sql_mode = ''")
    sql = "select seq, cast(if(seq = 5, (select 1 union select 2), seq) as int) from seq_1_to_9"
    messages, got = connection.execute(sql, None, batch=BatchSize()), []
    with pytest.raises(QueryError, match="more than 1 row"):
        got += [message for message in messages if isinstance(message, Batch)]
    assert rows(connection, "select 1") == [("1",)]


# -- warnings ------------------------------------------------------------------------------------------------------


def test_warnings_come_as_notices_after_the_rows(connection: MysqlConnection) -> None:
    messages = run(connection, "select 1 / 0, cast('x' as int)")
    assert messages[1:] == [
        Batch([(None, "0")]),
        Notice("Warning", "Division by 0"),
        Notice("Warning", "Truncated incorrect INTEGER value: 'x'"),
    ]
    run(connection, "create table t (a int)")
    assert run(connection, "create table if not exists t (a int)") == [Notice("Note", "Table 't' already exists")]
    assert run(connection, "select 1")[1:] == [Batch([("1",)])]


def test_a_change_with_warnings_still_counts(connection: MysqlConnection) -> None:
    run(connection, "set sql_mode = ''")
    run(connection, "create table t (a tinyint)")
    notice, count = run(connection, "insert into t values (1000)")
    assert isinstance(notice, Notice)
    assert count == RowCount(1)


def test_asking_for_the_warnings_oneself_does_not_bring_them_twice(connection: MysqlConnection) -> None:
    run(connection, "select 1 / 0")
    assert len(run(connection, "show warnings")) == 2


def test_notices_are_bounded(connection: MysqlConnection) -> None:
    run(connection, "set max_error_count = 5000")
    messages = run(connection, "select seq / 0 from seq_1_to_3000", size=3000)
    assert sum(isinstance(message, Notice) for message in messages) == 1000


# -- parameters ----------------------------------------------------------------------------------------------------


def test_values_are_bound_by_name_or_by_place(connection: MysqlConnection) -> None:
    assert rows(connection, "select :a, ':a', :b /* :c */, `x`.`:d`, :a from (select 1 as `:d`) x -- :e", {
        "a": 1, "b": None}) == [("1", ":a", None, "1", "1")]  # fmt: skip
    assert rows(connection, "select :a", MappingProxyType({"a": "x"})) == [("x",)]
    assert rows(connection, "select ?, ?", [1, b"\0"]) == [("1", b"\0")]
    assert rows(connection, "select ?2, ?1", (1, 2)) == [("2", "1")]
    assert rows(connection, "select '?'", []) == [("?",)]
    assert rows(connection, "select 1 limit ?", [1]) == [("1",)]


@pytest.mark.parametrize(
    ("sql", "parameters", "named"),
    [
        ("select :name", None, ":name"),
        ("select 1 + :name, :other", None, ":name"),
        ("select :a, :name", {"a": 1}, ":name"),
        ("select ?", None, "?"),
        ("select ?, ?", [1], "?2"),
        ("select :name", [1], ":name"),
        ("select ?", {"a": 1}, "?"),
    ],
)
def test_a_parameter_without_a_value_is_named(
    connection: MysqlConnection, sql: str, parameters: Parameters, named: str
) -> None:
    with pytest.raises(MissingParameterError) as caught:
        run(connection, sql, parameters)
    assert f"parameter {named} " in caught.value.message
    assert rows(connection, "select 1") == [("1",)]


@pytest.mark.parametrize("value", ["\ud800", object(), [1], float("inf"), float("nan")])
def test_a_value_mysql_can_not_hold_is_refused(connection: MysqlConnection, value: Cell) -> None:
    with pytest.raises(InvalidInputError):
        run(connection, "select ?", [value])
    assert rows(connection, "select 1") == [("1",)]


def test_too_many_values_are_refused(connection: MysqlConnection) -> None:
    with pytest.raises(InvalidInputError, match="2 values"):
        run(connection, "select ?", [1, 2])


def test_an_error_after_a_value_is_placed_in_the_statement_as_it_was_written(connection: MysqlConnection) -> None:
    sql = "select :long, :b from where 1"
    with pytest.raises(SqlSyntaxError) as caught:
        run(connection, sql, {"long": "é" * 30, "b": -3})
    assert caught.value.position == sql.index("where") + 1


MODES = ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", "ORACLE", "PIPES_AS_CONCAT"]
HOSTILE = [
    "", "'", "''", "\\", "\\'", "\\\\'", "' or 1=1 -- ", "\\' or 1=1 #", '"', "`", "\0", "\x1a", "\n", "%", "%s", ":a",
    "?", "é", "\u00bf'", "縗'", "\u0160\\", "😀", "/*! drop */", "x' union select 1", "\u2028", "a" * 1000 + "'",
    "\x7f", "\t",
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_hostile_texts_stay_values_in_every_mode(connection: MysqlConnection, mode: str) -> None:
    run(connection, f"set sql_mode = '{mode}'")
    for text in HOSTILE:
        sql = "select hex(:v), 'it''s', :n, `a:v` from (select 1 as `a:v`) x"
        assert rows(connection, sql, {"v": text, "n": 7}) == [(text.encode().hex().upper(), "it's", "7", "1")]


@pytest.mark.parametrize("charset", ["latin1", "gbk", "sjis", "big5", "utf8mb3", "cp932"])
def test_hostile_texts_stay_values_in_every_character_set(connection: MysqlConnection, charset: str) -> None:
    run(connection, f"set names {charset}")
    for text in HOSTILE:
        assert rows(connection, "select hex(:v), :n", {"v": text, "n": 7}) == [(text.encode().hex().upper(), "7")]


def test_what_is_within_quotes_depends_on_the_mode(connection: MysqlConnection) -> None:
    assert rows(connection, "select 'a\\', :v, ', :v", {"v": 1}) == [("a', :v, ", "1")]
    run(connection, "set sql_mode = 'NO_BACKSLASH_ESCAPES'")
    assert rows(connection, "select 'a\\', :v, ' b'", {"v": 1}) == [("a\\", "1", " b")]
    run(connection, "set sql_mode = 'ANSI_QUOTES'")
    assert rows(connection, 'select "a\\", :v from (select 5 as "a\\") x', {"v": 1}) == [("5", "1")]


TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text("'\\\"`%;:?\0\x1aé¿縗-# \n")
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    st.binary(),
)


@pytest.fixture(params=["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES"])
def moded(connection: MysqlConnection, request: pytest.FixtureRequest) -> MysqlConnection:
    run(connection, f"set sql_mode = '{request.param}'")
    return connection


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(VALUES, min_size=1, max_size=6))
def test_every_value_comes_back_as_it_went_in(moded: MysqlConnection, values: list[Cell]) -> None:
    columns, batch = run(moded, f"select {', '.join('?' * len(values))}", values)
    assert isinstance(columns, Columns)
    assert isinstance(batch, Batch)
    back = [column.decode(cell) for column, cell in zip(columns.columns, batch.rows[0], strict=True)]
    assert back == [int(value) if isinstance(value, bool) else value for value in values]


@settings(derandomize=True, deadline=None)
@given(VALUES)
def test_a_literal_is_ascii_of_one_line_without_what_ends_it(value: Cell) -> None:
    text = literal(value)
    assert text.isascii()
    assert text.isprintable()
    assert "\\" not in text
    if text[0] == "'":
        assert "'" not in text[1:-1].replace("''", "")


# -- text ----------------------------------------------------------------------------------------------------------


def test_a_statement_with_characters_that_are_none_is_not_sent(connection: MysqlConnection) -> None:
    for sql, error in (("select '\0'", NulCharacterError), ("select '\ud800'", SqlSyntaxError)):
        with pytest.raises(error) as caught:
            run(connection, sql)
        assert caught.value.position == 9
    assert rows(connection, "select 1") == [("1",)]


# -- transactions --------------------------------------------------------------------------------------------------


def state(connection: MysqlConnection) -> TransactionState:
    return connection.transaction_state


def test_nothing_begins_a_transaction_but_begin(table: MysqlConnection, connect: Connect) -> None:
    run(table, "insert into t values (8, '')")
    assert state(table) is TransactionState.IDLE
    table.begin()
    assert state(table) is TransactionState.ACTIVE
    run(table, "insert into t values (9, '')")
    assert rows(connect(), "select count(*) from t") == [("8",)]
    table.rollback()
    assert state(table) is TransactionState.IDLE
    table.begin("serializable")
    run(table, "insert into t values (10, '')")
    table.commit()
    assert rows(connect(), "select max(a), count(*) from t") == [("10", "9")]


def test_the_state_follows_what_the_person_typed(table: MysqlConnection) -> None:
    run(table, "START TRANSACTION")
    assert state(table) is TransactionState.ACTIVE
    run(table, "create table u (a int)")  # which commits
    assert state(table) is TransactionState.IDLE
    run(table, "set autocommit = 0")
    rows(table, "select * from t")
    assert state(table) is TransactionState.ACTIVE
    run(table, "rollback")
    assert state(table) is TransactionState.IDLE


def test_the_isolation_level_is_set_for_each_transaction(table: MysqlConnection, connect: Connect) -> None:
    other = connect()
    for level, seen in [("read uncommitted", "9"), ("read committed", "7"), ("repeatable read", "7"), (None, "7")]:
        other.begin()
        run(other, "insert into t values (8, ''), (9, '')")
        table.begin(level)
        assert rows(table, "select count(*) from t") == [(seen,)]
        table.commit()
        other.rollback()
    with pytest.raises(UnsupportedError) as caught:
        table.begin("snapshot")
    assert "serializable" in (caught.value.hint or "")


def test_rollback_without_a_transaction_is_nothing_and_commit_an_error(connection: MysqlConnection) -> None:
    connection.rollback()
    with pytest.raises(QueryError, match="no transaction is active"):
        connection.commit()


def test_a_failed_statement_does_not_end_the_transaction(table: MysqlConnection) -> None:
    table.begin()
    with pytest.raises(ConstraintViolationError) as caught:
        run(table, "insert into t values (1, '')")
    assert caught.value.detail is None
    assert state(table) is TransactionState.ACTIVE
    table.rollback()


def test_a_deadlock_ends_the_transaction_and_says_so(table: MysqlConnection, connect: Connect) -> None:
    one, other = table, connect()
    one.begin()
    other.begin()
    run(one, "update t set b = '1' where a = 1")
    run(other, "update t set b = '2' where a in (2, 3, 4)")
    errors: list[DatabaseLockedError] = []

    def update(connection: MysqlConnection, a: int) -> None:
        try:
            run(connection, f"update t set b = 'x' where a = {a}")
        except DatabaseLockedError as exc:
            errors.append(exc)

    waiting = threading.Thread(target=update, args=(other, 1))
    waiting.start()
    update(one, 2)
    waiting.join(15)
    (error,) = errors
    assert error.server_code == "1213 (40001)"
    assert error.detail == "the open transaction ended with it"
    assert {state(one), state(other)} == {TransactionState.IDLE, TransactionState.ACTIVE}
    one.rollback()
    other.rollback()
