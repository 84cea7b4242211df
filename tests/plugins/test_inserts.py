"""SQL INSERT: run into an empty table, what was written gives the values that were read, on each engine and across."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typed_values import MARIADB_VALUES, POSTGRES_VALUES

from alveary import Kernel
from alveary.contracts.exporter import ExportOptions, Origin
from alveary.contracts.values import Cell, Column, Row, ValueKind
from alveary.errors import InvalidInputError
from alveary.paths import Paths
from alveary.sessions import Session
from alveary.sqltext import ANSI, MYSQL, POSTGRES, SQLITE, Dialect, PieceKind, split
from alveary_plugins.exporters.inserts import InsertExporter, table_of

EXAMPLES = settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def written(
    columns: Sequence[Column], cells: Sequence[Row], source: Dialect = ANSI, *, terminal: bool = False, **more: Any
) -> str:
    pieces: list[bytes] = []
    exporter = InsertExporter(pieces.append, ExportOptions(terminal=terminal), **more)
    exporter.origin = Origin(sql="select * from t", dialect=source)
    exporter.begin(columns)
    exporter.rows(cells[:3])
    exporter.rows(cells[3:])
    exporter.end(True)
    exporter.finish()
    return b"".join(pieces).decode("utf-8", "surrogateescape")


def read(session: Session, sql: str) -> tuple[tuple[Column, ...], list[Row]]:
    result = session.run(sql)
    assert result is not None
    try:
        return result.columns, list(result.cells())
    finally:
        result.drop()


def exported(session: Session, sql: str, **more: Any) -> str:
    return written(*read(session, sql), session.driver.dialect, **more)


def run_all(session: Session, script: str) -> None:
    for piece in split(script, session.driver.dialect):
        if piece.kind is PieceKind.STATEMENT:
            session.run(piece.sql(script))


@pytest.fixture(scope="module")
def module_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    home = tmp_path_factory.mktemp("home")
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        yield kernel


@pytest.fixture(scope="module")
def on_sqlite(module_kernel: Kernel) -> Iterator[Session]:
    with module_kernel.connect("sqlite://", record=False) as session:
        yield session


# -- every type, at its extremes ---------------------------------------------------------------------------------

NO_COLUMNS = {"void", "names", "row type", "composite", "rows of strangers"}
"""Of which no table can be made: no type, or the same name twice."""


@pytest.mark.parametrize("name", [name for name in POSTGRES_VALUES if name not in NO_COLUMNS])
def test_values_of_postgres_come_back_equal(on_postgres: Session, name: str) -> None:
    count = len(read(on_postgres, f"select {POSTGRES_VALUES[name]}")[0])
    names = ", ".join(f"c{number}" for number in range(count))
    on_postgres.run("drop table if exists v, w")
    on_postgres.run(f"create table v as select * from (select {POSTGRES_VALUES[name]}) as x ({names})")
    on_postgres.run("create table w (like v)")
    script = exported(on_postgres, "select * from v", table="w")
    for setting in ("on", "off"):
        on_postgres.run(f"set standard_conforming_strings = {setting}")
        on_postgres.run("set escape_string_warning = off")
        run_all(on_postgres, script)
    on_postgres.run("reset standard_conforming_strings")
    original = read(on_postgres, "select * from v")[1]
    assert read(on_postgres, "select * from w")[1] == original * 2


def test_composite_values_of_postgres_come_back_equal(on_postgres: Session) -> None:
    on_postgres.run("drop table if exists v, w")
    on_postgres.run(
        "create table v as select row(1, E'a,\"b\\\\')::pair as p, array[row(1, null)::pair, row(null, '')::pair] as q"
    )
    on_postgres.run("create table w (like v)")
    run_all(on_postgres, exported(on_postgres, "select * from v", table="w"))
    assert read(on_postgres, "select * from w") == read(on_postgres, "select * from v")


@pytest.mark.parametrize(
    ("type_name", "values"), [row[:2] for row in MARIADB_VALUES], ids=[row[0] for row in MARIADB_VALUES]
)
def test_values_of_mariadb_come_back_equal(on_mariadb: Session, type_name: str, values: list[str]) -> None:
    on_mariadb.run("set sql_mode = 'ALLOW_INVALID_DATES'")
    on_mariadb.run(f"create or replace table v (n int not null auto_increment primary key, v {type_name})")
    for value in [*values, "null"]:
        on_mariadb.run(f"insert into v (v) values ({value})")
    on_mariadb.run("update v set n = 0 where n = 1")
    on_mariadb.run("create or replace table w like v")
    hexed = "select n, hex(v), v is null from {} order by n"
    original = read(on_mariadb, hexed.format("v"))
    for mode, preamble in (("NO_BACKSLASH_ESCAPES,ANSI_QUOTES,NO_ZERO_DATE", True), ("NO_BACKSLASH_ESCAPES", False)):
        on_mariadb.run(f"set sql_mode = '{mode},STRICT_ALL_TABLES'")
        if not preamble:
            on_mariadb.run(f"set sql_mode = '{mode},ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'")
        on_mariadb.run("truncate table w")
        run_all(on_mariadb, exported(on_mariadb, "select * from v order by n", table="w", preamble=preamble))
        assert read(on_mariadb, hexed.format("w")) == original


def test_the_servers_own_clients_read_the_same_values(
    on_postgres: Session, on_mariadb: Session, postgres: PostgresServer, mariadb: MariaServer, tmp_path: Path
) -> None:
    text = "it''s \\ \x1a \r\n\t 'é縗😀' \u2028 ;\n-- no comment\n$$"
    on_postgres.run("drop table if exists v, w")
    on_postgres.run("create table v (t text)")
    on_postgres.run("insert into v values (:t)", {"t": text})
    on_postgres.run("create table w (like v)")
    database = on_postgres.target.database
    assert database is not None
    postgres.psql(exported(on_postgres, "select * from v", table="w"), database)
    assert read(on_postgres, "select t from w") == read(on_postgres, "select t from v")

    on_mariadb.run("create or replace table v (t text)")
    on_mariadb.run("insert into v values (:t)", {"t": text})
    on_mariadb.run("create or replace table w like v")
    mariadb.admin(f"use {on_mariadb.target.database};\n" + exported(on_mariadb, "select * from v", table="w"))
    assert read(on_mariadb, "select hex(t) from w") == read(on_mariadb, "select hex(t) from v")

    columns = [Column(name="t")]
    rows: list[Row] = [(text,), (f"nul\0{text}",), ("caf\udce9",), (b"\0",), (9e999,), (-(2**63),)]
    script = f"create table t (t);\n{written(columns, rows, SQLITE)}"
    (tmp_path / "script.sql").write_bytes(script.encode("utf-8", "surrogateescape"))
    with (tmp_path / "script.sql").open("rb") as file:
        subprocess.run(["sqlite3", "-bail", tmp_path / "made.db"], stdin=file, check=True, capture_output=True)
    db = sqlite3.connect(tmp_path / "made.db")
    assert db.execute("select typeof(t), hex(t) from t").fetchall()[:4] == [
        ("text", text.encode().hex().upper()),
        ("text", f"nul\0{text}".encode().hex().upper()),
        ("text", b"caf\xe9".hex().upper()),
        ("blob", "00"),
    ]
    assert db.execute("select t from t where typeof(t) in ('real', 'integer')").fetchall() == [(9e999,), (-(2**63),)]
    db.close()


# -- random values -----------------------------------------------------------------------------------------------

NUL = st.characters(exclude_categories=["Cs"])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.lists(
    st.sampled_from(
        ["'", '"', "`", "\\", "\n", "\r", "\t", "\x1a", "\x1b", "é", "😀", "%", ";", "--", "$1", ":a", "E'"]
    ),
    max_size=6,
).map("".join)
INTEGER = st.integers(-(2**63), 2**63 - 1)
DOUBLE = st.floats(allow_nan=False, allow_infinity=False)
DECIMAL = st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**18), max_value=10**18)
BYTES = st.binary(max_size=12)


def optional(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    row = st.tuples(*[st.none() | strategy for strategy in strategies])
    return st.lists(row, min_size=1, max_size=8)


def filled(session: Session, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Put rows into a table by bound parameters, which are not what is tested here."""
    session.run(f"delete from {table}")
    for number, row in enumerate(rows):
        marks = ", ".join(f":c{place}" for place in range(len(row)))
        values = {f"c{place}": value for place, value in enumerate(row)}
        session.run(f"insert into {table} values ({number}, {marks})", values)


