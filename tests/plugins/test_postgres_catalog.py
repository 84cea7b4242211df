"""The PostgreSQL catalog: what it tells of every kind of relation, in what order, in how many questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from fix_postgres import PostgresServer

from alveary.contracts.catalog import ColumnInfo, ForeignKey
from alveary.contracts.driver import Batch, BatchSize
from alveary.errors import NulCharacterError
from alveary_plugins.drivers.postgres.catalog import PostgresCatalog
from alveary_plugins.drivers.postgres.driver import PostgresConnection, PostgresDriver

HIVE = """
create schema hive;
set search_path = hive;
create type mood as enum ('calm', 'angry');
create domain name_of_bee as text not null;
create table hive.bee (
    id int generated always as identity primary key, name varchar(20) not null default 'no''name', mood mood,
    weight numeric(6,3), tags text[] default '{}', called name_of_bee, gone int,
    twice numeric generated always as (weight * 2) stored, unique (name, mood));
alter table bee drop column gone;
comment on table bee is 'the bees; é "quoted"';
create index heavy on bee (lower(name), weight desc) include (id) where weight > 1;
create unique index one_mood on bee (mood);
create table "Comb; drop" (x int, y int, "a ""b" timestamptz(3), primary key (y, x));
create table visit (
    bee int references bee on delete cascade on update restrict, x int, y int,
    constraint at foreign key (y, x) references "Comb; drop" on delete set null deferrable);
