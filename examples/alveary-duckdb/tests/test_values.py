"""Values are DuckDB's own: each cell is what COPY writes, and each Python value is exactly the cell."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from alveary import Kernel
from alveary.errors import QueryError

VALUES = [
    "(-128)::tinyint", "18446744073709551615::ubigint", "(-170141183460469231731687303715884105728)::hugeint",
    "340282366920938463463374607431768211455::uhugeint", "1.10::decimal(38,10)", "(-0.05)::decimal(4,2)", "0.1::float",
    "0.1::double", "1e300::double", "'nan'::double", "'-inf'::double", "true", "null", "''", "'a,b\"c''d'", "'é😀'",
    "date '4713-01-01 (BC)'", "date 'infinity'", "timestamp '-infinity'", "timestamp '290000-12-31 23:59:59.999999'",
    "timestamp_ns '2024-02-29 00:00:00.123456789'", "timestamptz '2024-01-01 12:00:00+05:30'", "time '24:00:00'",
    "'12:00:00+02'::timetz", "interval '1 month -2 days 03:04:05.000006'", "'\\x00a\\xFF\\x5C\"'::blob", "''::blob",
    "uuid '00000000-0000-0000-0000-0000000000ff'", "'0101'::bit", "'calm'::enum('calm')", "'{\"a\": 1.0}'::json",
    "[1, null, 3]", "[['a,b', 'c''d', null], []]", "{'a': 'x''y', 'b': [date 'infinity']}", "map {'k': 1, 'l': null}",
    "union_value(number := 2)", "array_value(1, 2)",
]  # fmt: skip


@pytest.fixture
def alveary_target() -> str:
    return "duckdb:///:memory:"


@pytest.mark.parametrize("value", VALUES)
def test_a_cell_is_what_copy_writes(alveary_kernel: Kernel, alveary_target: str, tmp_path: Path, value: str) -> None:
    session = alveary_kernel.connect(alveary_target)
    result = session.run(f"select {value} as v")
    assert result is not None
    ((cell,),) = result.cells()
    session.run(f"copy (select {value} as v) to '{tmp_path}/v.csv' (header false, force_quote *, nullstr 'NULL')")
    ((copied,),) = csv.reader((tmp_path / "v.csv").read_text("utf-8").splitlines())
    assert (cell, copied) in ((copied, copied), (None, "NULL"))


@pytest.mark.parametrize(
    ("value", "python"),
    [
        ("170141183460469231731687303715884105727::hugeint", 2**127 - 1),
        ("1.10::decimal(38,10)", Decimal("1.1000000000")),
        ("0.1::double", 0.1),
        ("true", True),
        ("'\\x00a\\xFF\\x5C'::blob", b"\0a\xff\\"),
        ("date 'infinity'", "infinity"),
        ("interval '1 month'", "1 month"),
        ("null", None),
    ],
)
def test_a_python_value_is_exactly_the_cell(
    alveary_kernel: Kernel, alveary_target: str, value: str, python: object
) -> None:
    session = alveary_kernel.connect(alveary_target)
    assert list(session.run(f"select {value}") or ()) == [(python,)]
    session.run("create table t (k integer)")
    assert list(session.run(f"insert into t values (1) returning {value}") or ()) == [(python,)]


def test_a_variable_of_python_is_no_table(alveary_kernel: Kernel, alveary_target: str) -> None:
    with pytest.raises(QueryError, match="statement does not exist"):
        alveary_kernel.connect(alveary_target).run("select * from statement")