@given(rows=optional(INTEGER, DECIMAL.map(str), st.floats().map(str), TEXT, BYTES, st.booleans().map(str)))
@EXAMPLES
def test_random_rows_of_postgres(on_postgres: Session, rows: list[Row]) -> None:
    columns = "n int, i bigint, d numeric, f float8, t text, b bytea, o bool"
    on_postgres.run(f"create table if not exists r ({columns})")
    on_postgres.run(f"create table if not exists r2 ({columns})")
    filled(on_postgres, "r", rows)
    on_postgres.run("delete from r2")
    run_all(on_postgres, exported(on_postgres, "select * from r order by n", table="r2", rows=3))
    assert read(on_postgres, "select * from r2 order by n")[1] == read(on_postgres, "select * from r order by n")[1]


@given(rows=optional(INTEGER, DECIMAL.map(str), DOUBLE, st.text(NUL, max_size=12) | TEXT, BYTES))
@EXAMPLES
def test_random_rows_of_mariadb(on_mariadb: Session, rows: list[Row]) -> None:
    columns = "n int, i bigint, d decimal(40,10), f double, t longtext, b blob"
    on_mariadb.run("set sql_mode = 'STRICT_ALL_TABLES'")
    on_mariadb.run(f"create table if not exists r ({columns})")
    on_mariadb.run(f"create table if not exists r2 ({columns})")
    filled(on_mariadb, "r", rows)
    on_mariadb.run("delete from r2")
    run_all(on_mariadb, exported(on_mariadb, "select * from r order by n", table="r2", rows=3))
    assert read(on_mariadb, "select * from r2 order by n")[1] == read(on_mariadb, "select * from r order by n")[1]


