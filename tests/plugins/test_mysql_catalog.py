"""The catalog of MariaDB: what it tells of every kind of relation, in how many questions, and what it survives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fix_mariadb import MariaServer, rows, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alveary import Kernel
from alveary.contracts.catalog import ColumnInfo, ForeignKey, IndexInfo
from alveary.contracts.values import Row
from alveary.errors import NulCharacterError
from alveary.known import Level
from alveary_plugins.drivers.mysql.catalog import MysqlCatalog
from alveary_plugins.drivers.mysql.driver import MysqlConnection

Connect = Callable[..., MysqlConnection]
SYSTEM = ["information_schema", "mysql", "performance_schema", "sys"]


@pytest.fixture
def connect(mariadb_connect: Connect) -> Connect:
    return mariadb_connect


@pytest.fixture
def connection(connect: Connect) -> MysqlConnection:
    return connect()


def counted(connection: MysqlConnection) -> tuple[MysqlCatalog, list[str]]:
    """Return a catalog and the list of the questions it will have asked."""
    asked: list[str] = []

    def ask(sql: str) -> list[Row]:
        asked.append(sql)
        return connection._ask(sql)

    return MysqlCatalog(ask, is_mariadb=True), asked


def test_databases_begin_with_the_current_one_and_end_with_the_servers_own(
    connection: MysqlConnection, mariadb: MariaServer, mariadb_database: str
) -> None:
    mariadb.admin("create database if not exists aaa; create database if not exists `o'clock ``x```")
    for names in (connection.catalog().databases(), connection.catalog().schemas()):
        assert names[0] == mariadb_database
        assert {"aaa", "o'clock `x`"} <= set(names)
        assert names[-4:] == SYSTEM
    run(connection, "use mysql")
    assert connection.catalog().schemas()[0] == "mysql"


def test_without_a_current_database_they_are_listed_all_the_same(connect: Connect) -> None:
    assert connect(database=None).catalog().databases()[-4:] == SYSTEM


def test_each_relation_has_its_kind(connection: MysqlConnection, mariadb_database: str) -> None:
    for sql in (
        "create table t (a int) comment 'what it''s for'",
        "create view v as select * from t",
        "create sequence s",
        "create table w (a int) with system versioning",
    ):
        run(connection, sql)
    relations = connection.catalog().relations(mariadb_database)
    assert [(r.name, r.kind, r.comment) for r in relations] == [
        ("s", "sequence", None),
        ("t", "table", "what it's for"),
        ("v", "view", None),
        ("w", "table", None),
    ]
    assert ("COLUMNS", "system view") in [
        (r.name, r.kind) for r in connection.catalog().relations("information_schema")
    ]


def test_rows_are_the_servers_estimate(connection: MysqlConnection, mariadb_database: str) -> None:
    run(connection, "create table t (a int)")
    run(connection, "insert into t select seq from seq_1_to_500")
    run(connection, "create view v as select * from t")
    run(connection, "analyze table t")
    table, view = connection.catalog().relations(mariadb_database)
    assert table.rows is not None
    assert 400 < table.rows < 600
    assert view.rows is None


def test_columns_tell_type_null_default_key_and_generation(connection: MysqlConnection, mariadb_database: str) -> None:
    run(
        connection,
        """create table t (a varchar(10) not null default 'x''y', b int unsigned, c int default (1 + 2),
           d varchar(20) as (concat(a, 'z')), e int as (c) stored, f enum('x', 'y'), g datetime default now(),
           h int not null, i text null default null, primary key (c, a))""",
    )
    run(connection, "create view v as select a, c + 1 as n from t")

    def column(relation: str, name: str, ordinal: int, type_name: str, **more: Any) -> ColumnInfo:
        more = {"nullable": True, **more}
        return ColumnInfo(
            schema=mariadb_database, relation=relation, name=name, ordinal=ordinal, type_name=type_name, **more
        )

    assert connection.catalog().columns(mariadb_database) == [
        column("t", "a", 1, "varchar(10)", nullable=False, default="'x''y'", primary_key=2),
        column("t", "b", 2, "int(10) unsigned"),
        column("t", "c", 3, "int(11)", nullable=False, default="(1 + 2)", primary_key=1),
        column("t", "d", 4, "varchar(20)", default="concat(`a`,'z')", generated=True),
        column("t", "e", 5, "int(11)", default="`c`", generated=True),
        column("t", "f", 6, "enum('x','y')"),
        column("t", "g", 7, "datetime", default="current_timestamp()"),
        column("t", "h", 8, "int(11)", nullable=False),
        column("t", "i", 9, "text"),
        column("v", "a", 1, "varchar(10)", nullable=False, default="'x''y'"),
        column("v", "n", 2, "bigint(12)", nullable=False, default="0"),
    ]


def test_indexes_tell_columns_uniqueness_and_origin(connection: MysqlConnection, mariadb_database: str) -> None:
    run(
        connection,
        "create table t (a int, b varchar(20), c int, primary key (c, a), unique u (b), key k (b(5), a desc))",
    )

    def index(name: str, columns: tuple[str, ...], origin: str, *, unique: bool) -> IndexInfo:
        return IndexInfo(
            schema=mariadb_database, relation="t", name=name, unique=unique, columns=columns, origin=origin,
            method="btree",
        )  # fmt: skip

    assert connection.catalog().indexes(mariadb_database) == [
        index("k", ("b(5)", "a"), "index", unique=False),
        index("PRIMARY", ("c", "a"), "primary key", unique=True),
        index("u", ("b",), "unique", unique=True),
    ]


def test_indexes_of_tables_that_the_server_takes_for_one_are_told_apart(
    kernel: Kernel, connection: MysqlConnection, mariadb: MariaServer, mariadb_database: str
) -> None:
    for table in ("e", "E", "é", "É"):
        run(connection, f"create table {table} (a int, b int, index two (a, b), index turned (b, a), index a (a))")
    told = connection.catalog().indexes(mariadb_database)
    assert [(each.relation, each.name, each.columns) for each in told] == [
        (table, index, columns)
        for table in ("E", "e", "É", "é")
        for index, columns in (("a", ("a",)), ("turned", ("b", "a")), ("two", ("a", "b")))
    ]
    known = kernel.catalogs.load(mariadb.url(mariadb_database), levels=[Level.RELATIONS, Level.INDEXES])
    assert [each for table in ("E", "e", "É", "é") for each in known.indexes(mariadb_database, table)] == told


def test_foreign_keys_tell_both_sides(connection: MysqlConnection, mariadb: MariaServer, mariadb_database: str) -> None:
    run(connection, "create table p (x int, y int, primary key (y, x))")
    mariadb.admin("create database if not exists elsewhere; create table if not exists elsewhere.q (z int primary key)")
    run(
        connection,
        """create table t (a int, b int, c int, constraint one foreign key (b, a) references p (y, x) on delete cascade,
           constraint two foreign key (c) references elsewhere.q (z) on update set null)""",
    )
    run(connection, "create table u (a int unique, b int, foreign key (b) references u (a))")

    def key(
        relation: str, name: str, columns: tuple[str, ...], target: str, theirs: tuple[str, ...], **more: str
    ) -> ForeignKey:
        more = {"target_schema": mariadb_database, "on_update": "RESTRICT", "on_delete": "RESTRICT", **more}
        return ForeignKey(schema=mariadb_database, relation=relation, name=name, columns=columns,
                          target_relation=target, target_columns=theirs, **more)  # fmt: skip

    assert connection.catalog().foreign_keys(mariadb_database) == [
        key("t", "one", ("b", "a"), "p", ("y", "x"), on_delete="CASCADE"),
        key("t", "two", ("c",), "q", ("z",), target_schema="elsewhere", on_update="SET NULL"),
        key("u", "u_ibfk_1", ("b",), "u", ("a",)),
    ]


def test_a_broken_view_is_listed_and_costs_nobody_else_anything(
    connection: MysqlConnection, mariadb_database: str
) -> None:
    for sql in ("create table gone (a int)", "create view broken as select * from gone", "create table t (a int)",
                "drop table gone"):  # fmt: skip
        run(connection, sql)
    catalog = connection.catalog()
    assert [(r.name, r.kind) for r in catalog.relations(mariadb_database)] == [("broken", "view"), ("t", "table")]
    assert ("t", "a") in [(c.relation, c.name) for c in catalog.columns(mariadb_database)]


def test_round_trips_do_not_grow_with_the_tables(connection: MysqlConnection, mariadb_database: str) -> None:
    for number in range(20):
        run(connection, f"create table t{number} (a int primary key, b int, foreign key (b) references t{number} (a))")
    catalog, asked = counted(connection)
    catalog.databases(), catalog.schemas()
    assert len(asked) == 2
    found = [
        ask(mariadb_database) for ask in (catalog.relations, catalog.columns, catalog.indexes, catalog.foreign_keys)
    ]
    assert [len(each) for each in found] == [20, 40, 40, 20]
    assert len(asked) == 6
    for number in range(20):
        run(connection, f"create table u{number} (a int, b int, primary key (b, a))")
    assert len(catalog.columns(mariadb_database)) == 80
    assert len(asked) == 8


def test_each_schema_answers_for_itself(connection: MysqlConnection, mariadb: MariaServer) -> None:
    for name, table in (("cafe", "a"), ("café", "b"), ("o'\\\\x", "c")):
        mariadb.admin(f"create database if not exists `{name}`; create or replace table `{name}`.{table} ({table} int)")
    catalog = connection.catalog()
    for schema, name in (("cafe", "a"), ("café", "b"), ("o'\\\\x", "c")):
        assert [(c.relation, c.name) for c in catalog.columns(schema)] == [(name, name)]
        assert [r.schema for r in catalog.relations(schema)] == [schema]
    for question in (catalog.relations, catalog.columns, catalog.indexes, catalog.foreign_keys):
        assert question("nowhere' or '1'='1") == []


@pytest.mark.parametrize("mode", ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ORACLE", "ONLY_FULL_GROUP_BY"])
def test_the_mode_of_the_session_makes_no_difference(
    connection: MysqlConnection, mariadb_database: str, mode: str
) -> None:
    run(connection, "create table t (a int primary key, b varchar(9) default '')")
    before = [connection.catalog().columns(mariadb_database), connection.catalog().indexes(mariadb_database)]
    run(connection, f"set sql_mode = '{mode}'")
    assert [connection.catalog().columns(mariadb_database), connection.catalog().indexes(mariadb_database)] == before


# What MariaDB takes as a name: up to 64 characters of the first plane, no space at the end.
NAMES = st.text(
    st.characters(min_codepoint=1, max_codepoint=0xFFFF, exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: not name[-1].isspace() and name == name.strip() and "\xff" not in name)


@settings(derandomize=True, deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES, NAMES)
def test_every_name_comes_back_as_it_went_in(
    connection: MysqlConnection, mariadb_database: str, table: str, column: str
) -> None:
    catalog = connection.catalog()
    quoted, quoted_column = catalog.quote(table), catalog.quote(column)
    run(connection, f"create table {quoted} ({quoted_column} int unique)")
    try:
        run(connection, f"insert into {quoted} values (1)")
        assert [r.name for r in catalog.relations(mariadb_database)] == [table]
        assert [(c.relation, c.name) for c in catalog.columns(mariadb_database)] == [(table, column)]
        assert [i.columns for i in catalog.indexes(mariadb_database)] == [(column,)]
        assert rows(connection, f"select {quoted_column} from {quoted} where {quoted_column} = 1") == [("1",)]
    finally:
        run(connection, f"drop table {quoted}")


def test_a_name_with_nul_is_refused(connection: MysqlConnection) -> None:
    assert connection.catalog().quote("a`b") == "`a``b`"
    with pytest.raises(NulCharacterError):
        connection.catalog().quote("a\0b")
