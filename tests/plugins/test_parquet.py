"""Parquet, read back by pyarrow and DuckDB: exact types where they hold every value, the server's text elsewhere."""

from __future__ import annotations

import datetime
import io
import struct
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]  # it brings no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typed_values import MARIADB_VALUES, POSTGRES_VALUES

from alveary import Kernel
from alveary.contracts.exporter import ExportOptions
from alveary.contracts.values import Cell, Column, Row, ValueKind, cell_text
from alveary.errors import DiskFullError, InvalidInputError
from alveary.paths import Paths
from alveary.sessions import Session
from alveary_plugins.exporters import parquet
from alveary_plugins.exporters.parquet import ParquetExporter

NUMBER, TEMPORAL, DYNAMIC = ValueKind.NUMBER, ValueKind.TEMPORAL, ValueKind.DYNAMIC
BIGINT = Column(name="n", type_name="bigint", kind=NUMBER)
MOMENT = Column(name="m", type_name="timestamp without time zone", kind=TEMPORAL)


def export(columns: Sequence[Column], rows: Sequence[Row], *, batch: int = 3, **more: Any) -> bytes:
    pieces: list[bytes] = []
    exporter = ParquetExporter(pieces.append, ExportOptions(), **more)
    exporter.begin(columns)
    for start in range(0, len(rows), batch):
        exporter.rows(rows[start : start + batch])
    exporter.end(True)
    exporter.finish()
    return b"".join(pieces)


def read(data: bytes) -> Any:
    return pq.read_table(io.BytesIO(data))


def types(columns: Sequence[Column], rows: Sequence[Row], **more: Any) -> list[str]:
    return [str(field.type) for field in read(export(columns, rows, **more)).schema]


def same(value: Any, column: Column, cell: Cell, type: str) -> bool:
    """Tell whether what was read is the value of a cell."""
    if cell is None or value is None:
        return cell is value
    text = cell_text(cell)
    if isinstance(value, bool):
        return value == (text in ("t", "true"))
    if isinstance(value, bytes):
        return value == (column.decode(cell) if isinstance(cell, str) else cell)
    if isinstance(value, int):
        return value == int(text)
    if isinstance(value, Decimal):
        return value == Decimal(text)
    if isinstance(value, float):
        wanted = struct.unpack("f", struct.pack("f", float(text)))[0] if type == "float" else float(text)
        return repr(value) == repr(wanted)
    if isinstance(value, datetime.datetime):
        return value == datetime.datetime.fromisoformat(text)
    return str(value) == text


def assert_same(columns: Sequence[Column], rows: Sequence[Row], table: Any) -> None:
    for place, column in enumerate(columns):
        kind = str(table.schema.field(place).type)
        for value, row in zip(table.column(place).to_pylist(), rows, strict=True):
            assert same(value, column, row[place], kind), (column, row[place], value)


@pytest.fixture(scope="module")
def module_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    home = tmp_path_factory.mktemp("home")
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        yield kernel


def fetched(session: Session, sql: str) -> tuple[tuple[Column, ...], list[Row]]:
    result = session.run(sql)
    assert result is not None
    return result.columns, list(result.cells())


# -- every type at its extremes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POSTGRES_VALUES)
def test_values_of_postgres(on_postgres: Session, name: str) -> None:
    columns, rows = fetched(on_postgres, f"select {POSTGRES_VALUES[name]}")
    assert_same(columns, rows, read(export(columns, rows)))


@pytest.mark.parametrize(
    ("type_name", "values"), [row[:2] for row in MARIADB_VALUES], ids=[row[0] for row in MARIADB_VALUES]
)
def test_values_of_mariadb(on_mariadb: Session, type_name: str, values: list[str]) -> None:
    on_mariadb.run("set sql_mode = 'ALLOW_INVALID_DATES'")
    on_mariadb.run(f"create or replace table v (n int not null auto_increment primary key, v {type_name})")
    for value in [*values, "null"]:
        on_mariadb.run(f"insert into v (v) values ({value})")
    columns, rows = fetched(on_mariadb, "select v from v order by n")
    assert_same(columns, rows, read(export(columns, rows)))