@given(
    rows=st.lists(st.tuples(st.one_of(st.none(), INTEGER, st.floats(), st.text(NUL), BYTES)), min_size=1, max_size=8)
)
@EXAMPLES
def test_random_rows_of_sqlite_keep_their_storage_class(on_sqlite: Session, rows: list[Row]) -> None:
    on_sqlite.run("create table if not exists r (n, v)")
    on_sqlite.run("create table if not exists r2 (n, v)")
    filled(on_sqlite, "r", rows)
    on_sqlite.run("delete from r2")
    run_all(on_sqlite, exported(on_sqlite, "select * from r order by n", table="r2", rows=3))
    original = read(on_sqlite, "select n, typeof(v), v from r order by n")[1]
    assert read(on_sqlite, "select n, typeof(v), v from r2 order by n")[1] == original


COLUMNS = {
    "postgres": "n int, i bigint, f float8, t text, b bytea",
    "mysql": "n int, i bigint, f double, t longtext, b blob",
    "sqlite": "n int, i int, f real, t text, b blob",
}


@given(rows=optional(INTEGER, DOUBLE, TEXT, BYTES))
@settings(EXAMPLES, max_examples=15)
def test_random_rows_go_from_each_engine_to_each(
    on_postgres: Session, on_mariadb: Session, on_sqlite: Session, rows: list[Row]
) -> None:
    sessions = {"postgres": on_postgres, "mysql": on_mariadb, "sqlite": on_sqlite}
    for name, session in sessions.items():
        session.run(f"create table if not exists x ({COLUMNS[name]})")
        session.run(f"create table if not exists y ({COLUMNS[name]})")
        filled(session, "x", rows)

    def decoded(session: Session, table: str) -> list[list[Any]]:
        columns, cells = read(session, f"select * from {table} order by n")
        return [[column.decode(cell) for column, cell in zip(columns, row, strict=True)] for row in cells]

    for source in sessions.values():
        for name, target in sessions.items():
            target.run("delete from y")
            run_all(target, exported(source, "select * from x order by n", table="y", dialect=name))
            assert decoded(target, "y") == decoded(target, "x")


# -- what is written, to the letter ------------------------------------------------------------------------------


def kind(kind: ValueKind, name: str = "a") -> Column:
    return Column(name=name, kind=kind)


