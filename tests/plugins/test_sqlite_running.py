"""Running statements on SQLite: rows, counts, parameters, text that is not UTF-8, transactions, locks, cancelling."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alveary.contracts.driver import Batch, BatchSize, Columns, Message, RowCount, TransactionState
from alveary.contracts.target import Target
from alveary.contracts.values import Cell, Parameters, Row, ValueKind
from alveary.errors import (
    DatabaseLockedError,
    InvalidInputError,
    MissingParameterError,
    QueryCancelledError,
    QueryError,
    UnsupportedError,
)
from alveary.testing.conformance.base import Running
from alveary_plugins.drivers.sqlite.driver import SqliteConnection, SqliteDriver

COUNT_FOR_EVER = "with recursive r(i) as (select 1 union all select i + 1 from r) select count(*) from r"
COUNT_FOR_LONG = COUNT_FOR_EVER.replace("from r)", "from r where i < 30000000 * :n)")
HANG = 10.0
"""Seconds after which a wait that should take a moment counts as a hang."""


def connect(path: Path | None = None, *, read_only: bool = False) -> SqliteConnection:
    target = Target(scheme="sqlite", database=str(path) if path else None, read_only=read_only)
    return SqliteDriver().connect(target, timeout=5)


def run(connection: SqliteConnection, sql: str, parameters: Parameters = None, *, size: int = 16) -> list[Message]:
    batch = BatchSize()
    batch.rows = size
    return list(connection.execute(sql, parameters, batch=batch))


def rows(connection: SqliteConnection, sql: str, parameters: Parameters = None, *, size: int = 16) -> list[Row]:
    batches = (m.rows for m in run(connection, sql, parameters, size=size) if isinstance(m, Batch))
    return list(itertools.chain.from_iterable(batches))


def state(connection: SqliteConnection) -> TransactionState:
    return connection.transaction_state


@pytest.fixture
def memory() -> Iterator[SqliteConnection]:
    with closing(connect()) as connection:
        yield connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "made.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("create table t(a); insert into t values (1)")
    return path


@pytest.fixture
def two(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SqliteConnection, SqliteConnection]]:
    """Two connections to one file that wait for locks only shortly."""
    monkeypatch.setattr(SqliteConnection, "patience", 0.0)
    with closing(connect(path)) as one, closing(connect(path)) as other:
        yield one, other


# -- rows and counts -----------------------------------------------------------------------------------------------


def test_a_result_is_columns_then_batches(memory: SqliteConnection) -> None:
    columns, *batches = run(memory, "select value as n, 'x' from json_each('[1,2,3]')", size=2)
    assert isinstance(columns, Columns)
    assert [(c.name, c.type_name, c.kind) for c in columns.columns] == [
        ("n", "", ValueKind.DYNAMIC),
        ("'x'", "", ValueKind.DYNAMIC),
    ]
    assert batches == [Batch([(1, "x"), (2, "x")]), Batch([(3, "x")])]


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("insert into t values (1), (2)", 2),
        ("update t set a = 3", 1),
        ("delete from t where 0", 0),
        ("/* ; */ -- with\n insert into t values (1)", 1),
        ("with x as (select 7) insert into t select * from x", 1),
        ("-- why\nwith x as (select 7) delete from t where 0", 0),
    ],
)
def test_a_change_says_how_many_rows(memory: SqliteConnection, sql: str, count: int) -> None:
    run(memory, "create table t(a)")
    run(memory, "insert into t values (1)")
    assert run(memory, sql) == [RowCount(count)]


@pytest.mark.parametrize("with_", ["", "with x as (select 1) "])
def test_returning_gives_rows_and_then_the_count(memory: SqliteConnection, with_: str) -> None:
    run(memory, "create table t(a)")
    messages = run(memory, with_ + "insert into t values (1), (2) returning a * 10")
    assert messages[1:] == [Batch([(10,), (20,)]), RowCount(2)]


@pytest.mark.parametrize(
    "sql",
    ["create table u(a)", "create virtual table f using fts5(x)", "pragma user_version = 3", "-- nothing", "", ";"],
)
def test_what_changes_no_rows_gives_nothing(memory: SqliteConnection, sql: str) -> None:
    assert run(memory, sql) == []


def test_a_select_has_no_count(memory: SqliteConnection) -> None:
    assert [type(m) for m in run(memory, "with x as (select 1) select * from x")] == [Columns, Batch]


def test_a_column_another_connection_added_is_seen_at_once(two: tuple[SqliteConnection, SqliteConnection]) -> None:
    one, other = two
    assert rows(one, "select * from t") == [(1,)]
    run(other, "alter table t add column b default 'new'")
    columns, batch = run(one, "select * from t")
    assert isinstance(columns, Columns)
    assert [c.name for c in columns.columns] == ["a", "b"]
    assert batch == Batch([(1, "new")])


def test_rows_before_a_failure_are_kept(memory: SqliteConnection) -> None:
    run(memory, "create table t(a)")
    run(memory, "insert into t select value from json_each('[1,2,3,4,5]')")
    messages = memory.execute("select abs(iif(a = 5, -9223372036854775807 - 1, a)) from t", None, batch=BatchSize())
    assert isinstance(next(messages), Columns)
    # Python steps ahead while it hands out a row, so the row right before the failure is lost in its module.
    assert next(messages) == Batch([(1,), (2,), (3,)])
    with pytest.raises(QueryError, match="overflow"):
        next(messages)


# -- values --------------------------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text("a\0é😀\n"),
    st.binary(),
)


@settings(derandomize=True, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=5))
def test_every_value_comes_back_as_it_went_in(values: list[Cell]) -> None:
    with closing(connect()) as connection:
        run(connection, "create table t(k integer primary key, v)")
        for value in values:
            run(connection, "insert into t(v) values (?)", [value])
        back = [value for (value,) in rows(connection, "select v from t order by k")]
    assert back == values
    assert [type(value) for value in back] == [type(value) for value in values]


def test_a_truth_value_is_an_integer(memory: SqliteConnection) -> None:
    assert rows(memory, "select ?, typeof(?)", [True, False]) == [(1, "integer")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 256])
@pytest.mark.parametrize("bad", [{0}, {19}, {6, 7, 8}, set(range(20)), {0, 5, 19}])
def test_text_that_is_not_utf8_loses_and_doubles_no_row(memory: SqliteConnection, bad: set[int], size: int) -> None:
    run(memory, "create table t(k integer primary key, a, b)")
    for k in range(20):
        run(memory, f"insert into t values ({k}, 'é', cast(x'{'41ff80' if k in bad else '4142'}' as text))")
    expected = [(k, "é", "A\udcff\udc80" if k in bad else "AB") for k in range(20)]
    assert rows(memory, "select * from t", size=size) == expected
    assert rows(memory, "select b from t", size=size) == [(b,) for *_, b in expected]
    assert rows(memory, "select 'é'") == [("é",)]


# -- parameters ----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Binding:DeprecationWarning")  # Python 3.12.0 to 3.12.3 took ?1 for a name
def test_values_are_bound_by_name_or_by_place(memory: SqliteConnection) -> None:
    assert rows(memory, "select :a, @b, $c, :a", {"a": 1, "b": "x", "c": None}) == [(1, "x", None, 1)]
    assert rows(memory, "select :a", MappingProxyType({"a": 1})) == [(1,)]
    assert rows(memory, "select ?, ?", [1, b"\0"]) == [(1, b"\0")]
    assert rows(memory, "select ?2, ?1", (1, 2)) == [(2, 1)]


@pytest.mark.parametrize(
    ("sql", "parameters", "named"),
    [
        ("select :name", None, ":name"),
        ("select :a, @name", {"a": 1}, ":name"),
        ("select ?", None, "?1"),
        ("select ?, ?", [1], "?2"),
    ],
)
def test_a_parameter_without_a_value_is_named(
    memory: SqliteConnection, sql: str, parameters: Parameters, named: str
) -> None:
    with pytest.raises(MissingParameterError) as caught:
        run(memory, sql, parameters)
    assert f"parameter {named} " in caught.value.message


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "\ud800", object(), [1]])
def test_a_value_sqlite_can_not_hold_is_refused(memory: SqliteConnection, value: Cell) -> None:
    for parameters in ([value], {"a": value}):
        with pytest.raises(InvalidInputError):
            run(memory, "select ?" if isinstance(parameters, list) else "select :a", parameters)


def test_too_many_values_are_refused(memory: SqliteConnection) -> None:
    with pytest.raises(InvalidInputError, match="2 values"):
        run(memory, "select ?", [1, 2])


# -- transactions --------------------------------------------------------------------------------------------------


def test_the_state_follows_what_the_person_typed(memory: SqliteConnection) -> None:
    run(memory, "BEGIN IMMEDIATE")
    assert state(memory) is TransactionState.ACTIVE
    run(memory, "END")
    assert state(memory) is TransactionState.IDLE


def test_the_isolation_level_is_set_for_each_transaction(memory: SqliteConnection) -> None:
    for level, value in [("read uncommitted", 1), (None, 0), ("read uncommitted", 1), ("serializable", 0)]:
        memory.begin(level)
        assert rows(memory, "pragma read_uncommitted") == [(value,)]
        memory.commit()
    with pytest.raises(UnsupportedError) as caught:
        memory.begin("snapshot")
    assert "serializable, read uncommitted" in (caught.value.hint or "")


def test_rollback_without_a_transaction_is_nothing_and_commit_an_error(memory: SqliteConnection) -> None:
    memory.rollback()
    with pytest.raises(QueryError, match="no transaction is active"):
        memory.commit()


def test_a_failure_that_ended_the_transaction_says_so(memory: SqliteConnection) -> None:
    run(memory, "create table t(a unique on conflict rollback)")
    memory.begin()
    run(memory, "insert into t values (1)")
    with pytest.raises(QueryError) as caught:
        run(memory, "insert into t values (1)")
    assert caught.value.detail == "SQLite rolled the open transaction back"
    assert memory.transaction_state is TransactionState.IDLE


# -- locks ---------------------------------------------------------------------------------------------------------


def test_a_lock_that_stays_ends_in_an_error_that_helps(two: tuple[SqliteConnection, SqliteConnection]) -> None:
    one, other = two
    run(other, "begin immediate")
    with pytest.raises(DatabaseLockedError, match="locked") as caught:
        run(one, "insert into t values (2)")
    assert caught.value.hint
    assert caught.value.server_code == "SQLITE_BUSY"
    run(other, "commit")
    run(one, "insert into t values (2)")


def test_a_lock_that_goes_away_is_waited_for(path: Path) -> None:
    with closing(connect(path)) as one, closing(connect(path)) as other:
        run(other, "begin immediate")
        waits = Spy(one)
        with waits.running(lambda: run(one, "insert into t values (2)")) as result:
            assert waits.again.wait(HANG)  # SQLite's own wait is over, ours has begun
            run(other, "commit")
        assert result.outcome == [RowCount(1)]


def test_commit_waits_for_readers_too(two: tuple[SqliteConnection, SqliteConnection]) -> None:
    one, other = two
    run(one, "insert into t select value from json_each('[1,2,3]')")
    batch = BatchSize()
    batch.rows = 1
    reading = other.execute("select * from t", None, batch=batch)
    next(reading), next(reading)
    one.begin()
    run(one, "insert into t values (9)")
    with pytest.raises(DatabaseLockedError):
        one.commit()
    assert one.transaction_state is TransactionState.ACTIVE
    list(reading)
    one.commit()


def test_an_outdated_snapshot_fails_at_once(path: Path) -> None:
    with closing(connect(path)) as one, closing(connect(path)) as other:
        run(one, "pragma journal_mode = wal")
        one.begin()
        rows(one, "select * from t")
        run(other, "insert into t values (2)")
        one.patience = 1000.0
        with pytest.raises(DatabaseLockedError) as caught:
            run(one, "insert into t values (3)")
        assert caught.value.server_code == "SQLITE_BUSY_SNAPSHOT"
        assert "begin again" in (caught.value.hint or "")


# -- cancelling ----------------------------------------------------------------------------------------------------


class Spy:
    """Runs something on another thread, and tells when the connection begins to wait for a lock again."""

    def __init__(self, connection: SqliteConnection) -> None:
        self.again = threading.Event()
        self._wait = connection._cancelled.wait
        connection._cancelled.wait = self._spied  # type: ignore[method-assign]  # to wait on, not to sleep

    def _spied(self, timeout: float | None = None) -> bool:
        self.again.set()
        return self._wait(timeout)

    def running(self, what: Callable[[], object]) -> Running:
        return Running(what)


def test_cancel_ends_the_wait_for_a_lock(path: Path) -> None:
    with closing(connect(path)) as one, closing(connect(path)) as other:
        run(other, "begin immediate")
        one.patience = 1000.0
        waits = Spy(one)
        with waits.running(lambda: run(one, "insert into t values (2)")) as result:
            assert waits.again.wait(HANG)
            asked = time.monotonic()
            one.cancel()
        assert time.monotonic() - asked < 2.5  # half a second is what we promise
        assert isinstance(result.outcome, QueryCancelledError)
        run(other, "commit")
        assert rows(one, "select * from t") == [(1,)]


class CancelsWhileBound(dict[str, Cell]):
    """Parameters that cancel when a value is asked for: right before SQLite begins to run the statement."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection

    def __missing__(self, name: str) -> Cell:
        self._connection.cancel()
        return 1


