"""PostgreSQL's values in Python: exactly the same value, or the server's own text."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from fix_postgres import PostgresServer
from hypothesis import given
from hypothesis import strategies as st

from alveary.contracts.driver import Batch, BatchSize, Columns
from alveary.contracts.values import Cell, Column, ValueKind
from alveary_plugins.drivers.postgres.driver import PostgresConnection, PostgresDriver
from alveary_plugins.drivers.postgres.types import DECODER, decode

UTC = dt.UTC

EXACT: dict[str, Any] = {
    "int2 '-5'": -5,
    "9223372036854775807": 2**63 - 1,
    "12::oid": 12,
    "numeric '1.10'": Decimal("1.10"),
    "1e-20::numeric": Decimal("1e-20"),
    "numeric '-Infinity'": Decimal("-Infinity"),
    "float8 '0.1'": 0.1,
    "float8 '-Infinity'": -math.inf,
    "float4 '0.1'": 0.1,
    "true": True,
    "false": False,
    "'t'::text": "t",
    "date '2024-02-29'": dt.date(2024, 2, 29),
    "time '23:59:59.5'": dt.time(23, 59, 59, 500000),
    "timetz '12:00:00+05:30'": dt.time(12, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))),
    "timestamp '2024-02-29 12:00:00.000001'": dt.datetime(2024, 2, 29, 12, 0, 0, 1),
    "timestamptz '2024-02-29 12:00:00+00'": dt.datetime(2024, 2, 29, 12, tzinfo=UTC),
    "uuid '00000000-0000-0000-0000-00000000000a'": uuid.UUID(int=10),
    "bytea '\\x00ff'": b"\0\xff",
    "bytea ''": b"",
    """jsonb '{"b": [1, 2.5, null, true], "a": "x"}'""": {"a": "x", "b": [1, 2.5, None, True]},
    "json '12345678901234567890'": 12345678901234567890,
    "json '0.1000000000000000055'": Decimal("0.1000000000000000055"),
    "json '1e400'": Decimal("1e400"),
}

#: What Python can't hold, or not without losing some of it.
AS_TEXT = [
    "date 'infinity'",
    "date '4713-01-01 BC'",
    "date '10000-01-01'",
    "time '24:00:00'",
    "timestamp '-infinity'",
    "timestamptz '0044-03-15 BC'",
    "timestamptz '294276-01-01'",
    "interval '1 mon'",
    "interval '1 day'",
    "'[5:6]={1,2}'::int[]",
    "array['a']",
    """json '{"a": 1, "a": 2}'""",
    "money '1.50'",
    "inet '10.0.0.1/8'",
    "int4range(1, 5)",
    "point '(1,2)'",
    "bit '101'",
    "xml '<a/>'",
    "row(1, 2)",
    "'pg_class'::regclass",
    "(repeat('[', 6000) || repeat(']', 6000))::json",
    "repeat('9', 5000)::json",
]


@pytest.fixture(scope="module")
def connection(postgres: PostgresServer) -> Iterator[PostgresConnection]:
    with closing(PostgresDriver().connect(postgres.target(), timeout=10)) as connection:
        list(connection.execute("set timezone = 'UTC'", None, batch=BatchSize()))
        yield connection


def cell(connection: PostgresConnection, expression: str) -> tuple[Column, Cell]:
    header, batch = connection.execute(f"select {expression}", None, batch=BatchSize())
    assert isinstance(header, Columns)
    assert isinstance(batch, Batch)
    return header.columns[0], batch.rows[0][0]


@pytest.mark.parametrize("expression", EXACT)
def test_what_python_can_hold_is_that_value(connection: PostgresConnection, expression: str) -> None:
    column, text = cell(connection, expression)
    value = column.decode(text)
    assert value == EXACT[expression]
    assert type(value) is type(EXACT[expression])
    assert column.text(text) == text


@pytest.mark.parametrize("expression", AS_TEXT)
def test_what_python_can_not_hold_is_the_servers_text(connection: PostgresConnection, expression: str) -> None:
    column, text = cell(connection, expression)
    assert isinstance(text, str)
    assert column.decode(text) == text


def test_not_a_number_is_none_in_either_type(connection: PostgresConnection) -> None:
    for expression in ("float8 'NaN'", "numeric 'NaN'"):
        column, text = cell(connection, expression)
        assert math.isnan(column.decode(text))


def test_null_is_none(connection: PostgresConnection) -> None:
    for type_name in ("int", "json", "date", "bytea", "text"):
        column, text = cell(connection, f"null::{type_name}")
        assert text is None
        assert column.decode(text) is None


@pytest.mark.parametrize("setting", ["datestyle = 'SQL, DMY'", "datestyle = 'German'", "datestyle = 'Postgres'"])
def test_a_date_in_another_style_stays_text(connection: PostgresConnection, setting: str) -> None:
    list(connection.execute(f"set {setting}", None, batch=BatchSize()))
    try:
        for expression in ("date '2024-03-04'", "timestamp '2024-03-04 05:06:07'"):
            column, text = cell(connection, expression)
            assert column.decode(text) == text
    finally:
        list(connection.execute("reset datestyle", None, batch=BatchSize()))


def test_bytes_are_read_in_either_output_form(connection: PostgresConnection) -> None:
    everything = bytes(range(256)) + b"\\x41\\"
    for form in ("hex", "escape"):
        list(connection.execute(f"set bytea_output = '{form}'", None, batch=BatchSize()))
        column, text = cell(connection, f"bytea '\\x{everything.hex()}'")
        assert column.decode(text) == everything
    list(connection.execute("reset bytea_output", None, batch=BatchSize()))


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("1", ValueKind.NUMBER),
        ("1.5", ValueKind.NUMBER),
        ("float4 '1'", ValueKind.NUMBER),
        ("12::oid", ValueKind.NUMBER),
        ("money '1'", ValueKind.OTHER),
        ("true", ValueKind.BOOLEAN),
        ("'x'", ValueKind.TEXT),
        ("'x'::char(3)", ValueKind.TEXT),
        ("json '1'", ValueKind.JSON),
        ("jsonb '1'", ValueKind.JSON),
        ("now()", ValueKind.TEMPORAL),
        ("interval '1 s'", ValueKind.TEMPORAL),
        ("bytea ''", ValueKind.BINARY),
        ("array[1]", ValueKind.OTHER),
        ("uuid '00000000-0000-0000-0000-000000000000'", ValueKind.OTHER),
    ],
)
def test_each_type_has_its_kind(connection: PostgresConnection, expression: str, kind: ValueKind) -> None:
    assert cell(connection, expression)[0].kind is kind


@given(st.sampled_from([16, 17, 20, 114, 700, 1082, 1083, 1114, 1184, 1266, 1700, 2950, 99999]), st.text())
def test_no_text_of_any_type_makes_the_decoder_raise(type_id: int, text: str) -> None:
    decode(Column(name="x", type_id=type_id, decoder=DECODER), text)


@given(st.one_of(st.datetimes(), st.dates(), st.decimals(allow_nan=False), st.floats(allow_nan=False), st.binary()))
def test_values_come_back_through_the_server(value: Any) -> None:
    type_id, text = {
        dt.datetime: (1114, str(value)),
        dt.date: (1082, str(value)),
        Decimal: (1700, str(value)),
        float: (701, repr(value).replace("inf", "Infinity")),
        bytes: (17, "\\x" + value.hex() if isinstance(value, bytes) else ""),
    }[type(value)]
    assert decode(Column(name="x", type_id=type_id, decoder=DECODER), text) == value