def test_the_types_of_postgres(on_postgres: Session) -> None:
    expressions = {
        "1::int2": "int16", "1::int4": "int32", "1::int8": "int64", "1::oid": "uint32", "1::real": "float",
        "1::float8": "double", "1.5::numeric(12,2)": "decimal128(12, 2)", "1::numeric(38,10)": "decimal128(38, 10)",
        "1::numeric(50,10)": "decimal256(50, 10)", "1::numeric(100,10)": "string", "1200::numeric(3,-2)":
        "decimal128(5, 0)", "0.00012::numeric(2,5)": "decimal128(5, 5)", "1.25": "decimal128(38, 2)",
        "1e60::numeric": "decimal256(61, 0)", "'NaN'::numeric": "string", "null::numeric": "string", "true": "bool",
        "''::bytea": "binary", "''::text": "string", "now()": "timestamp[us, tz=UTC]",
        "now()::timestamp": "timestamp[us]", "now()::date": "date32[day]", "now()::time": "string",
        "'infinity'::date": "string", "'infinity'::timestamptz": "string", "'1 day'::interval": "string",
        "'{1}'::int[]": "string", "'{}'::json": "string", "gen_random_uuid()": "string",
    }  # fmt: skip
    columns, rows = fetched(on_postgres, f"select {', '.join(expressions)}")
    assert types(columns, rows) == list(expressions.values())


def test_the_types_of_mariadb(on_mariadb: Session) -> None:
    on_mariadb.run(
        "create or replace table t (a tinyint, b int unsigned, c bigint unsigned, d decimal(10,2), e decimal(10,0) "
        "unsigned, f float, g double, h date, i datetime(6), j timestamp, k time, l year, m bit(64), n blob, o text, "
        "p decimal(65,30))"
    )
    columns, rows = fetched(on_mariadb, "select * from t")
    assert types(columns, rows) == [
        "int8", "uint32", "uint64", "decimal128(10, 2)", "decimal128(10, 0)", "float", "double", "date32[day]",
        "timestamp[us]", "timestamp[us]", "string", "int16", "uint64", "binary", "string", "decimal256(65, 30)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "type", "values"),
    [
        ([1, None, 2**63 - 1], "int64", [1, None, 2**63 - 1]),
        ([1, 0.5], "double", [1.0, 0.5]),
        ([2**53 + 1, 0.5], "string", ["9007199254740993", "0.5"]),
        ([b"\x00\xff", b""], "binary", [b"\x00\xff", b""]),
        (["x", b"y"], "string", ["x", "0x79"]),
        (["x", 1, 0.1, None], "string", ["x", "1", "0.1", None]),
        ([None, None], "string", [None, None]),
        ([True, False], "bool", [True, False]),
        ([float("inf"), -0.0], "double", [float("inf"), -0.0]),
        ([], "string", []),
    ],
)
def test_a_column_of_sqlite_has_the_type_of_all_its_cells(cells: list[Cell], type: str, values: list[Any]) -> None:
    table = read(export([Column(name="a")], [(cell,) for cell in cells], batch=1))
    assert (str(table.schema.field(0).type), table.column(0).to_pylist()) == (type, values)


def test_duckdb_reads_the_same(tmp_path: Path) -> None:
    columns = [BIGINT, MOMENT, Column(name="d", kind=NUMBER, precision=12, scale=2), Column(name="t"),
               Column(name="b", kind=ValueKind.BOOLEAN), Column(name="t")]  # fmt: skip
    rows: list[Row] = [
        ("-9223372036854775808", "2024-02-29 12:34:56.000001", "-9999999999.99", "é😀", "t", b"\x00"),
        (None, None, None, None, None, None),
    ]
    for compression in ("snappy", "zstd", "gzip", "none"):
        path = tmp_path / f"{compression}.parquet"
        path.write_bytes(export(columns, rows, compression=compression))
        with duckdb.connect() as db:
            found = db.execute(f"select * from read_parquet('{path}')")
            assert [name for name, *_ in found.description] == ["n", "m", "d", "t", "b", "t_2"]
            assert found.fetchall() == [
                (
                    -(2**63),
                    datetime.datetime(2024, 2, 29, 12, 34, 56, 1),
                    Decimal("-9999999999.99"),
                    "é😀",
                    True,
                    b"\0",
                ),
                (None,) * 6,
            ]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
CELL = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(), TEXT, st.binary(max_size=5), st.booleans())