@pytest.mark.parametrize(
    ("dialect", "column", "cell", "literal"),
    [
        ("postgres", ValueKind.DYNAMIC, "a\\b'c", "E'a\\\\b''c'"),
        ("postgres", ValueKind.TEXT, "a\r\n\0", "E'a\\x0d\n\\000'"),
        ("postgres", ValueKind.TEXT, "caf\udce9", "E'caf\\xe9'"),
        ("postgres", ValueKind.DYNAMIC, b"\x00\xff", "E'\\\\x00ff'"),
        ("postgres", ValueKind.NUMBER, "-0", "'-0'"),
        ("postgres", ValueKind.NUMBER, "1e300", "'1e300'"),
        ("postgres", ValueKind.NUMBER, "1.500", "1.500"),
        ("postgres", ValueKind.NUMBER, "NaN", "'NaN'"),
        ("postgres", ValueKind.DYNAMIC, float("-inf"), "'-Inf'"),
        ("postgres", ValueKind.BOOLEAN, "t", "TRUE"),
        ("mysql", ValueKind.DYNAMIC, "a\\b'c\n\0\x1a", "'a\\\\b''c\n\\0\\Z'"),
        ("mysql", ValueKind.DYNAMIC, "\udcff", "X'FF'"),
        ("mysql", ValueKind.DYNAMIC, float("nan"), "'NaN'"),
        ("mysql", ValueKind.NUMBER, "-0", "'-0'"),
        ("mysql", ValueKind.NUMBER, "1" * 31, f"'{'1' * 31}'"),
        ("mysql", ValueKind.NUMBER, "1e300", "1e300"),
        ("sqlite", ValueKind.DYNAMIC, "a\\b'c", "'a\\b''c'"),
        ("sqlite", ValueKind.DYNAMIC, float("inf"), "9e999"),
        ("sqlite", ValueKind.NUMBER, "-Infinity", "-9e999"),
        ("sqlite", ValueKind.NUMBER, "NaN", "'NaN'"),
        ("sqlite", ValueKind.NUMBER, "9223372036854775808", "'9223372036854775808'"),
        ("sqlite", ValueKind.NUMBER, "-9223372036854775808", "-9223372036854775808"),
        ("sqlite", ValueKind.NUMBER, "0.12345678901234567", "'0.12345678901234567'"),
        ("sqlite", ValueKind.NUMBER, "0.1234567890123456", "0.1234567890123456"),
        ("ansi", ValueKind.DYNAMIC, "a\\\0\u00e9", "U&'a\\\\\\0000é'"),
        ("ansi", ValueKind.DYNAMIC, b"\xff", "X'FF'"),
        ("ansi", ValueKind.DYNAMIC, True, "TRUE"),
        ("ansi", ValueKind.JSON, '{"a": "\'"}', "'{\"a\": \"''\"}'"),
        ("ansi", ValueKind.DYNAMIC, None, "NULL"),
    ],
)
def test_literals(dialect: str, column: ValueKind, cell: Cell, literal: str) -> None:
    assert one(dialect, column, cell) == literal


def one(dialect: str, column: ValueKind, cell: Cell, *, terminal: bool = False) -> str:
    pieces: list[bytes] = []
    exporter = InsertExporter(pieces.append, ExportOptions(terminal=terminal), dialect=dialect)
    exporter.begin([kind(column)])
    exporter.rows([(cell,)])
    exporter.end(True)
    text = b"".join(pieces).decode("utf-8", "surrogateescape")
    return text.rpartition(" VALUES\n(")[2].removesuffix(");\n")


@pytest.mark.parametrize(
    ("dialect", "literal"),
    [
        ("postgres", "E'\\x1b[2J\\u202e\\udc9b\t\n'"),
        ("mysql", "X'1B5B324AE280AE9B090A'"),
        ("sqlite", "CAST(X'1B5B324AE280AE9B090A' AS TEXT)"),
        ("ansi", "U&'\\001B[2J\\202E\\DC9B\t\n'"),
    ],
)
def test_nothing_drives_a_terminal(dialect: str, literal: str) -> None:
    text = "\x1b[2J\u202e\udc9b\t\n"
    expected = literal.replace("\\udc9b", "\\x9b")
    assert one(dialect, ValueKind.TEXT, text, terminal=True) == expected
    assert "\x1b" not in written([Column(name="\x1b")], [], ANSI, terminal=True)


def test_names_are_quoted_as_their_dialect_quotes_them() -> None:
    columns = [Column(name='a"b'), Column(name="c`d")]
    rows: list[Row] = [(1, 2)]
    assert written(columns, rows, POSTGRES).startswith('INSERT INTO "t" ("a""b", "c`d") VALUES\n')
    assert 'INSERT INTO `t` (`a"b`, `c``d`) VALUES\n' in written(columns, rows, MYSQL)
    assert written(columns, rows, table='"x.y".z').startswith('INSERT INTO "x.y"."z" (')


def test_statements_hold_so_many_rows_and_not_too_many_characters() -> None:
    rows: list[Row] = [(number,) for number in range(5)]
    assert written([Column(name="a")], rows, rows=2) == (
        'INSERT INTO "t" ("a") VALUES\n(0),\n(1);\n'
        'INSERT INTO "t" ("a") VALUES\n(2),\n(3);\n'
        'INSERT INTO "t" ("a") VALUES\n(4);\n'
    )
    assert written([Column(name="a")], [("x" * (1 << 19),)] * 5).count("INSERT") == 3
    assert written([Column(name="a")], []) == ""


