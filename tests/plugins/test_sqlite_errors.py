"""SQLite's errors: the class, the code, the words, and the place in the statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alveary.contracts.driver import BatchSize
from alveary.contracts.target import Target
from alveary.errors import (
    AlvearyError,
    ConstraintViolationError,
    DatabaseFullError,
    InvalidInputError,
    NulCharacterError,
    PermissionDeniedError,
    QueryError,
    SqlSyntaxError,
)
from alveary_plugins.drivers.sqlite.driver import SqliteConnection, SqliteDriver
from alveary_plugins.drivers.sqlite.errors import position


def run(connection: SqliteConnection, sql: str) -> list[object]:
    return list(connection.execute(sql, None, batch=BatchSize()))


def error(connection: SqliteConnection, sql: str) -> AlvearyError:
    with pytest.raises(AlvearyError) as caught:
        run(connection, sql)
    return caught.value


@pytest.fixture
def memory() -> Iterator[SqliteConnection]:
    with closing(SqliteDriver().connect(Target(scheme="sqlite"), timeout=5)) as connection:
        run(connection, "create table person(id integer primary key, name text not null unique)")
        run(connection, "insert into person values (1, 'Ada')")
        yield connection


@pytest.mark.parametrize(
    ("sql", "kind", "server_code"),
    [
        ("insert into person values (2, null)", ConstraintViolationError, "SQLITE_CONSTRAINT_NOTNULL"),
        ("insert into person values (2, 'Ada')", ConstraintViolationError, "SQLITE_CONSTRAINT_UNIQUE"),
        ("insert into person values (1, 'Bob')", ConstraintViolationError, "SQLITE_CONSTRAINT_PRIMARYKEY"),
        ("insert into person values ('x', 'Bob')", QueryError, "SQLITE_MISMATCH"),
        ("selekt", SqlSyntaxError, "SQLITE_ERROR"),
        ("select (", SqlSyntaxError, "SQLITE_ERROR"),
        ("select 'open", SqlSyntaxError, "SQLITE_ERROR"),
        ("select 1; select 2", SqlSyntaxError, None),
        ("select '\0'", NulCharacterError, None),
        ("select '\ud800'", SqlSyntaxError, None),
        ("select load_extension('x')", PermissionDeniedError, "SQLITE_ERROR"),
        ("select zeroblob(2000000000)", QueryError, "SQLITE_TOOBIG"),
        ("attach '/no/such/folder/x.db' as x", QueryError, "SQLITE_CANTOPEN"),
        ("select abs(-9223372036854775807 - 1)", QueryError, "SQLITE_ERROR"),
        ("begin; commit", SqlSyntaxError, None),
    ],
)
def test_each_failure_has_its_class_and_the_servers_code(
    memory: SqliteConnection, sql: str, kind: type[AlvearyError], server_code: str | None
) -> None:
    caught = error(memory, sql)
    assert type(caught) is kind
    assert caught.server_code == server_code
    assert caught.message
    assert isinstance(caught.__cause__, Exception)


def test_the_message_is_the_servers_own(memory: SqliteConnection) -> None:
    assert error(memory, "insert into person values (2, 'Ada')").message == "UNIQUE constraint failed: person.name"


def test_a_full_database_says_so(memory: SqliteConnection) -> None:
    run(memory, "pragma max_page_count = 8")
    caught = error(memory, "insert into person select value, hex(randomblob(9000)) from json_each('[2,3,4,5,6,7]')")
    assert isinstance(caught, DatabaseFullError)


def test_a_damaged_page_is_a_failed_statement_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table t(a)")
        db.executemany("insert into t values (?)", [("x" * 100,)] * 1000)
        db.commit()
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    path.write_bytes(content)
    with closing(SqliteDriver().connect(Target(scheme="sqlite", database=str(path)), timeout=5)) as connection:
        caught = error(connection, "select * from t")
        assert type(caught) is QueryError
        assert (caught.server_code or "").startswith("SQLITE_CORRUPT")
        assert "integrity_check" in (caught.hint or "")


def test_a_misspelt_table_is_told_its_likeness(memory: SqliteConnection) -> None:
    assert error(memory, "select * from persn").hint == "did you mean person?"
    assert error(memory, "select * from main.Persons").hint == "did you mean person?"
    assert error(memory, "select * from zzzz").hint is None


@pytest.mark.parametrize(
    "marked",
    [
        "^selekt 1",
        "select 1 ^1",
        "select a, ^from t where b = from",
        "select 'from' /* from */, \"from\" from t ^from",
        "create table x(a int, b int,^, c)",
        "select 1 -- - -\n + ^) - )",
        "explain select ^from",
        "  /* x */ Explain query plan select a, ^from t",
        "insert into person values (1, 2^;",
        "create trigger x after insert on person begin ^selec 1; end",
        "select é, 😀, ^from t",
        "select 1 ^|| || 2".replace("^|| ||", "|| ^||"),
        "select ^1a",
        "select 1, ^'open",
        "select ^nope from person",
        "select person.id, ^person.nope from person",
        'select id, ^"person"."nope" from person',
        "select * from ^nope",
        "select nope.id from ^nope",
        "select id from main.^".replace("main.^", "^main.nope"),
        "select ^nope(1, 'x')",
        "select ^id from person a, person b",
        "insert into person(id, ^nope) values (1, 2)",
        "drop index ^nope",
    ],
)
def test_the_position_points_at_the_offending_token(memory: SqliteConnection, marked: str) -> None:
    assert error(memory, marked.replace("^", "")).position == marked.index("^") + 1


@pytest.mark.parametrize(
    "sql",
    [
        "select",  # the end is where something is missing
        "select nope, nope + 1 from person",  # either
        "select nope from 'nope'",
        "select abs(-9223372036854775807 - 1)",
        "create trigger x after insert on person begin select 1 from; select 2 from; end",
    ],
)
def test_where_the_place_is_not_certain_there_is_no_position(memory: SqliteConnection, sql: str) -> None:
    assert error(memory, sql).position is None


@pytest.mark.parametrize("mark", ["\0", "\ud800"])
def test_a_character_that_can_not_be_sent_is_pointed_at(memory: SqliteConnection, mark: str) -> None:
    assert error(memory, f"select 'é{mark}'").position == 10


@pytest.mark.parametrize(
    "sql",
    [
        "attach 'made.db' as x x",
        "explain attach 'made.db' as x x",
        "create table x as select 1 as x x",
        "vacuum main into 'made.db' main",
        "pragma soft_heap_limit = 1000000000000 1000000000000",
    ],
)
def test_looking_for_the_place_runs_nothing(sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    last = sql.rpartition(" ")[2]
    place = position(f'near "{last}": syntax error', sql)
    assert place == sql.rindex(last) + 1
    assert list(tmp_path.iterdir()) == []
    with closing(sqlite3.connect(":memory:")) as db:
        assert db.execute("pragma soft_heap_limit").fetchone() == (0,)


def test_the_place_of_a_very_frequent_token_is_found_quickly() -> None:
    sql = "select " + ", ".join(["1"] * 20_000) + ",, 2"
    assert position('near ",": syntax error', sql) == len(sql) - 2


@settings(derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(["select", "from", "t", "(", ")", ",", "'x'", "-", "||", "1", "where", ".", "a"])))
def test_the_text_up_to_the_position_fails_as_the_whole_does_and_less_does_not(words: list[str]) -> None:
    sql = " ".join(words)
    with closing(sqlite3.connect(":memory:")) as db:

        def message(text: str) -> str | None:
            try:
                db.execute("explain " + text)
            except sqlite3.Error as exc:
                return str(exc)
            return None

        whole = message(sql)
        if whole is None or not whole.endswith(": syntax error"):
            return
        place = position(whole, sql)
        assert place is not None
        token = whole.split('"')[1]
        assert sql[place - 1 :].startswith(token)
        assert message(sql[: place - 1 + len(token)]) == whole
        assert message(sql[: place - 1]) != whole


def test_an_integer_of_more_than_64_bits_is_the_callers_mistake(memory: SqliteConnection) -> None:
    with pytest.raises(InvalidInputError, match="too large"):
        list(memory.execute("select ?", [2**63], batch=BatchSize()))