create view calm as select id, name from bee where mood = 'calm';
create materialized view counted as select count(*) as n from bee;
create unique index only_one on counted (n);
create table flight (at date not null, bee int) partition by range (at);
create table flight_2024 partition of flight for values from ('2024-01-01') to ('2025-01-01');
create index by_day on flight (at);
create foreign data wrapper none;
create server far foreign data wrapper none;
create foreign table elsewhere (a int) server far;
create sequence not_a_relation;
insert into bee (name, mood, called) select 'b' || n, null, 'x' from generate_series(1, 50) as n;
"""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as name:
        postgres.psql(HIVE, name)
        yield name


@pytest.fixture(scope="module")
def connection(postgres: PostgresServer, database: str) -> Iterator[PostgresConnection]:
    with closing(PostgresDriver().connect(postgres.target(database), timeout=10)) as connection:
        yield connection


def run(connection: PostgresConnection, sql: str) -> list[Any]:
    return list(connection.execute(sql, None, batch=BatchSize()))


def counted(connection: PostgresConnection) -> tuple[PostgresCatalog, list[str]]:
    """Return a catalog and the list of the questions it will have asked."""
    asked: list[str] = []

    def ask(sql: str, parameters: Any = None) -> Any:
        asked.append(sql)
        return connection._ask(sql, parameters)

    return PostgresCatalog(ask, 150000), asked


def test_the_current_database_leads_the_others(connection: PostgresConnection, database: str) -> None:
    databases = connection.catalog().databases()
    assert databases[0] == database
    assert databases[1:] == sorted(databases[1:])
    assert "postgres" in databases
    assert "template0" not in databases


def test_schemas_begin_with_the_search_path_and_end_with_the_servers_own(
    postgres: PostgresServer, database: str
) -> None:
    with closing(PostgresDriver().connect(postgres.target(database), timeout=10)) as connection:
        run(connection, 'create schema "z é"')
        assert connection.catalog().schemas() == ["public", "hive", "z é", "information_schema", "pg_catalog"]
        run(connection, 'set search_path = "z é", nope, hive')
        run(connection, "create temp table mine (a int)")
        names = connection.catalog().schemas()
        assert names[:2] == ["z é", "hive"]
        assert names[2].startswith("pg_temp_")
        assert names[3:] == ["public", "information_schema", "pg_catalog"]
        assert [r.name for r in connection.catalog().relations(names[2])] == ["mine"]
        run(connection, 'drop schema "z é"')


def test_each_relation_has_its_kind_comment_and_estimate(connection: PostgresConnection) -> None:
    run(connection, "analyze hive.bee")
    relations = connection.catalog().relations("hive")
    assert [(r.name, r.kind, r.rows) for r in relations] == [
        ("Comb; drop", "table", None),
        ("bee", "table", 50),
        ("calm", "view", None),
        ("counted", "materialized view", 1),
        ("elsewhere", "foreign table", None),
        ("flight", "partitioned table", None),
        ("flight_2024", "table", None),
        ("visit", "table", None),
    ]
    assert {r.name: r.comment for r in relations if r.comment} == {"bee": 'the bees; é "quoted"'}


def test_columns_tell_type_null_default_key_and_generation(connection: PostgresConnection) -> None:
    columns = [c for c in connection.catalog().columns("hive") if c.relation in ("bee", "calm", "Comb; drop")]

    def column(relation: str, name: str, ordinal: int, type_name: str, **more: Any) -> ColumnInfo:
        more = {"nullable": True, **more}
        return ColumnInfo(schema="hive", relation=relation, name=name, ordinal=ordinal, type_name=type_name, **more)

    assert columns == [
        column("Comb; drop", "x", 1, "integer", nullable=False, primary_key=2),
        column("Comb; drop", "y", 2, "integer", nullable=False, primary_key=1),
        column("Comb; drop", 'a "b', 3, "timestamp(3) with time zone"),
        column("bee", "id", 1, "integer", nullable=False, primary_key=1, identity="always"),
        column("bee", "name", 2, "character varying(20)", nullable=False, default="'no''name'::character varying"),
        column("bee", "mood", 3, "hive.mood"),
        column("bee", "weight", 4, "numeric(6,3)"),
        column("bee", "tags", 5, "text[]", default="'{}'::text[]"),
        column("bee", "called", 6, "hive.name_of_bee", nullable=False),
        column("bee", "twice", 8, "numeric", default="(weight * (2)::numeric)", generated=True),
        column("calm", "id", 1, "integer"),
        column("calm", "name", 2, "character varying(20)"),
    ]


def test_indexes_tell_columns_uniqueness_origin_and_partiality(connection: PostgresConnection) -> None:
    found = [
        (each.relation, each.name, each.columns, each.unique, each.origin, each.partial)
        for each in connection.catalog().indexes("hive")
    ]
    assert found == [
        ("Comb; drop", "Comb; drop_pkey", ("y", "x"), True, "primary key", False),
        ("bee", "bee_name_mood_key", ("name", "mood"), True, "unique", False),
        ("bee", "bee_pkey", ("id",), True, "primary key", False),
        ("bee", "heavy", ("lower(name::text)", "weight"), False, "index", True),
        ("bee", "one_mood", ("mood",), True, "index", False),
        ("counted", "only_one", ("n",), True, "index", False),
        ("flight", "by_day", ("at",), False, "index", False),
        ("flight_2024", "flight_2024_at_idx", ("at",), False, "index", False),
    ]


def test_foreign_keys_tell_both_sides_in_order(connection: PostgresConnection) -> None:
    assert connection.catalog().foreign_keys("hive") == [
        ForeignKey(
            schema="hive", relation="visit", name="at", columns=("y", "x"),
            target_schema="hive", target_relation="Comb; drop", target_columns=("y", "x"), on_delete="SET NULL",
        ),
        ForeignKey(
            schema="hive", relation="visit", name="visit_bee_fkey", columns=("bee",),
            target_schema="hive", target_relation="bee", target_columns=("id",),
            on_update="RESTRICT", on_delete="CASCADE",
        ),
    ]  # fmt: skip


def test_the_servers_own_schemas_are_described_like_any_other(connection: PostgresConnection) -> None:
    for schema in ("pg_catalog", "information_schema"):
        relations = {r.name for r in connection.catalog().relations(schema)}
        assert {c.relation for c in connection.catalog().columns(schema)} == relations
    assert connection.catalog().indexes("pg_catalog")


def test_a_schema_nobody_has_holds_nothing(connection: PostgresConnection) -> None:
    catalog = connection.catalog()
    for question in (catalog.relations, catalog.columns, catalog.indexes, catalog.foreign_keys):
        assert question("nope' or true --") == []


def test_each_question_is_one_round_trip(connection: PostgresConnection) -> None:
    catalog, asked = counted(connection)
    for question in (catalog.relations, catalog.columns, catalog.indexes, catalog.foreign_keys):
        question("hive")
    catalog.databases(), catalog.schemas()
    assert len(asked) == 6
    assert not any("count(" in sql for sql in asked)


def test_nothing_a_person_made_stands_before_the_servers_own(connection: PostgresConnection) -> None:
    before = connection.catalog().columns("hive")
    run(connection, "create table public.pg_class (a int)")
    run(connection, "create function public.format_type(oid, int) returns text return 'mine'")
    run(connection, "set search_path = public, pg_catalog")
    try:
        assert [r.name for r in connection.catalog().relations("public")] == ["pg_class"]
        assert connection.catalog().columns("hive") == before
    finally:
        run(connection, "reset search_path")
        run(connection, "drop table public.pg_class")
        run(connection, "drop function public.format_type(oid, int)")


def test_a_name_is_quoted_whatever_it_holds(connection: PostgresConnection) -> None:
    catalog = connection.catalog()
    for name in ('a "b', "select", "é😀 ;--", "\n", "A"):
        quoted = catalog.quote(name)
        run(connection, f"create temp table {quoted} ({quoted} int)")
        assert isinstance(run(connection, f"select {quoted} from {quoted}")[0].columns[0].name, str)
        assert run(connection, f"select {quoted} from {quoted}")[0].columns[0].name == name
        run(connection, f"drop table {quoted}")
    with pytest.raises(NulCharacterError):
        catalog.quote("a\0b")


def test_questions_leave_an_open_transaction_as_it_is(connection: PostgresConnection) -> None:
    connection.begin()
    run(connection, "create table hive.passing (a int)")
    assert "passing" in [r.name for r in connection.catalog().relations("hive")]
    connection.rollback()
    assert "passing" not in [r.name for r in connection.catalog().relations("hive")]
    assert run(connection, "select 1")[1] == Batch([("1",)])
