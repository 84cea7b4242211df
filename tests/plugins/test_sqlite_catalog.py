"""The SQLite catalog: what it tells of every kind of relation, in how many questions, and what it survives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alveary.contracts.catalog import ColumnInfo, ForeignKey, IndexInfo, Relation
from alveary.contracts.driver import Batch, BatchSize
from alveary.contracts.target import Target
from alveary.errors import DatabaseLockedError, NulCharacterError, QueryError
from alveary_plugins.drivers.sqlite.catalog import SqliteCatalog
from alveary_plugins.drivers.sqlite.driver import SqliteConnection, SqliteDriver


def connect(path: Path | None = None) -> SqliteConnection:
    return SqliteDriver().connect(Target(scheme="sqlite", database=str(path) if path else None), timeout=5)


def run(connection: SqliteConnection, *statements: str) -> list[Any]:
    return [list(connection.execute(sql, None, batch=BatchSize())) for sql in statements][-1]


@pytest.fixture
def memory() -> Iterator[SqliteConnection]:
    with closing(connect()) as connection:
        yield connection


def counted(connection: SqliteConnection) -> tuple[SqliteCatalog, list[str]]:
    """Return a catalog and the list of the questions it will have asked."""
    asked: list[str] = []

    def ask(sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return connection._ask(sql, parameters)

    return SqliteCatalog(ask, sqlite3.sqlite_version_info), asked


def test_there_is_one_database() -> None:
    with closing(connect()) as connection:
        assert connection.catalog().databases() == ["main"]


def test_schemas_are_main_then_temp_if_it_holds_anything_then_attached(memory: SqliteConnection) -> None:
    assert memory.catalog().schemas() == ["main"]
    run(memory, "attach ':memory:' as \"z 'é\"", "attach ':memory:' as b")
    assert memory.catalog().schemas() == ["main", "z 'é", "b"]
    run(memory, "create temp table t(a)")
    assert memory.catalog().schemas() == ["main", "temp", "z 'é", "b"]


def test_each_relation_has_its_kind_and_internal_ones_are_left_out(memory: SqliteConnection) -> None:
    run(
        memory,
        "create table t(a integer primary key autoincrement)",
        "create view v as select * from t",
        "create virtual table f using fts5(x)",
        "create temp table elsewhere(a)",
    )
    relations = memory.catalog().relations("main")
    assert [(r.name, r.kind) for r in relations] == [
        ("f", "virtual table"),
        *((f"f_{part}", "shadow table") for part in ("config", "content", "data", "docsize", "idx")),
        ("t", "table"),
        ("v", "view"),
    ]
    assert memory.catalog().relations("temp") == [Relation(schema="temp", name="elsewhere", kind="table")]


def test_an_older_sqlite_that_lists_no_shadow_tables_still_lists(memory: SqliteConnection) -> None:
    run(memory, "create table t(a)", "create view v as select * from t", "create virtual table f using fts5(x)")
    old = SqliteCatalog(memory._ask, (3, 34, 1))
    assert {(r.name, r.kind) for r in old.relations("main")} >= {("t", "table"), ("v", "view"), ("f", "virtual table")}
    assert old.columns("main") == memory.catalog().columns("main")


def test_rows_are_estimated_from_the_statistics_and_never_counted(memory: SqliteConnection) -> None:
    run(
        memory,
        "create table t(a)",
        "create table u(a)",
        "create index part on t(a) where a > 3",
        "insert into t select value from json_each('[1,2,3,4,5]')",
    )
    assert [r.rows for r in memory.catalog().relations("main")] == [None, None]
    run(memory, "analyze", "insert into t values (6)")
    assert [(r.name, r.rows) for r in memory.catalog().relations("main")] == [("t", 5), ("u", None)]


def test_columns_tell_type_null_default_key_and_generation(memory: SqliteConnection) -> None:
    run(
        memory,
        """create table t(a varchar(10) not null default 'x''y', b, c int default (1 + 2), d as (b || 'z'),
           e as (c) stored, primary key (c, a)) without rowid""",
        "create view v as select a, c + 1 as n from t",
        "create virtual table f using fts5(x)",
    )
    columns = [c for c in memory.catalog().columns("main") if c.relation in ("t", "v", "f")]

    def column(relation: str, name: str, ordinal: int, type_name: str, **more: Any) -> ColumnInfo:
        more = {"nullable": True, **more}
        return ColumnInfo(schema="main", relation=relation, name=name, ordinal=ordinal, type_name=type_name, **more)

    assert columns == [
        column("f", "x", 1, ""),  # and neither of its hidden columns
        column("t", "a", 1, "varchar(10)", nullable=False, default="'x''y'", primary_key=2),
        column("t", "b", 2, ""),
        column("t", "c", 3, "INT", nullable=False, default="1 + 2", primary_key=1),
        column("t", "d", 4, "", default="b || 'z'", generated=True),
        column("t", "e", 5, "", default="c", generated=True),
        column("v", "a", 1, "varchar(10)"),
        column("v", "n", 2, ""),
    ]


@pytest.mark.parametrize(
    ("sql", "identity"),
    [
        ("create table t (x integer primary key)", "rowid"),
        ("create table t (x integer primary key, y text default 'without rowid desc' /* without rowid */)", "rowid"),
        ("create table t (x integer, primary key (x desc))", "rowid"),
        ("create table t (x integer primary key /* not its row's number */ desc)", None),
        ("create table t (x integer primary key) without /* any */ rowid", None),
        ("create table t (x integer primary key) strict, without\nrowid", None),
    ],
)
def test_a_key_that_is_the_number_of_its_row_is_told_from_one_that_is_not(
    memory: SqliteConnection, sql: str, identity: str | None
) -> None:
    run(memory, sql, "insert into t(x) values (7)")
    assert memory.catalog().columns("main")[0].identity == identity
    if identity is not None:
        assert run(memory, "select rowid from t")[1].rows == [(7,)]


def test_what_keeps_a_virtual_table_and_when_a_trigger_fires_is_not_taken_from_names(memory: SqliteConnection) -> None:
    run(
        memory,
        'create virtual table "kept using care" using "fts5"(body)',
        "create table t (a, g int as /* how */ (a + 1))",
        "create trigger c /* before delete */ after update of a on t begin select 1; end",
        "create trigger [before] insert on t begin select 'delete'; end",
        'create trigger "it""s" delete on t begin select 1; end',
        "create view v as select 1",
        "create trigger if not exists main.w instead /**/ of update on v begin select 1; end",
    )
    catalog = memory.catalog()
    assert [each.detail for each in catalog.relations("main") if each.kind == "virtual table"] == ["using fts5"]
    assert {each.name: each.detail for each in catalog.objects("main")} == {
        "c": "after update",
        "before": "before insert",
        'it"s': "before delete",
        "w": "instead of update",
    }
    assert next(each for each in catalog.columns("main") if each.name == "g").default == "a + 1"


def test_indexes_tell_columns_uniqueness_origin_and_partiality(memory: SqliteConnection) -> None:
    run(
        memory,
        "create table t(a, b unique, c, primary key (c, a))",
        "create index by_expression on t(lower(b), a desc) where a > 1",
        "create unique index one on t(c)",
    )

    def index(name: str, *columns: str, **more: Any) -> IndexInfo:
        more = {"unique": True, **more}
        return IndexInfo(schema="main", relation="t", name=name, columns=columns, method="btree", **more)

    assert memory.catalog().indexes("main") == [
        index("by_expression", "lower(b)", "a", unique=False, partial=True, predicate="a > 1"),
        index("one", "c"),
        index("sqlite_autoindex_t_1", "b", origin="unique"),
        index("sqlite_autoindex_t_2", "c", "a", origin="primary key"),
    ]


def test_foreign_keys_tell_both_sides_also_where_the_target_columns_are_left_out(memory: SqliteConnection) -> None:
    run(
        memory,
        "create table p(x, y, primary key (y, x))",
        """create table t(a references p(x) on delete cascade, b, c references gone on update set null,
           foreign key (a, b) references p)""",
    )

    def key(name: str, columns: tuple[str, ...], target: str, theirs: tuple[str, ...], **more: str) -> ForeignKey:
        return ForeignKey(
            schema="main", relation="t", name=name, columns=columns,
            target_schema="main", target_relation=target, target_columns=theirs, **more,
        )  # fmt: skip

    assert memory.catalog().foreign_keys("main") == [
        key("0", ("a", "b"), "p", ("y", "x")),
        key("1", ("c",), "gone", (), on_update="SET NULL"),
        key("2", ("a",), "p", ("x",), on_delete="CASCADE"),
    ]


def test_a_broken_view_is_listed_and_costs_nobody_else_anything(memory: SqliteConnection) -> None:
    run(
        memory,
        "create table gone(a)",
        "create view broken as select * from gone",
        "create view loop as select 1",
        "create table t(a references broken)",
        "create table u(a references t(a), b unique)",
        "drop table gone",
    )
    catalog = memory.catalog()
    assert [r.name for r in catalog.relations("main")] == ["broken", "loop", "t", "u"]
    assert [(c.relation, c.name) for c in catalog.columns("main")] == [
        ("loop", "1"), ("t", "a"), ("u", "a"), ("u", "b")]  # fmt: skip
    assert [i.relation for i in catalog.indexes("main")] == ["u"]
    assert ("u", ("a",)) in [(k.relation, k.columns) for k in catalog.foreign_keys("main")]


def test_the_number_of_questions_does_not_grow_with_the_tables(memory: SqliteConnection) -> None:
    def questions() -> int:
        catalog, asked = counted(memory)
        catalog.relations("main"), catalog.columns("main"), catalog.indexes("main"), catalog.foreign_keys("main")
        return len(asked)

    run(memory, "create table t(a unique references t(a))", "analyze")
    few = questions()
    for n in range(50):
        run(memory, f"create table t{n}(a unique references t(a))")
    assert questions() == few <= 7


def test_each_schema_answers_for_itself(memory: SqliteConnection) -> None:
    run(
        memory,
        'attach \':memory:\' as "o\'""x"',
        "create table t(mine unique)",
        'create table "o\'""x".t(theirs unique references t)',
    )
    catalog = memory.catalog()
    assert [c.name for c in catalog.columns("o'\"x")] == ["theirs"]
    assert [i.columns for i in catalog.indexes("o'\"x")] == [("theirs",)]
    assert [k.target_schema for k in catalog.foreign_keys("o'\"x")] == ["o'\"x"]
    for question in (catalog.relations, catalog.columns, catalog.indexes, catalog.foreign_keys):
        with pytest.raises(QueryError, match="nowhere"):
            question("nowhere")


def test_a_locked_database_is_not_taken_for_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqliteConnection, "patience", 0.0)
    with closing(connect_new(tmp_path / "x.db")) as one, closing(connect(tmp_path / "x.db")) as other:
        run(one, "create table t(a)", "begin exclusive")
        with pytest.raises(DatabaseLockedError):
            other.catalog().columns("main")


def connect_new(path: Path) -> SqliteConnection:
    return SqliteDriver().connect(Target(scheme="sqlite", database=str(path), options={"mode": "rwc"}), timeout=5)


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20).filter(
    lambda name: not name.lower().startswith("sqlite_")
)


@settings(derandomize=True, deadline=None)
@given(NAMES, NAMES)
def test_every_name_comes_back_as_it_went_in(table: str, column: str) -> None:
    with closing(connect()) as connection:
        catalog = connection.catalog()
        quoted, quoted_column = catalog.quote(table), catalog.quote(column)
        run(connection, f"create table {quoted}({quoted_column} unique)", f"insert into {quoted} values (1)")
        assert [r.name for r in catalog.relations("main")] == [table]
        assert [(c.relation, c.name) for c in catalog.columns("main")] == [(table, column)]
        assert [(i.relation, i.columns) for i in catalog.indexes("main")] == [(table, (column,))]
        header, batch, *_ = run(connection, f"select * from {quoted} where {quoted_column} = 1")
        assert ([c.name for c in header.columns], batch) == ([column], Batch([(1,)]))


def test_a_name_that_is_not_utf8_is_listed_byte_for_byte(tmp_path: Path) -> None:
    with closing(connect_new(tmp_path / "x.db")) as connection:
        run(connection, "create table tXXt(cYYc)")
    content = (tmp_path / "x.db").read_bytes()
    (tmp_path / "x.db").write_bytes(content.replace(b"tXXt", b"t\xff\xfet").replace(b"cYYc", b"c\xff\xfec"))
    with closing(connect(tmp_path / "x.db")) as connection:
        assert [r.name for r in connection.catalog().relations("main")] == ["t\udcff\udcfet"]
        assert [c.name for c in connection.catalog().columns("main")] == ["c\udcff\udcfec"]


def test_a_name_with_nul_is_refused(memory: SqliteConnection) -> None:
    assert memory.catalog().quote('a"b') == '"a""b"'
    with pytest.raises(NulCharacterError):
        memory.catalog().quote("a\0b")
