"""Every value of PostgreSQL as the server itself writes it: our CSV beside that of COPY, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from fix_postgres import PostgresServer

from alveary.contracts.driver import Batch, BatchSize, Columns
from alveary.contracts.exporter import ExportOptions
from alveary_plugins.drivers.postgres.driver import PostgresConnection, PostgresDriver
from alveary_plugins.exporters.delimited import CsvExporter

TYPES = """
create type mood as enum ('so', 'so so', 'very, "so"');
create type pair as (a int, b text);
create domain positive as numeric(10, 2) check (value > 0);
create table nobody (a int);
"""

VALUES = {
    "int2": "int2 '-32768', int2 '32767'",
    "int4": "-2147483648, 2147483647, 0",
    "int8": "int8 '-9223372036854775808', 9223372036854775807",
    "numeric": "numeric(38,10) '1234567890123456789012345678.0123456789', 1e-20::numeric, 0.10, numeric '1.000'",
    "numeric specials": "numeric 'NaN', numeric 'Infinity', numeric '-Infinity', repeat('9', 1000)::numeric",
    "float4": "float4 '0.1', float4 '3.4e38', float4 '1e-45', float4 'NaN'",
    "float8": "float8 '0.1', 1e300::float8, float8 'NaN', float8 '-Infinity', float8 '-0', 1.0::float8, 5e-324::float8",
    "bool": "true, false, null::bool",
    "text": "'', null, 'NULL', E'a\\nb', E'a\\r\\nb', 'a,b', 'a\"b', E'\\t', ' a ', E'\\\\.', '''', E'\\u0001'",
    "characters": "'é 漢 😀', E'\\u00a0', E'\\u2028', U&'\\FEFF'",
    "one column": r"'\.'",
    "empty": "''",
    "null alone": "null",
    "char": "'a'::char(5), 'x'::\"char\", 'a'::varchar(3), 'n'::name, ''::char(3)",
    "bytea": r"bytea '\x00ff0a22', bytea '', '\x27'::bytea",
    "date": "date 'infinity', date '-infinity', date '4713-01-01 BC', date '9999-12-31', date '5874897-12-31'",
    "time": "time '24:00:00', time '00:00:00.000001', timetz '12:00:00+14:30', timetz '24:00:00-15:59:59'",
    "timestamp": "timestamp 'infinity', timestamp '294276-12-31 23:59:59.999999', timestamp '0001-01-01 BC'",
    "timestamptz": "timestamptz '2024-02-29 12:00:00.5+03', timestamptz '-infinity', timestamptz '0044-03-15 BC'",
    "interval": "interval '1 mon', interval '-1 year 2 days 3.5 sec', interval '0', interval '178000000 years'",
    "json": """json '{"b": 1.10, "a": 1e400, "b": 12345678901234567890}', jsonb '{"b": 1.10, "a": 1e40, "b": 2}'""",
    "json odd": """jsonb 'null', json ' [ ] ', jsonb '"a\\"b"', json '"\\u0000"'""",
    "arrays": "'{1,NULL,3}'::int[], '{{1,2},{3,4}}'::int[], '[5:6]={1,2}'::int[], '{}'::text[]",
    "text arrays": """array['a,b', 'c"d', 'e\\f', '', null, 'NULL', '{', E'\\n']""",
    "enum": "mood 'so so', array[mood 'very, \"so\"', null]",
    "composite": "row(1, 'a,\"b')::pair, row(null, '')::pair, array[row(1, null)::pair], row(1, 2, 'x')",
    "domain": "positive '1.5', null::positive",
    "network": "inet '10.0.0.1/8', cidr '10.0.0.0/8', inet '::1', macaddr '08:00:2b:01:02:03'",
    "macaddr8": "macaddr8 '08002b0102030405'",
    "uuid": "uuid '00000000-0000-0000-0000-00000000000A'",
    "money": "money '1234567.89', money '-0.01'",
    "geometry": "point '(1,2.5)', box '(1,1),(0,0)', path '[(0,0),(1,1)]', circle '<(0,0),1>', line '{1,2,3}'",
    "bits": "bit '101', varbit '', bit varying(5) '0110'",
    "ranges": "int4range(1, 5), numrange(null, 2.5), 'empty'::daterange, tstzrange(null, null)",
    "multiranges": "int4multirange(int4range(1, 3), int4range(5, 8)), '{}'::datemultirange",
    "search": "to_tsvector('simple', 'the fat ''cat'), to_tsquery('simple', 'a & (b | !c)')",
    "xml": "'<a b=\"c\">d,\n</a>'::xml",
    "catalog": "'pg_class'::regclass, 'int4'::regtype, 'now'::regproc, 'sum(int4)'::regprocedure, '(0,1)'::tid",
    "oid": "12::oid, 4294967295::oid",

    "row type": "(select n from nobody n), (select c from pg_class c where relname = 'pg_class')::text is null",
    "snapshot": "pg_lsn '16/B374D848', '10:20:10,14,15'::pg_snapshot, '3'::xid, '\\x61'::bytea::text",
    "void": "pg_advisory_lock_shared(1), pg_sleep(0)",
    "many columns": ", ".join(f"{n} as c{n}" for n in range(1600)),
    "names": "1 as \"a,b\", 2 as \"q\"\"q\", 3 as \"\n\", 4 as \"é😀\", 5 as \"a,b\"",
}  # fmt: skip

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
        postgres.psql(TYPES, name)
        yield name


@pytest.fixture(scope="module")
def connection(postgres: PostgresServer, database: str) -> Iterator[PostgresConnection]:
    with closing(PostgresDriver().connect(postgres.target(database), timeout=10)) as connection:
        yield connection


@pytest.mark.parametrize("name", VALUES)
def test_a_value_of_every_type(
    connection: PostgresConnection, postgres: PostgresServer, database: str, name: str
) -> None:
    sql = f"select {VALUES[name]}"
    assert csv(connection, sql) == copied(postgres, database, sql)


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
    sql = f"select {', '.join(VALUES[name] for name in names)}"
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
