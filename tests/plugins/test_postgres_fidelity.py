"""Every value of PostgreSQL as the server itself writes it: our CSV beside that of COPY, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from fix_postgres import PostgresServer
from typed_values import POSTGRES_TYPES, POSTGRES_VALUES

from alveary.contracts.driver import Batch, BatchSize, Columns
from alveary.contracts.exporter import ExportOptions
from alveary_plugins.drivers.postgres.driver import PostgresConnection, PostgresDriver
from alveary_plugins.exporters.delimited import CsvExporter

# Their rows are of the moment or of the session that asks.
PASSING = {
    "pg_backend_memory_contexts",
    "pg_cursors",
    "pg_locks",
    "pg_prepared_statements",
    "pg_settings",
    "pg_shmem_allocations",
    "pg_stat_activity",
    "pg_stat_ssl",
    "pg_stat_gssapi",
}


def csv(connection: PostgresConnection, sql: str) -> bytes:
    parts: list[bytes] = []
    exporter = CsvExporter(parts.append, ExportOptions())
    for message in connection.execute(sql, None, batch=BatchSize()):
        if isinstance(message, Columns):
            exporter.begin(message.columns)
        elif isinstance(message, Batch):
            exporter.rows(message.rows)
    exporter.end(True)
    exporter.finish()
    return b"".join(parts)


def copied(postgres: PostgresServer, database: str, sql: str, *setup: str) -> bytes:
    options = [option for command in setup for option in ("-c", command)]
    return postgres.psql(f"copy ({sql}) to stdout (format csv, header)", database, *options)


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as name:
        postgres.psql(POSTGRES_TYPES, name)
        yield name


@pytest.fixture(scope="module")
def connection(postgres: PostgresServer, database: str) -> Iterator[PostgresConnection]:
    with closing(PostgresDriver().connect(postgres.target(database), timeout=10)) as connection:
        yield connection


@pytest.mark.parametrize("name", POSTGRES_VALUES)
def test_a_value_of_every_type(
    connection: PostgresConnection, postgres: PostgresServer, database: str, name: str
) -> None:
    sql = f"select {POSTGRES_VALUES[name]}"
    assert csv(connection, sql) == copied(postgres, database, sql)


def test_shapes_of_postgis_are_shown_as_they_come(postgres: PostgresServer) -> None:
    with postgres.database() as name:
        known = postgres.psql("select 1 from pg_available_extensions where name = 'postgis'", name, "-At")
        if not known:
            pytest.skip("PostGIS is not installed (apt install postgresql-15-postgis-3)")
        postgres.psql("create extension postgis", name)
        sql = (
            "select st_geomfromtext('POLYGON((0 0, 0 3, 3 3, 0 0))', 4326) as shape, "
            "st_point(1, 2)::geography as place, array[st_point(1, 2), null] as shapes, "
            "box2d(st_point(1, 2)) as box, null::geometry as nothing"
        )
        with closing(PostgresDriver().connect(postgres.target(name), timeout=10)) as connection:
            assert csv(connection, sql) == copied(postgres, name, sql)


def test_a_result_of_no_rows(connection: PostgresConnection, postgres: PostgresServer, database: str) -> None:
    sql = "select oid, relname from pg_class where false"
    assert csv(connection, sql) == copied(postgres, database, sql) == b"oid,relname\n"


@pytest.mark.parametrize(
    "setting",
    [
        "datestyle = 'SQL, DMY'",
        "datestyle = 'German'",
        "intervalstyle = 'iso_8601'",
        "timezone = 'Asia/Kathmandu'",
        "bytea_output = 'escape'",
        "extra_float_digits = 0",
        "xmloption = 'content'",
    ],
)
def test_settings_of_the_session_are_the_persons(postgres: PostgresServer, database: str, setting: str) -> None:
    names = ("date", "timestamptz", "interval", "bytea", "float8", "time")
    sql = f"select {', '.join(POSTGRES_VALUES[name] for name in names)}"
    with closing(PostgresDriver().connect(postgres.target(database), timeout=10)) as connection:
        list(connection.execute(f"set {setting}", None, batch=BatchSize()))
        assert csv(connection, sql) == copied(postgres, database, sql, f"set {setting}")


def test_every_relation_of_the_servers_own_catalog(
    connection: PostgresConnection, postgres: PostgresServer, database: str
) -> None:
    list_them = """select relname from pg_catalog.pg_class where relnamespace = 'pg_catalog'::regnamespace
                   and relkind in ('r', 'v') order by 1"""
    names = csv(connection, list_them).decode().split()[1:]
    assert len(names) > 120
    compared = [name for name in names if name not in PASSING and not name.startswith("pg_stat")]
    assert len(compared) > 85
    different = [
        name
        for name in compared
        if csv(connection, sql := f"select * from pg_catalog.{name}") != copied(postgres, database, sql)
    ]
    assert different == []


def test_a_million_cells_in_pages_of_every_size(
    connection: PostgresConnection, postgres: PostgresServer, database: str
) -> None:
    sql = """select n, n * 1.5 as x, case when n % 7 = 0 then null else repeat('é', n % 50) end as t
               from generate_series(1, 30000) as n"""
    assert csv(connection, sql) == copied(postgres, database, sql)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
def test_a_database_of_another_encoding(postgres: PostgresServer, encoding: str) -> None:
    with postgres.database(f"encoding '{encoding}' locale 'C' template template0") as name:
        target = postgres.target(name)
        with closing(PostgresDriver().connect(target, timeout=10)) as connection:
            sql = "select 'é' as \"é\", 'plain'" if encoding != "EUC_JP" else "select '漢字' as \"漢\", 'plain'"
            client = "SQL_ASCII" if encoding == "SQL_ASCII" else "UTF8"
            assert csv(connection, sql) == copied(postgres, name, sql, f"set client_encoding to {client}")


def test_bytes_that_are_no_text_come_and_go_as_they_are(postgres: PostgresServer) -> None:
    with postgres.database("encoding 'SQL_ASCII' locale 'C' template template0") as name:
        sql = r"select n, case when n % 100 = 0 then convert_from('\x41ff80', 'SQL_ASCII') else 'ok' end as x "
        sql += "from generate_series(1, 1000) as n"
        with closing(PostgresDriver().connect(postgres.target(name), timeout=10)) as connection:
            assert csv(connection, sql) == copied(postgres, name, sql)
            back = connection.execute("select $1, octet_length($1)", ["A\udcff\udc80"], batch=BatchSize())
            assert [m.rows for m in back if isinstance(m, Batch)] == [[("A\udcff\udc80", "3")]]


def test_an_encoding_the_person_chose_is_followed(connection: PostgresConnection) -> None:
    try:
        list(connection.execute("set client_encoding to latin1", None, batch=BatchSize()))
        assert csv(connection, "select 'é' as \"à\", null") == "à,?column?\né,\n".encode()
    finally:
        list(connection.execute("set client_encoding to utf8", None, batch=BatchSize()))
