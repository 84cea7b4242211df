"""There and back: random typed tables of the three engines, through a file and between engines, cell by cell."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fix_engines import ENGINES, Engine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typed_values import MARIADB_VALUES, POSTGRES_TYPES, POSTGRES_VALUES

from alveary import Kernel
from alveary.contracts.types import Kind
from alveary.contracts.values import Cell
from alveary.transfer.cells import canonical

Make = Callable[[str], Engine]
Rows = list[tuple[Cell, ...]]

#: Values that an escape, a quote or a guess of a type could change, beside those that are made at random.
ODD = ["", "NULL", "null", "\\N", "\\.", '"', '""', "'", ",", ";", "\t", "\n", "\r", "\r\n", "a\nb", "\ufeffx", "\x1a",
       " ", "00123", "+49", "1e5", "t", "2024-01-01", "0x00", "\\x00", "[1]", "-0", "1.50"]  # fmt: skip
_texts = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
)
_dates = st.dates().map(str)
_moments = st.datetimes().map(lambda moment: moment.isoformat(" ", "microseconds"))
_doubles = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)

#: Of each kind: how the engines call a type of it, and the values it has in all of them.
COLUMNS: dict[Kind, tuple[dict[str, str], st.SearchStrategy[Any]]] = {
    Kind.BIGINT: (dict.fromkeys(ENGINES, "bigint"), st.integers(-(2**63), 2**63 - 1)),
    Kind.SMALLINT: (dict.fromkeys(ENGINES, "smallint"), st.integers(-(2**15), 2**15 - 1)),
    Kind.DECIMAL: (
        {"sqlite": "text", "postgres": "numeric(40,10)", "mariadb": "decimal(40,10)"},
        st.decimals(-(10**28), 10**28, places=10).map(lambda number: f"{number:f}"),
    ),
    Kind.DOUBLE: ({"sqlite": "real", "postgres": "float8", "mariadb": "double"}, _doubles),
    Kind.BOOLEAN: ({"sqlite": "boolean", "postgres": "boolean", "mariadb": "tinyint(1)"}, st.booleans()),
    Kind.TEXT: ({"sqlite": "text", "postgres": "text", "mariadb": "longtext character set utf8mb4"}, _texts),
    Kind.BINARY: ({"sqlite": "blob", "postgres": "bytea", "mariadb": "longblob"}, st.binary(max_size=12)),
    Kind.DATE: ({"sqlite": "text", "postgres": "date", "mariadb": "date"}, _dates),
    Kind.TIMESTAMP: ({"sqlite": "text", "postgres": "timestamp", "mariadb": "datetime(6)"}, _moments),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Kind], Rows]:
    """Return some columns and some rows of values, NULL among them."""
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=5))
    row = st.tuples(*(st.one_of(st.none(), COLUMNS[kind][1]) for kind in kinds))
    return kinds, draw(st.lists(row, max_size=8))


EXAMPLES = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
_numbers = itertools.count()


def make(kernel: Kernel, engine: Engine, kinds: list[Kind], rows: Rows, *names: str) -> None:
    """Make tables of these columns, the first of them filled."""
    columns = ", ".join(f"c{place} {COLUMNS[kind][0][engine.name]}" for place, kind in enumerate(kinds))
    with kernel.connect(engine.url, record=False) as session:
        for name in names:
            session.run(f"create table {name} (id integer not null primary key, {columns})")
        for number, row in enumerate(rows):
            given = {f"v{place}": cell for place, cell in enumerate(row)}
            marks = ", ".join(f":v{place}" for place in range(len(row)))
            session.run(f"insert into {names[0]} values ({number}, {marks})", given)


def held(kernel: Kernel, engine: Engine, table: str, kinds: list[Kind]) -> list[list[str | None]]:
    """Return what a table holds, as texts that are the same whichever engine holds it."""
    texts = [canonical(kind) for kind in kinds]
    with kernel.connect(engine.url, record=False) as session:
        result = session.run(f"select * from {table} order by id")
        assert result is not None
        return [
            [None if cell is None else text(cell) for text, cell in zip(texts, row[1:], strict=True)]
            for row in result.cells()
        ]


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl"])
@EXAMPLES
@given(table=tables())
def test_a_table_goes_through_a_file_and_comes_back(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path, format: str, table: tuple[list[Kind], Rows]
) -> None:
    kinds, rows = table
    number = next(_numbers)
    there, back, new = (f"{name}_{number}" for name in ("there", "back", "new"))
    make(alveary_kernel, engine, kinds, rows, there, back)
    file = str(tmp_path / f"{number}.{format}")
    alveary_kernel.run(
        "query.run", {"target": engine.url, "table": there, "output": file, "format": format, "history": False}
    )
    expected = held(alveary_kernel, engine, there, kinds)
    asked = {"target": engine.url, "file": file, "history": False}
    if rows or format != "jsonl":  # without a row there is no name in it
        header = {} if format == "jsonl" else {"header": "yes"}
        assert alveary_kernel.run("import.run", {**asked, **header, "table": back}).rows == len(rows)
        assert held(alveary_kernel, engine, back, kinds) == expected
        # Text that happens to look like something else throughout would be taken for that.
        types = {f"c{place}": kind.value for place, kind in enumerate(kinds) if kind in (Kind.TEXT, Kind.BINARY)}
        alveary_kernel.run("import.run", {**asked, **header, "table": new, "create": True, "type": types})
        assert held(alveary_kernel, engine, new, kinds) == expected
    with alveary_kernel.connect(engine.url, record=False) as session:
        for name in (there, back, new) if rows or format != "jsonl" else (there, back):
            session.run(f"drop table {name}")


@EXAMPLES
@given(table=tables())
def test_a_table_goes_through_a_parquet_file_and_comes_back(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path, table: tuple[list[Kind], Rows]
) -> None:
    kinds, rows = table
    number = next(_numbers)
    there, back, new = (f"{name}_{number}" for name in ("there", "back", "new"))
    make(alveary_kernel, engine, kinds, rows, there, back)
    file = str(tmp_path / f"{number}.parquet")
    alveary_kernel.run(
        "query.run", {"target": engine.url, "table": there, "output": file, "format": "parquet", "history": False}
    )
    expected = held(alveary_kernel, engine, there, kinds)
    for table_name, created in ((back, False), (new, True)):
        asked = {"target": engine.url, "file": file, "table": table_name, "create": created, "history": False}
        assert alveary_kernel.run("import.run", asked).rows == len(rows)
        assert held(alveary_kernel, engine, table_name, kinds) == expected
    with alveary_kernel.connect(engine.url, record=False) as session:
        for name in (there, back, new):
            session.run(f"drop table {name}")


@EXAMPLES
@given(table=tables())
def test_a_table_goes_through_insert_statements_and_comes_back(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path, table: tuple[list[Kind], Rows]
) -> None:
    kinds, rows = table
    number = next(_numbers)
    there, back = (f"{name}_{number}" for name in ("there", "back"))
    make(alveary_kernel, engine, kinds, rows, there, back)
    file = str(tmp_path / f"{number}.sql")
    asked = {"target": engine.url, "output": file, "format": "sql", "options": {"table": back, "rows": 3}}
    alveary_kernel.run("query.run", {**asked, "table": there, "history": False})
    expected = held(alveary_kernel, engine, there, kinds)
    if rows:
        alveary_kernel.run("query.run", {"target": engine.url, "file": file, "format": "none", "history": False})
    assert held(alveary_kernel, engine, back, kinds) == expected
    with alveary_kernel.connect(engine.url, record=False) as session:
        for name in (there, back):
            session.run(f"drop table {name}")


@pytest.mark.parametrize("target_name", ENGINES)
@EXAMPLES
@given(table=tables())
def test_a_table_goes_from_engine_to_engine(
    alveary_kernel: Kernel, engine: Engine, others: dict[str, Engine], target_name: str, table: tuple[list[Kind], Rows]
) -> None:
    kinds, rows = table
    name = f"bee_{next(_numbers)}"
    target = others[target_name]
    make(alveary_kernel, engine, kinds, rows, name)
    report = alveary_kernel.run(
        "copy.run",
        {
            "source": engine.url,
            "table": name,
            "target": target.url,
            "to": f"new_{name}",
            "checksum": True,
            "history": False,
        },
    )
    assert report.rows == len(rows)
    assert held(alveary_kernel, target, f"new_{name}", kinds) == held(alveary_kernel, engine, name, kinds)


@pytest.fixture
def others(engine_of: Make) -> dict[str, Engine]:
    """A second database of each engine."""
    return {name: engine_of(name) for name in ENGINES}


FORMATS = ("csv", "tsv", "jsonl", "parquet")


def test_every_type_of_postgres_comes_back_through_a_file(
    alveary_kernel: Kernel, engine_of: Make, tmp_path: Path
) -> None:
    postgres = engine_of("postgres")
    postgres.ask(POSTGRES_TYPES)
    # A row of a query that no table can hold, and names of no type.
    left = {"composite", "rows of strangers", "names", "void"}
    values = [each for name, each in POSTGRES_VALUES.items() if name not in left and len(each) < 1000]
    made = [f"create table v{number} as select * from (values ({each})) v" for number, each in enumerate(values)]
    postgres.ask("; ".join(made))
    columns = postgres.ask(
        "select format('%s.%s as %1$s_%2$s', relname, attname) from pg_attribute join pg_class c on c.oid = attrelid "
        "where relname ~ '^v[0-9]+$' and attnum > 0"
    )
    tables = ", ".join(f"v{number}" for number in range(len(values)))
    postgres.ask(f"create table there as select {', '.join(columns)} from {tables}; create table back (like there)")
    for format in FORMATS:
        if format == "jsonl":  # in JSON its own null and none are the same, and blanks around a document are not of it
            odd = f"v{values.index(POSTGRES_VALUES['json odd'])}"
            postgres.ask(f"update there set {odd}_column1 = 'true', {odd}_column2 = '[ ]'")
        through_a_file(alveary_kernel, postgres, tmp_path, format)
        assert postgres.ask("select count(*) from there t, back b where t::text = b::text") == ["1"], format


def test_every_type_of_mariadb_comes_back_through_a_file(
    alveary_kernel: Kernel, engine_of: Make, tmp_path: Path
) -> None:
    mariadb = engine_of("mariadb")
    columns = [f"c{number} {type}" for number, (type, *_) in enumerate(MARIADB_VALUES)]
    rows = itertools.zip_longest(*(values for _, values, *_ in MARIADB_VALUES), fillvalue="null")
    listed = ", ".join(f"({', '.join([str(number), *row])})" for number, row in enumerate(rows))
    mariadb.ask(
        "set names utf8mb4, sql_mode = 'ALLOW_INVALID_DATES'; "
        f"create table there (k int not null primary key, {', '.join(columns)}); create table back like there; "
        f"insert into there values {listed}; "
        "update there set c14 = null where day(c14) = 30 and month(c14) = 2"  # in a file that is a mistake
    )
    texts = ", ".join(f"hex(cast(c{number} as binary))" for number in range(len(columns)))
    for format in FORMATS:
        through_a_file(alveary_kernel, mariadb, tmp_path, format)
        there, back = (mariadb.ask(f"select {texts} from {table} order by k") for table in ("there", "back"))
        assert back == there, format


def test_numbers_of_any_size_and_documents_come_back_into_sqlite(
    alveary_kernel: Kernel, engine_of: Make, tmp_path: Path
) -> None:
    sqlite = engine_of("sqlite")
    for table in ("there", "back"):
        sqlite.ask(f"create table {table} (k integer primary key, n numeric, d decimal(10,2), r real, j json)")
    sqlite.ask(
        "insert into there values (1, 1e20, 5e-324, 9e999, '\"a\"'), (2, -9e999, 1.50, -9e999, '{\"a\":1.10}'), "
        "(3, 12345678901234567890, 3, 1.7976931348623157e308, 'null'), (4, 9223372036854775807, 0.1, -0.1, 'no')"
    )
    asked = "select k, typeof(n), n, typeof(d), d, typeof(r), r, typeof(j), j from {} order by k"
    for format in ("csv", "tsv", "jsonl"):
        through_a_file(alveary_kernel, sqlite, tmp_path, format)
        assert sqlite.ask(asked.format("back")) == sqlite.ask(asked.format("there")), format


def through_a_file(kernel: Kernel, engine: Engine, folder: Path, format: str) -> None:
    """Write a table of an engine to a file, and read that into another one in the place of what that held."""
    file = str(folder / f"there.{format}")
    asked = {"target": engine.url, "history": False}
    kernel.run("query.run", {**asked, "table": "there", "output": file, "format": format})
    kernel.run("import.run", {**asked, "file": file, "table": "back", "existing": True, "truncate": True})
