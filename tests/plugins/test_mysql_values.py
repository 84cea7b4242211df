"""Values of MariaDB: every cell is the server's own text or bytes, by its own HEX() and IS NULL; and their types."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fix_mariadb import MariaServer, rows, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typed_values import MARIADB_VALUES, mariadb_text

from alveary.contracts.driver import Batch, Columns
from alveary.contracts.values import Cell, Column, ValueKind
from alveary_plugins.drivers.mysql.driver import MysqlConnection
from alveary_plugins.drivers.mysql.types import DECODER, Field, column, converter, decode

Connect = Callable[..., MysqlConnection]


@pytest.fixture
def connect(mariadb_connect: Connect) -> Connect:
    return mariadb_connect


@pytest.fixture
def connection(connect: Connect) -> MysqlConnection:
    return connect()


def text_of(cell: Cell) -> bytes | None:
    """Return the bytes a cell stands for."""
    if cell is None:
        return None
    return cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("type_name", "values", "shown", "kind"), MARIADB_VALUES, ids=[row[0] for row in MARIADB_VALUES]
)
def test_every_cell_is_what_the_server_holds(
    connection: MysqlConnection, type_name: str, values: list[str], shown: str, kind: ValueKind
) -> None:
    run(connection, "set sql_mode = 'ALLOW_INVALID_DATES'")
    run(connection, f"create table t (n int auto_increment primary key, v {type_name})")
    for value in [*values, "null"]:
        run(connection, f"insert into t (v) values ({value})")
    header, *batches = run(connection, "select v from t order by n")
    assert isinstance(header, Columns)
    (column,) = header.columns
    assert (column.type_name, column.kind) == (shown, kind)
    oracle = mariadb_text(shown, kind, type_name)
    expected = rows(connection, f"select hex({oracle}), v is null from t order by n")
    cells = [cell for batch in batches if isinstance(batch, Batch) for (cell,) in batch.rows]
    assert [(text_of(cell), cell is None) for cell in cells] == [
        (None if hexed is None else bytes.fromhex(str(hexed)), is_null == "1") for hexed, is_null in expected
    ]
    for cell in cells[:-1]:
        assert column.decode(cell) is not None


def test_the_servers_own_client_prints_the_same(
    connection: MysqlConnection, mariadb: MariaServer, mariadb_database: str
) -> None:
    run(connection, "set sql_mode = 'ALLOW_INVALID_DATES'")
    run(connection, "create table t (a float, b double, c datetime(3), d decimal(20,5), e year, f int(9) zerofill)")
    run(
        connection,
        "insert into t values (0.1, 1e300, '0000-00-00', 1.1, 2024, 42), (123456789, 1/3, '2024-1-1', -0, 0, 0)",
    )
    printed = mariadb.admin(f"select * from {mariadb_database}.t")
    assert ["\t".join(map(str, row)) for row in rows(connection, "select * from t")] == printed.splitlines()


def test_null_empty_and_the_word_are_three_things(connection: MysqlConnection) -> None:
    assert rows(connection, "select null, '', 'NULL', x'', 0") == [(None, "", "NULL", b"", "0")]
    assert rows(connection, "select null, null, null") == [(None, None, None)]


def test_text_that_is_not_utf8_keeps_its_bytes(connection: MysqlConnection) -> None:
    run(connection, "set character_set_results = null")  # the server then converts nothing
    (row,) = rows(connection, "select convert('é' using latin1), convert('û' using latin1), null, 'x'")
    assert row == ("\udce9", "\udcfb", None, "x")
    assert text_of(row[0]) == b"\xe9"


BYTES = st.binary(max_size=300) | st.sampled_from(
    [b"\xfb", b"\xfb\xfb", b"\xfc\xfd\xfe\xff", b"\x7f" * 127, b"a" * 128]
)


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.none() | BYTES, min_size=1, max_size=8))
def test_whatever_the_bytes_no_cell_takes_from_another(connection: MysqlConnection, values: list[bytes | None]) -> None:
    """Unchecked bytes as text: a mark of NULL, lengths and bad UTF-8 must not be taken for one another."""
    run(connection, "set character_set_results = null")
    items = ", ".join("null" if value is None else f"convert(x'{value.hex()}' using latin1)" for value in values)
    (row,) = rows(connection, f"select {items}")
    assert [text_of(cell) for cell in row] == values


def test_names_of_columns_come_as_they_are(connection: MysqlConnection) -> None:
    header = run(connection, "select 1 as `a``b`, 2 as ``, 3 as `é縗`, 4 as `a b`, 5 as 'it''s'")[0]
    assert isinstance(header, Columns)
    assert [c.name for c in header.columns] == ["a`b", "", "é縗", "a b", "it's"]


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("18446744073709551615", 18446744073709551615),
        ("cast('1.10' as decimal(5,2))", Decimal("1.10")),
        ("1e300", 1e300),
        ("date'2024-02-29'", date(2024, 2, 29)),
        ("timestamp'2024-02-29 01:02:03.5'", datetime(2024, 2, 29, 1, 2, 3, 500000)),
        ("time'-838:59:59.5'", -timedelta(hours=838, minutes=59, seconds=59.5)),
        ("'é'", "é"),
        ("x'ff'", b"\xff"),
        ("null", None),
    ],
)
def test_a_cell_can_be_had_as_a_python_value(connection: MysqlConnection, sql: str, value: Any) -> None:
    header, batch = run(connection, f"select {sql}")
    assert isinstance(header, Columns)
    assert isinstance(batch, Batch)
    decoded = header.columns[0].decode(batch.rows[0][0])
    assert (decoded, type(decoded)) == (value, type(value))


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        ("date", "0000-00-00", "0000-00-00"),
        ("date", "2024-00-10", "2024-00-10"),
        ("datetime", "0000-00-00 00:00:00", "0000-00-00 00:00:00"),
        ("time", "-00:00:00.000001", timedelta(microseconds=-1)),
        ("time", "nonsense", "nonsense"),
        ("year", "0000", 0),
        ("int unsigned", "00000042", 42),
        ("double", "1e400", "1e400"),
        ("json", '{"a": [1, 1.5, 12345678901234567890]}', {"a": [1, 1.5, 12345678901234567890]}),
        ("json", '{"a": 1e400}', '{"a": 1e400}'),
        ("json", "[" * 100_000, "[" * 100_000),
        ("decimal", "?", "?"),
        ("", "x", "x"),
    ],
)
def test_what_python_has_no_value_for_stays_the_servers_text(type_name: str, text: str, value: Any) -> None:
    assert decode(Column(name="v", type_name=type_name, decoder=DECODER), text) == value


def test_json_of_mysql_is_text_though_it_is_announced_as_binary() -> None:
    field = Field(name="doc", charset=63, length=4294967295, type=245, flags=144)
    assert converter(field) is None
    assert (column(field).type_name, column(field).kind) == ("json", ValueKind.JSON)


def test_a_type_of_the_future_is_text_without_a_name() -> None:
    field = Field(name="v", charset=33, length=1, type=200, flags=0)
    assert converter(field) is None
    assert (column(field).type_name, column(field).decoder) == ("", None)


def test_a_wide_table_of_everything_reads_as_its_columns_one_by_one(connect: Connect) -> None:
    connection = connect()
    run(connection, "set sql_mode = 'ALLOW_INVALID_DATES'")
    run(
        connection,
        "create table t (n int primary key, "
        + ", ".join(f"c{i} {row[0]}" for i, row in enumerate(MARIADB_VALUES))
        + ")",
    )
    for number in range(3):
        values = ", ".join(row[1][number % len(row[1])] if number < 2 else "null" for row in MARIADB_VALUES)
        run(connection, f"insert into t values ({number}, {values})")
    together = rows(connection, "select * from t order by n")
    apart = [rows(connection, f"select c{i} from t order by n") for i in range(len(MARIADB_VALUES))]
    assert [row[1:] for row in together] == [tuple(cells[n][0] for cells in apart) for n in range(3)]
