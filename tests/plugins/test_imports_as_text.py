"""Text that a database reads itself goes there as it is, and means there what our own reading makes of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_engines import Engine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alveary import Kernel
from alveary.contracts.types import Kind
from alveary.errors import QueryError
from alveary.transfer.cells import Fitting
from alveary.transfer.inference import all_of, is_of
from alveary_plugins.drivers.postgres.driver import PostgresConnection
from alveary_plugins.importers.delimited import DelimitedImporter

Make = Callable[[str], Engine]

#: Pieces in which quotes stand where they should not, next to such as are by the rule.
_pieces = st.sampled_from(
    ['"', '""', ",", "\n", "\r\n", "a", "b c", '"q"', '"a,b"', '"a""b"', '5" x', '""""', "\\.", "\\N", " ", "é", "\n\n"]
)
_numbers = itertools.count()


@pytest.fixture
def target(engine_of: Make) -> Engine:
    engine = engine_of("postgres")
    engine.ask("create table bee (n serial, a text, b text)")
    return engine


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(pieces=st.lists(_pieces, max_size=14))
def test_what_goes_as_text_is_what_we_read(
    alveary_kernel: Kernel, target: Engine, tmp_path: Path, pieces: list[str]
) -> None:
    file = tmp_path / f"{next(_numbers)}.csv"
    # A block is looked at whole, so what is by the rule goes first, and what is not shows in it.
    file.write_bytes(("a,b\n1,x\n" + "".join(pieces) + "\n2,y\n").encode())
    options = {"delimiter": ",", "quote": '"', "header": "yes", "encoding": "utf-8"}
    importer = DelimitedImporter(str(file), **options)
    columns = importer.columns()
    try:
        expected = [row for chunk in importer.chunks(columns) for row in chunk.rows]
    except Exception:  # noqa: BLE001  # a quote that is never closed; the import says the same
        return
    rejects = str(tmp_path / f"{next(_numbers)}.rejects")
    with alveary_kernel.connect(target.url, record=False) as session:
        session.run("truncate bee")
        alveary_kernel.run(
            "import.run",
            {
                "target": target.url, "file": str(file), "table": "bee", "rejects": rejects, "history": False,
                "options": {"quote": '"'}, "delimiter": ",", "header": "yes", "encoding": "utf-8",
            },
        )  # fmt: skip
        found = session.run("select a, b from bee order by n")
        assert found is not None
        assert list(found.cells()) == expected


def test_whole_blocks_go_as_text_and_what_is_refused_is_found_by_row(
    alveary_kernel: Kernel, target: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_text, by_row = list[int](), list[int]()
    text, rows = PostgresConnection.load_text, PostgresConnection.load

    def as_text(
        self: PostgresConnection, table: tuple[str, ...], columns: object, data: str, form: object
    ) -> int | None:
        by_text.append(data.count("\n"))
        return text(self, table, columns, data, form)  # type: ignore[arg-type]  # handed through

    def as_rows(self: PostgresConnection, table: tuple[str, ...], columns: object, data: list[object]) -> int:
        by_row.append(len(data))
        return rows(self, table, columns, data)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(PostgresConnection, "load_text", as_text)
    monkeypatch.setattr(PostgresConnection, "load", as_rows)
    many = "".join(f'{number},"a ""bee"" of {number}, and more of it"\n' for number in range(60_000))
    file = tmp_path / "bees.csv"
    file.write_text("a,b\n" + many)
    asked = {"target": target.url, "file": str(file), "table": "bee", "history": False}
    assert alveary_kernel.run("import.run", asked).rows == 60_000
    assert len(by_text) > 1
    assert sum(by_row) + sum(by_text) == 60_000
    target.ask("alter table bee alter a type int using 0")
    target.ask("truncate bee")
    file.write_text("a,b\n" + many.replace("\n50000,", "\nfifty,"))
    with pytest.raises(QueryError, match=r"line 50002, column a: invalid input syntax .*fifty"):
        alveary_kernel.run("import.run", asked)
    assert target.ask("select count(*) from bee") == ["0"]
    rejects = {**asked, "rejects": str(tmp_path / "rejects.csv")}
    report = alveary_kernel.run("import.run", rejects)
    assert (report.rows, report.rejected, report.faults[0].line) == (59_999, 1, 50_002)


_KINDS = [Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.DOUBLE, Kind.DATE, Kind.TIMESTAMP, Kind.TIME]
_texts = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.integers(-40_000, 40_000).map(str),
    st.sampled_from(["", "-0", "007", "1.5", ".5", "1e5", "NaN", "2024-02-30", "2024-02-29", "x", "1\n2", " 1", "+1"]),
    st.floats().map(repr),
    st.dates().map(str),
    st.datetimes().map(str),
)


@given(kind=st.sampled_from(_KINDS), texts=st.lists(_texts, min_size=1, max_size=5))
def test_a_column_that_is_looked_at_at_once_is_as_each_of_its_cells(kind: Kind, texts: list[str]) -> None:
    if all_of(kind, texts):
        assert all(is_of(kind, text) for text in texts)
        if kind in (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT):
            bits = {Kind.SMALLINT: 15, Kind.INTEGER: 31, Kind.BIGINT: 63}[kind]
            assert all(-(2**bits) <= int(text) < 2**bits for text in texts)
    one_by_one = [Fitting(["c"], [kind], [True])([(text,)], [1])[2] for text in texts]
    together = Fitting(["c"], [kind], [True])([(text,) for text in texts], range(len(texts)))[2]
    assert [bool(faults) for faults in one_by_one] == [
        any(fault.line == place for fault in together) for place in range(len(texts))
    ]
