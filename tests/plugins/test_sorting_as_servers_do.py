"""A stored result is sorted as its server would sort it: numbers, times and booleans of the three engines, and NULL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

import pytest
from fix_mariadb import MariaServer
from fix_postgres import PostgresServer

from alveary import Kernel, Session
from alveary.arrangement import Filter, Sort, arrange
from alveary.jobs import Job

Nulls = Literal["first", "last"]

POSTGRES = {
    "int8": ["9223372036854775807", "-9223372036854775808", "10", "9", "-1"],
    "numeric": ["1e30", "-1e30", "0.1", "0.10000000000000001", "-0.5", "NaN", "Infinity", "-Infinity", "10", "9"],
    "numeric(30,10)": ["12345678901234567890.5", "12345678901234567890.25", "-3", "2"],
    "float8": ["1e300", "-1e-300", "NaN", "Infinity", "-Infinity", "0.1", "2", "10"],
    "float4": ["1.5", "-1e-30", "NaN", "10", "9"],
    "money": ["1234.50", "-5", "99", "1000000"],
    "date": ["2024-01-31", "0044-03-15 BC", "infinity", "-infinity", "12024-01-01", "0999-12-31"],
    "timestamp": ["2024-01-31 10:00", "2024-01-31 09:59:59.999999", "0044-03-15 12:00 BC", "infinity", "-infinity"],
    "timestamptz": ["2024-03-31 00:59:59+00", "2024-03-31 01:00+00", "2024-10-27 00:30+00", "2024-10-27 01:30+00"],
    "time": ["24:00", "00:00", "9:30", "10:30:00.000001"],
    "timetz": ["12:00+02", "11:00+00", "09:00-05", "23:59+14"],
    "interval": ["1 mon", "29 days", "31 days", "-1 day", "1 year 2 mons", "-00:00:01", "1 day -01:00", "25:00", "0"],
    "bool": ["true", "false"],
}
MARIADB = {
    "bigint": ["9223372036854775807", "-9223372036854775808", "10", "9"],
    "bigint unsigned": ["18446744073709551615", "9223372036854775808", "10", "9"],
    "decimal(40,10)": ["'123456789012345678901.5'", "'123456789012345678901.25'", "-3", "2"],
    "double": ["1e300", "-1e-300", "0.1", "2", "10"],
    "date": ["'2024-01-31'", "'0000-00-00'", "'2024-02-00'", "'1000-01-01'", "'9999-12-31'"],
    "datetime(6)": ["'2024-01-31 10:00'", "'2024-01-31 09:59:59.999999'", "'1000-01-01 00:00'"],
    "time(3)": ["'-838:59:59'", "'838:59:59'", "'9:30:00'", "'10:30:00.001'", "'-00:00:01'"],
    "year": ["2024", "1999", "2155"],
    "boolean": ["true", "false"],
}
SQLITE = [
    "1",
    "-1",
    "9223372036854775807",
    "1.5",
    "1e300",
    "-9e999",
    "9e999",
    "'a'",
    "'B'",
    "''",
    "x'00'",
    "x'ff'",
    "true",
]
INTERVAL_STYLES = ("postgres", "postgres_verbose", "sql_standard", "iso_8601")


@pytest.fixture
def job(kernel: Kernel) -> Job:
    return Job("job", "test", kernel.bus)


def agrees(
    session: Session,
    rows: str,
    ascending: dict[Nulls, str],
    descending: dict[Nulls, str],
    job: Job,
    *,
    places: tuple[tuple[bool, Nulls], ...] = ((False, "first"), (True, "last")),
) -> None:
    """Compare our order with the server's, of a table ``rows (n, x)`` whose rows come in no order."""
    result = session.run(f"select n, x from {rows}")
    assert result is not None
    for is_descending, nulls in places:
        order = (descending if is_descending else ascending)[nulls]
        wanted = session.run(f"select n, x from {rows} order by {order}")
        assert wanted is not None
        ours = arrange(result, sorts=[Sort(column=1, descending=is_descending, nulls=nulls)], filters=[], job=job)
        # Equal values may stand in any order.
        assert [row[1] for row in ours.window(0, 100)] == [row[1] for row in wanted.window(0, 100)]


STANDARD: tuple[dict[Nulls, str], dict[Nulls, str]] = (
    {"first": "x nulls first, n", "last": "x nulls last, n"},
    {"first": "x desc nulls first, n", "last": "x desc nulls last, n"},
)
OF_MYSQL: tuple[dict[Nulls, str], dict[Nulls, str]] = (
    {"first": "x is not null, x, n", "last": "x is null, x, n"},
    {"first": "x is not null, x desc, n", "last": "x is null, x desc, n"},
)


@pytest.fixture
def on_postgres(kernel: Kernel, postgres: PostgresServer) -> Iterator[Session]:
    with postgres.database() as name, kernel.connect(postgres.url(name)) as session:
        session.run("set timezone = 'Europe/Berlin'")
        yield session


@pytest.mark.parametrize("type_name", POSTGRES)
def test_postgresql(on_postgres: Session, job: Job, type_name: str) -> None:
    values = [f"('{value}'::{type_name})" for value in POSTGRES[type_name]]
    on_postgres.run(
        f"create table v as select row_number() over () n, x from (values {', '.join(values)}, (null)) t (x)"
    )
    agrees(on_postgres, "v", *STANDARD, job)


def test_postgresql_s_enumerations_go_by_the_order_of_their_labels(on_postgres: Session, job: Job) -> None:
    on_postgres.run("create type mood as enum ('sad', 'ok', 'happy', 'Ärger, \"so\"', '')")
    on_postgres.run("alter type mood add value 'meh' before 'ok'")
    on_postgres.run(
        "create table v as select row_number() over () n, x from unnest(enum_range(null::mood) || null::mood) t (x)"
    )
    agrees(on_postgres, "v", *STANDARD, job)
    result = on_postgres.run("select n, x from v")
    assert result is not None
    below = arrange(result, sorts=[], filters=[Filter(test="less", column=1, value="ok")], job=job)
    assert {row[1] for row in below.window(0, 10)} == {"sad", "meh"}


@pytest.mark.parametrize("style", INTERVAL_STYLES)
def test_postgresql_s_intervals_in_every_style(on_postgres: Session, job: Job, style: str) -> None:
    values = [f"('{value}'::interval)" for value in POSTGRES["interval"]]
    on_postgres.run(
        f"create table v as select row_number() over () n, x from (values {', '.join(values)}, (null)) t (x)"
    )
    on_postgres.run(f"set intervalstyle = '{style}'")
    agrees(on_postgres, "v", *STANDARD, job)


@pytest.mark.parametrize("type_name", MARIADB)
def test_mariadb(kernel: Kernel, mariadb: MariaServer, job: Job, type_name: str) -> None:
    with kernel.connect(mariadb.url(mariadb.new_database())) as session:
        session.run("set sql_mode = ''")
        session.run(f"create table v (n int auto_increment primary key, x {type_name})")
        session.run(f"insert into v (x) values {', '.join(f'({value})' for value in MARIADB[type_name])}, (null)")
        agrees(session, "v", *OF_MYSQL, job)


def test_sqlite(kernel: Kernel, job: Job) -> None:
    with kernel.connect("sqlite:///:memory:") as session:
        session.run("create table v (n integer primary key, x)")
        session.run(f"insert into v (x) values {', '.join(f'({value})' for value in SQLITE)}, (null)")
        everywhere = tuple((descending, nulls) for descending in (False, True) for nulls in get_args(Nulls))
        agrees(session, "v", *STANDARD, job, places=everywhere)