def test_a_result_that_was_cut_short_ends_in_no_statement(on_sqlite: Session) -> None:
    pieces: list[bytes] = []
    exporter = InsertExporter(pieces.append, ExportOptions(), dialect="sqlite")
    exporter.begin([Column(name="a")])
    exporter.rows([(1,)])
    exporter.end(False)
    assert b"".join(pieces) == b'INSERT INTO "table_name" ("a") VALUES\n(1),\n(\n'


def test_the_preamble_comes_once_and_can_be_left_out() -> None:
    pieces: list[bytes] = []
    exporter = InsertExporter(pieces.append, ExportOptions(), dialect="mysql")
    for _ in range(2):
        exporter.begin([Column(name="a")])
        exporter.rows([(1,)])
        exporter.end(True)
    assert b"".join(pieces).count(b"SET NAMES") == 1
    assert written([Column(name="a")], [("\\",)], MYSQL, preamble=False).endswith("(_utf8mb4 X'5C');\n")


@pytest.mark.parametrize("engine", ["postgres", "mysql", "sqlite"])
def test_conflicts_are_ignored_or_update(
    engine: str, on_postgres: Session, on_mariadb: Session, on_sqlite: Session
) -> None:
    session = {"postgres": on_postgres, "mysql": on_mariadb, "sqlite": on_sqlite}[engine]
    session.run("drop table if exists k")
    session.run("create table k (id int not null primary key, b varchar(9), c varchar(9))")
    session.run("insert into k values (1, 'old', 'old')")
    columns = [Column(name="id"), Column(name="b")]
    rows: list[Row] = [(1, "new"), (2, "new")]
    run_all(session, written(columns, rows, session.driver.dialect, table="k", conflict="ignore"))
    listed = "select id, b, c from k order by id"
    assert [row[1:] for row in read(session, listed)[1]] == [("old", "old"), ("new", None)]
    run_all(session, written(columns, rows, session.driver.dialect, table="k", conflict="update", key=' "id" '))
    assert [row[1:] for row in read(session, listed)[1]] == [("new", "old"), ("new", None)]
    keys = written([Column(name="id")], [(1,), (3,)], session.driver.dialect, table="k", conflict="update", key="id")
    run_all(session, keys)
    assert len(read(session, listed)[1]) == 3
    with pytest.raises(Exception, match=r"(?i)duplicate|unique"):
        run_all(session, written(columns, rows, session.driver.dialect, table="k"))


def test_what_a_dialect_can_not_say_is_refused() -> None:
    for dialect, key in (("ansi", None), ("postgres", None), ("sqlite", "")):
        with pytest.raises(InvalidInputError):
            InsertExporter(lambda _: None, ExportOptions(), dialect=dialect, conflict="update", key=key)
        source = {"ansi": ANSI, "postgres": POSTGRES, "sqlite": SQLITE}[dialect]
        with pytest.raises(InvalidInputError):
            written([Column(name="a")], [], source, conflict="update", key=key)


@pytest.mark.parametrize(
    ("sql", "dialect", "path"),
    [
        ("select * from t", ANSI, ["t"]),
        ("select * from T", POSTGRES, ["t"]),
        ('select a from "T" as x where b in (select c from d)', POSTGRES, ["T"]),
        ('select * from public."we""ird" limit 3', POSTGRES, ["public", 'we"ird']),
        ("select * from `a``b`.c -- from d", MYSQL, ["a`b", "c"]),
        ("select * from [x y]", SQLITE, ["x y"]),
        ("select extract(year from x), 'from z' from t order by 1, 2", POSTGRES, ["t"]),
        ("select * from a, b", ANSI, None),
        ("select * from a x, b", ANSI, None),
        ("select * from a join b using (c)", ANSI, None),
        ("select * from a union select * from b", ANSI, None),
        ("with a as (select 1) select * from a", ANSI, None),
        ("select * from f(1)", POSTGRES, None),
        ("select * from (select 1) x", ANSI, None),
        ("select 1", ANSI, None),
        ("select * from", ANSI, None),
        ("select * from a.", ANSI, None),
        ("", ANSI, None),
    ],
)
def test_the_one_table_of_a_query_is_found(sql: str, dialect: Dialect, path: list[str] | None) -> None:
    assert table_of(sql, dialect) == path