def test_a_cancel_that_comes_just_before_the_statement_runs_is_not_lost(memory: SqliteConnection) -> None:
    with pytest.raises(QueryCancelledError):
        run(memory, COUNT_FOR_LONG, CancelsWhileBound(memory))


def test_a_cancel_before_the_first_message_keeps_the_statement_from_running(memory: SqliteConnection) -> None:
    run(memory, "create table t(a)")
    messages = memory.execute("insert into t values (1)", None, batch=BatchSize())
    memory.cancel()
    with pytest.raises(QueryCancelledError):
        list(messages)
    assert rows(memory, "select * from t") == []


def test_a_cancelled_change_leaves_nothing_behind(memory: SqliteConnection) -> None:
    run(memory, "create table t(a)")
    memory.begin()
    run(memory, "insert into t values (1)")
    running = Running(lambda: run(memory, f"insert into t {COUNT_FOR_EVER}"))
    with running as result:
        while running.thread.is_alive():
            memory.cancel()
            running.thread.join(0.01)
    error = result.outcome
    assert isinstance(error, QueryCancelledError)
    # SQLite may end the whole transaction with the statement; it must then say so.
    ended = memory.transaction_state is TransactionState.IDLE
    assert (error.detail == "SQLite rolled the open transaction back") is ended
    assert rows(memory, "select * from t") == ([] if ended else [(1,)])