@given(st.lists(st.tuples(CELL, st.none() | st.integers(-(2**63), 2**63 - 1), st.none() | TEXT), max_size=12))
def test_random_rows_keep_every_value(rows: list[Row]) -> None:
    columns = [Column(name="a"), Column(name="b"), Column(name="c", kind=ValueKind.TEXT)]
    table = read(export(columns, rows, group=4))
    first = [row[0] for row in rows]
    if table.schema.field(0).type == pa.string():
        assert table.column(0).to_pylist() == [cell if cell is None else cell_text(cell) for cell in first]
    else:
        assert list(map(repr, table.column(0).to_pylist())) == [
            repr(float(cell)) if type(cell) is int and table.schema.field(0).type == pa.float64() else repr(cell)
            for cell in first
        ]
    assert table.column(1).to_pylist() == [row[1] for row in rows]
    assert table.column(2).to_pylist() == [row[2] for row in rows]


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40)


@given(st.lists(st.none() | DECIMALS.map(lambda value: format(value, "f")), min_size=1, max_size=10))
def test_decimals_of_any_scale_keep_every_digit(texts: list[str | None]) -> None:
    table = read(export([Column(name="a", type_name="numeric", kind=NUMBER)], [(text,) for text in texts]))
    assert [None if text is None else Decimal(text) for text in texts] == [
        None if value is None else Decimal(value) for value in table.column(0).to_pylist()
    ]


# -- what does not fit -------------------------------------------------------------------------------------------


def test_a_value_without_a_type_makes_its_column_text_if_it_comes_early() -> None:
    rows: list[Row] = [("2024-01-01 00:00:00", "1"), ("infinity", "2")]
    table = read(export([MOMENT, BIGINT], rows))
    assert [str(field.type) for field in table.schema] == ["string", "int64"]
    assert table.column(0).to_pylist() == ["2024-01-01 00:00:00", "infinity"]


def test_one_that_comes_late_is_named_with_its_row_and_a_way_out() -> None:
    plain: Row = ("2024-01-01 00:00:00", "1")
    rows = [*[plain] * 7, ("infinity", "1"), *[plain] * 4]
    with pytest.raises(InvalidInputError) as caught:
        export([MOMENT, BIGINT], rows, group=5)
    assert caught.value.message == "row 8, column m: 'infinity' is no timestamp[us] of Parquet's"
    assert caught.value.hint == "--option text=m writes the column as text"
    for text in ("m", "*", " m , n"):
        assert read(export([MOMENT, BIGINT], rows, group=5, text=text)).column(0).to_pylist()[7] == "infinity"
    assert types([MOMENT, BIGINT], rows, text="*") == ["string", "string"]
    with pytest.raises(InvalidInputError, match="no column 'x'"):
        export([MOMENT], [], text="x")


def test_bytes_that_are_no_text_are_refused_with_a_way_out() -> None:
    with pytest.raises(InvalidInputError, match="no UTF-8"):
        export([Column(name="a", kind=ValueKind.TEXT)], [("caf\udce9",)])


def test_a_file_holds_one_result() -> None:
    exporter = ParquetExporter(lambda _: None, ExportOptions())
    with pytest.raises(InvalidInputError, match="nothing to write"):
        exporter.finish()
    exporter.begin([BIGINT])
    exporter.end(True)
    exporter.finish()
    with pytest.raises(InvalidInputError, match="holds one result"):
        exporter.begin([BIGINT])


# -- how it is written -------------------------------------------------------------------------------------------


def test_row_groups_are_bounded_by_rows_and_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def groups(rows: Sequence[Row], **more: Any) -> list[int]:
        file = pq.ParquetFile(io.BytesIO(export([BIGINT, Column(name="t", kind=ValueKind.TEXT)], rows, **more)))
        return [file.metadata.row_group(place).num_rows for place in range(file.metadata.num_row_groups)]

    assert groups([("1", "x")] * 10, group=4, batch=2) == [4, 4, 2]
    monkeypatch.setattr(parquet, "GROUP_BYTES", 1000)
    assert groups([("1", "x" * 600)] * 5, batch=1) == [2, 2, 1]
    assert groups([]) == []


def test_one_that_was_cut_short_is_no_file() -> None:
    pieces: list[bytes] = []
    exporter = ParquetExporter(pieces.append, ExportOptions(), group=2)
    exporter.begin([BIGINT])
    exporter.rows([("1",)] * 5)
    exporter.end(False)
    del exporter
    written = b"".join(pieces)
    assert written[:4] == b"PAR1"
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(io.BytesIO(written))


def test_what_the_output_raises_comes_through() -> None:
    def full(data: bytes) -> None:
        raise DiskFullError("can't write x: No space left on device")

    exporter = ParquetExporter(full, ExportOptions(), group=2)
    exporter.begin([BIGINT])
    with pytest.raises(DiskFullError):
        exporter.rows([("1",)] * 5)
    exporter.end(False)
