"""Arrangements: the order of each type, filters, finding; all of it against what real servers and Python say."""

from __future__ import annotations

import gc
import itertools
import random
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary import Column, Kernel, ResultSet, ValueKind
from alveary.arrangement import Arrangement, Filter, Matches, Sort, Test, arrange, find, program
from alveary.arrangement.filtering import Sieve
from alveary.arrangement.ordering import Unfit, moment_key, nanoseconds, number_key, ways
from alveary.arrangement.specs import Task
from alveary.bus import Bus
from alveary.contracts.values import Cell, Row
from alveary.errors import DiskFullError, InvalidInputError, QueryCancelledError, StorageError
from alveary.jobs import Job, Jobs
from alveary.results import ResultWriter

HANG = 30

Store = Callable[..., ResultSet]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Store rows as a result."""
    made = iter(range(1000))

    def store(columns: Sequence[Column], rows: Sequence[Row], batch: int = 7) -> ResultSet:
        directory = tmp_path / f"result-{next(made)}"
        writer = ResultWriter(directory)
        writer.columns(columns)
        for start in range(0, len(rows), batch):
            writer.rows(rows[start : start + batch])
        writer.close(True)
        return ResultSet(directory)

    return store


def column(kind: ValueKind = ValueKind.DYNAMIC, type_name: str = "", name: str = "c") -> Column:
    return Column(name=name, kind=kind, type_name=type_name)


def ordered(store: Store, cells: Sequence[Cell], kind: ValueKind, type_name: str = "", **sort: Any) -> list[Cell]:
    """Return the cells of one column, sorted."""
    result = store([column(kind, type_name)], [(cell,) for cell in cells])
    arrangement = arranged_here(result, len(cells), sorts=(Sort(column=0, **sort),))
    return [row[0] for row in arrangement.window(0, len(arrangement))]


def arranged_here(result: ResultSet, rows: int, **what: Any) -> Arrangement:
    """Do the child's work in this process: starting one for each of hundreds of examples would take minutes."""
    order, ends = (result.directory / f"{name}-{next(_numbers)}" for name in ("order", "ends"))
    task = Task(directory=str(result.directory), rows=rows, output=str(order), ends=str(ends), **what)
    program.arrange(task, lambda _: None)
    return Arrangement(result, rows, order, ends)


_numbers = itertools.count()


# -- the order of types ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "type_name", "cells"),
    [
        (ValueKind.NUMBER, "int8", ["-9223372036854775808", "-10", "-9", "0", "7", "10", "9223372036854775807"]),
        (ValueKind.NUMBER, "numeric", ["-1.55", "-1.5", "0.00", "0.1", "0.10000000000000000001", "2", "10", "11.50"]),
        (
            ValueKind.NUMBER,
            "numeric",
            [
                "-Infinity",
                "-12345678901234567890123456789012345678.2",
                "-12345678901234567890123456789012345678.1",
                "12345678901234567890123456789012345678.1",
                "12345678901234567890123456789012345678.2",
                "1" + "0" * 60,
                "Infinity",
                "NaN",
            ],
        ),
        (ValueKind.NUMBER, "double precision", ["-Infinity", "-1e+300", "-5e-324", "0.1", "1e+20", "Infinity", "NaN"]),
        (ValueKind.NUMBER, "bigint unsigned", ["0", "9223372036854775808", "18446744073709551615"]),
        (ValueKind.NUMBER, "bit", [0, 5, 2**64 - 1]),
        (ValueKind.TEMPORAL, "date", ["-infinity", "4713-01-01 BC", "0044-03-15 BC", "0001-01-01", "2024-02-29",
                                      "12024-01-01", "5874897-12-31", "infinity"]),
        (ValueKind.TEMPORAL, "timestamptz", ["2024-01-01 01:30:00+02", "2024-01-01 00:00:00+00",
                                             "2023-12-31 23:30:00-01", "2024-01-01 03:00:00.5+02:30",
                                             "2024-01-01 01:00:00+00"]),
        (ValueKind.TEMPORAL, "timestamp", ["2024-01-01 00:00:00", "2024-01-01 00:00:00.45", "2024-01-01 00:00:00.5"]),
        (ValueKind.TEMPORAL, "time", ["-838:59:59", "-00:00:01", "00:00:00", "09:00:00", "24:00:00", "838:59:59"]),
        (ValueKind.TEMPORAL, "date", ["0000-00-00", "2023-12-31", "2024-00-00", "2024-00-15", "2024-01-00",
                                      "2024-01-01"]),
        (ValueKind.TEMPORAL, "interval", ["-1 years -2 mons", "-1 days -00:00:01", "00:00:00", "23:59:59",
                                          "1 day 00:00:01", "29 days", "1 mon 00:00:01", "1 year 3 days"]),
        (ValueKind.TEXT, "text", ["", "A", "B", "a", "b", "é", "日本", "🐝"]),
        (ValueKind.TEXT, "text", ["a", "a\udc80", "\ue000", "\U0001f41d"]),
        (ValueKind.BOOLEAN, "bool", ["f", "t"]),
        (ValueKind.BINARY, "bytea", ["\\x", "\\x00", "\\x00ff", "\\x01"]),
        (ValueKind.BINARY, "blob", [b"", b"\0", b"\0\xff", b"\x01"]),
        (ValueKind.DYNAMIC, "", [-1e308, -3, 1.5, 2, 1 << 40, "", "10", "9", "a", b"", b"\1"]),
        (ValueKind.OTHER, "uuid", ["00000000-0000-0000-0000-000000000001", "f0000000-0000-0000-0000-000000000000"]),
    ],
)  # fmt: skip
def test_cells_sort_as_their_type_orders_them(store: Store, kind: ValueKind, type_name: str, cells: list[Cell]) -> None:
    shuffled = [*cells, None]
    random.Random(7).shuffle(shuffled)
    keys = [_moment(cell) for cell in cells] if type_name == "timestamptz" else list(range(len(cells)))
    place = dict(zip(cells, keys, strict=True))
    up = ordered(store, shuffled, kind, type_name)
    assert up[-1] is None
    assert [place[cell] for cell in up[:-1]] == sorted(keys)
    down = ordered(store, shuffled, kind, type_name, descending=True, nulls="first")
    assert down[0] is None
    assert [place[cell] for cell in down[1:]] == sorted(keys, reverse=True)


def _moment(cell: Cell) -> int:
    return nanoseconds(cell)


numbers = st.one_of(
    st.integers(-(10**40), 10**40).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=6).map(lambda value: f"{value:f}"),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
)


@given(numbers, numbers)
def test_the_keys_of_numbers_compare_as_the_numbers_do(one: str, other: str) -> None:
    assert (number_key(one) < number_key(other)) == (Decimal(one) < Decimal(other))
    assert (number_key(one) == number_key(other)) == (Decimal(one) == Decimal(other))


@given(st.datetimes(), st.datetimes())
def test_the_keys_of_times_compare_as_the_times_do(one: Any, other: Any) -> None:
    assert (moment_key(str(one)) < moment_key(str(other))) == (one < other)


@pytest.mark.parametrize("text", ["", "-", ".", "e5", "1e", "abc", "1_000", "0x10", "１", "1.2.3", "--1"])
def test_what_is_no_number_has_no_key(text: str) -> None:
    with pytest.raises(Unfit):
        number_key(text)


cells_of_all_kinds = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=())),
    st.binary(),
)


@given(st.lists(cells_of_all_kinds), st.sampled_from(ValueKind), st.sampled_from(["", "real"]))
def test_some_way_fits_any_cells(cells: list[Cell], kind: ValueKind, type_name: str) -> None:
    for way in ways(column(kind, type_name)):
        try:
            keys = way(cells)
        except Unfit:
            continue
        assert [key is None for key in keys] == [cell is None for cell in cells]
        connection = sqlite3.connect(":memory:")
        connection.execute("create table k (k)")
        connection.executemany("insert into k values (?)", [(key,) for key in keys])
        connection.close()
        return
    raise AssertionError("no way fits")


def test_sqlite_cells_sort_as_sqlite_sorts_them(store: Store, tmp_path: Path) -> None:
    cells: list[Cell] = [
        3,
        2.5,
        "10",
        "9",
        None,
        b"\0",
        "",
        -1,
        1 << 62,
        9007199254740993,
        9007199254740992.0,
        "é",
        "z",
    ]
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (c)")
    connection.executemany("insert into t values (?)", [(cell,) for cell in cells])
    said = [row[0] for row in connection.execute("select c from t order by c nulls last, rowid")]
    connection.close()
    assert ordered(store, cells, ValueKind.DYNAMIC) == said


def test_postgres_agrees_with_our_order_of_its_types(postgres: Any, kernel: Kernel) -> None:
    columns = {
        "n": "numeric",
        "f": "float8",
        "d": "date",
        "ts": "timestamptz",
        "iv": "interval",
        "b": "bytea",
        "t": 'text collate "C"',
    }
    rows = [
        ("1.5", "1.5", "2024-01-01", "2024-03-31 01:30+01", "1 mon", "\\x00", "b"),
        ("NaN", "NaN", "infinity", "infinity", "30 days 1 sec", "\\xff", "B"),
        ("-Infinity", "-Infinity", "-infinity", "-infinity", "-1 day", "\\x", ""),
        ("1234567890123456789012345678", "1e300", "0044-03-15 BC", "0044-03-15 12:00+00 BC", "1 year", "\\x01", "é"),
        ("1234567890123456789012345678.1", "-0", "12024-01-01", "2024-10-27 03:30+02", "-1 year", "\\x0100", "z"),
        ("0.1", "5e-324", "2024-02-29", "2024-10-27 02:30+01", "23:59:59.999999", "\\x7f", "\U0001f41d"),
    ]  # fmt: skip
    with kernel.connect(postgres.url()) as session:
        session.run("set timezone to 'Europe/Berlin'")
        values = ", ".join("(" + ", ".join(f"'{cell}'" for cell in row) + ")" for row in rows)
        session.run(f"create temp table t ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
        session.run(f"insert into t values {values}")
        result = session.run("select * from t")
        assert result is not None
        for number, name in enumerate(columns):
            for direction, descending in (("asc", False), ("desc", True)):
                said = session.run(f"select {name} from t order by {name} {direction} nulls last")
                assert said is not None
                arrangement = arrange(result, sorts=[Sort(column=number, descending=descending)])
                ours = [row[number] for row in arrangement.window(0, 100)]
                assert ours == [row[0] for row in said.window(0, 100)], (name, direction)


# -- arranging ---------------------------------------------------------------------------------------------------


def test_several_columns_sort_one_after_the_other_and_ties_stay_as_stored(store: Store) -> None:
    rows = [(number % 3, number % 2, number) for number in range(30)]
    result = store([column(name="a"), column(name="b"), column(name="c")], rows)
    arrangement = arrange(result, sorts=[Sort(column=0, descending=True), Sort(column=1)])
    assert arrangement.window(0, 30) == sorted(rows, key=lambda row: (-row[0], row[1], row[2]))
    assert arrangement.window(28, 99) == arrangement.window(0, 30)[28:]
    assert arrangement.window(-5, 2) == arrangement.window(0, 2)
    assert [arrangement.stored(position) for position in range(30)] == [row[2] for row in arrangement.window(0, 30)]


def test_a_later_page_that_does_not_fit_starts_again(store: Store) -> None:
    # Integers, then short decimals, then long ones, then a word: each page is told of a new way.
    cells = [str(number) for number in range(20)] + ["1.5"] * 7 + ["1.00000000000000000001"] * 7 + ["what?"] * 7
    up = ordered(store, cells, ValueKind.NUMBER, "numeric")
    assert up == sorted(cells)  # with a word among them, all of them are words
    assert ordered(store, cells[:-7], ValueKind.NUMBER, "numeric") == sorted(
        cells[:-7], key=lambda each: Decimal(str(each))
    )


@given(
    rows=st.lists(st.tuples(cells_of_all_kinds, cells_of_all_kinds), max_size=60),
    batch=st.integers(1, 40),
    top=st.integers(0, 70),
    size=st.integers(0, 70),
)
def test_a_window_holds_the_rows_whole(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], batch: int, top: int, size: int
) -> None:
    directory = tmp_path_factory.mktemp("r") / "result"
    writer = ResultWriter(directory)
    writer.columns([column(), column()])
    for start in range(0, len(rows), batch):
        writer.rows(rows[start : start + batch])
    writer.close(True)
    result = ResultSet(directory)
    arrangement = arranged_here(result, len(rows), filters=(Filter(test="not null", column=0),))
    stayed = [row for row in rows if row[0] is not None]
    assert arrangement.window(top, top + size) == stayed[top : top + size]
    assert len(arrangement) == len(stayed)
    arrangement.close()
    result.drop()


def test_rows_that_come_later_are_not_in_it(tmp_path: Path) -> None:
    writer = ResultWriter(tmp_path / "result")
    writer.columns([column()])
    writer.rows([(3,), (1,)])
    result = ResultSet(tmp_path / "result")
    first = arrange(result, sorts=[Sort(column=0)])
    writer.rows([(2,), (0,)])
    second = arrange(result, sorts=[Sort(column=0)])
    assert (first.of, first.window(0, 9)) == (2, [(1,), (3,)])
    assert (second.of, second.window(0, 9)) == (4, [(0,), (1,), (2,), (3,)])
    writer.close(True)


def test_an_empty_result_arranges(store: Store) -> None:
    arrangement = arrange(store([column()], []), sorts=[Sort(column=0)], filters=[Filter(test="contains", value="x")])
    assert (len(arrangement), arrangement.window(0, 10)) == (0, [])


def test_its_files_go_with_it_and_it_keeps_the_result(store: Store) -> None:
    result = store([column()], [(2,), (1,)])
    directory = result.directory
    arrangement = arrange(result, sorts=[Sort(column=0)])
    del result
    gc.collect()
    assert arrangement.window(0, 2) == [(1,), (2,)]
    order = arrangement.order
    assert order.exists()
    arrangement.close()
    assert not order.exists()
    with pytest.raises(StorageError, match="closed"):
        arrangement.window(0, 1)
    del arrangement
    gc.collect()
    assert not directory.exists()


def test_cancelling_ends_the_child_and_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    result = store([column()], [(number,) for number in range(1000)])
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def watched(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        # One that never says anything, as the real one would while SQLite sorts for minutes.
        child = popen([sys.executable, "-c", "import sys; sys.stdin.buffer.read()"], **options)
        started.append(child)
        return child

    monkeypatch.setattr("alveary.arrangement.children.subprocess.Popen", watched)
    bus = Bus()
    jobs = Jobs(bus)
    job = jobs.submit("sort", lambda job: arrange(result, sorts=[Sort(column=0)], job=job))
    while not started:
        threading.Event().wait(0.01)
    job.cancel()
    assert job.wait(HANG)
    assert isinstance(job.error, QueryCancelledError)
    assert started[0].returncode is not None
    assert not list(result.directory.glob("order-*"))
    jobs.close()
    bus.close()


def test_a_child_that_dies_is_an_error_and_not_an_empty_result(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    result = store([column()], [(1,)])
    popen = subprocess.Popen
    monkeypatch.setattr(
        "alveary.arrangement.children.subprocess.Popen",
        lambda *_, **options: popen([sys.executable, "-c", "raise SystemExit(7)"], **options),
    )
    with pytest.raises(Exception, match="status 7"):
        arrange(result, sorts=[Sort(column=0)])


def test_no_room_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    result = store([column()], [(1,)])
    task = Task(
        directory=str(result.directory), rows=1, output="/dev/full", ends=str(result.directory / "e"),
        sorts=(Sort(column=0),),
    )  # fmt: skip
    with pytest.raises(OSError, match="No space left"):
        program.arrange(task, lambda _: None)
    monkeypatch.setattr("alveary.arrangement.os.urandom", lambda _: b"\0")
    (result.directory / "order-00").symlink_to("/dev/full")
    with pytest.raises(DiskFullError):
        arrange(result, sorts=[Sort(column=0)])


def test_a_page_that_is_missing_is_an_error(store: Store) -> None:
    result = store([column()], [(number,) for number in range(20)])
    (result.directory / "pages").write_bytes(b"\x91")
    with pytest.raises(StorageError):
        arrange(result, sorts=[Sort(column=0)])


def test_progress_is_told(store: Store) -> None:
    result = store([column()], [(number,) for number in range(50_000)], batch=500)
    bus = Bus()
    job = Job("job-1", "sort", bus)
    arrange(result, sorts=[Sort(column=0)], job=job)
    assert (job.done, job.percent, job.unit) == (50_000, 100.0, "rows")
    bus.close()


# -- filters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "test", "value", "passing", "failing"),
    [
        (ValueKind.TEXT, "contains", "BEE", ["a bee", "Beehive"], ["be e", "", None]),
        (ValueKind.TEXT, "lacks", "bee", ["", "hive"], ["BEE", None]),
        (ValueKind.TEXT, "matches", r"^b\d+$", ["b12"], ["ab12", "b", None]),
        (ValueKind.TEXT, "equals", "a", ["a"], ["A", "ab", "", None]),
        (ValueKind.TEXT, "equals", "", [""], ["a", None]),
        (ValueKind.TEXT, "differs", "a", ["b", ""], ["a", None]),
        (ValueKind.TEXT, "greater", "b", ["ba", "c", "é"], ["b", "a", "B", None]),
        (ValueKind.TEXT, "null", "", [None], ["", "a"]),
        (ValueKind.TEXT, "not null", "", ["", "a"], [None]),
        (ValueKind.NUMBER, "equals", "1.50", ["1.5", "1.500", "15e-1"], ["1.51", "NaN", None]),
        (ValueKind.NUMBER, "greater", "9", ["10", "9.0000000000000000001", "Infinity", "NaN"], ["9", "-10", None]),
        (ValueKind.NUMBER, "less", "-9", ["-10", "-Infinity"], ["-9", "8", None]),
        (ValueKind.NUMBER, "at least", "2", ["2.0", "3"], ["1.99", None]),
        (ValueKind.NUMBER, "at most", "2", ["2.0", "-3"], ["2.01", None]),
        (ValueKind.NUMBER, "equals", "abc", ["abc"], ["1", None]),
        (ValueKind.DYNAMIC, "greater", "9", [10, 9.5], [9, "abc", b"\xff", None]),
        (ValueKind.DYNAMIC, "greater", "b", ["c"], [10, "a", b"c", None]),
        (ValueKind.DYNAMIC, "contains", "1", [1, 0.1, "x1", b"\x01"], [2, "x", None]),
        (ValueKind.TEMPORAL, "equals", "2024-01-01 00:00+00", ["2024-01-01 01:00:00+01"], ["2024-01-01 00:00:01+00"]),
        (ValueKind.TEMPORAL, "less", "0001-01-01", ["0044-03-15 BC", "-infinity"], ["0001-01-01", "infinity", None]),
        (ValueKind.BINARY, "contains", "00ff", [b"\x01\x00\xff"], [b"\x00\x01\xff", None]),
    ],
)
def test_filters_pass_what_they_should(
    kind: ValueKind, test: Test, value: str, passing: list[Cell], failing: list[Cell]
) -> None:
    rows = [(cell,) for cell in (*passing, *failing)]
    for number in (0, None):
        sieve = Sieve([column(kind)], [Filter(test=test, value=value, column=number)])
        assert [rows[place][0] for place in sieve.passing(rows)] == passing


def test_quick_text_looks_at_every_column_and_never_across_two(store: Store) -> None:
    result = store([column(), column()], [("be", "es"), ("x", "Bees"), (None, 7), ("bees", None)])
    assert arrange(result, filters=[Filter(test="contains", value="bees")]).window(0, 9) == [
        ("x", "Bees"),
        ("bees", None),
    ]
    assert arrange(result, filters=[Filter(test="contains", value="7")]).window(0, 9) == [(None, 7)]


def test_filters_and_sorts_together(store: Store) -> None:
    rows = [(number, str(number % 10)) for number in range(100)]
    result = store([column(), column(ValueKind.NUMBER)], rows)
    arrangement = arrange(
        result,
        sorts=[Sort(column=0, descending=True)],
        filters=[Filter(test="equals", column=1, value="3"), Filter(test="less", column=0, value="50")],
    )
    assert [row[0] for row in arrangement.window(0, 99)] == [43, 33, 23, 13, 3]


def test_a_wrong_regular_expression_is_refused_before_anything_starts(store: Store) -> None:
    with pytest.raises(InvalidInputError, match="regular expression"):
        arrange(store([column()], [(1,)]), filters=[Filter(test="matches", value="(")])


def places(matches: Matches) -> list[int]:
    return [matches[at] for at in range(len(matches))]


# -- finding -----------------------------------------------------------------------------------------------------


def test_found_rows_are_counted_and_stepped_through(store: Store) -> None:
    result = store([column()], [(f"row {number}",) for number in range(1000)])
    matches = find(result, Filter(test="contains", value="ROW 99"))
    assert places(matches) == [99, *range(990, 1000)]
    assert (matches.rank(0), matches.rank(99), matches.rank(100), matches.rank(2000)) == (0, 0, 1, 11)


def test_finding_within_an_arrangement_gives_places_in_it(store: Store) -> None:
    result = store([column()], [(number,) for number in range(1000)])
    arrangement = arrange(result, sorts=[Sort(column=0, descending=True)], filters=[Filter(test="differs", value="5")])
    matches = find(result, Filter(test="equals", value="7"), within=arrangement)
    assert [arrangement.window(place, place + 1) for place in places(matches)] == [[(7,)]]
    assert not len(find(result, Filter(test="equals", value="5"), within=arrangement))
    positions = places(find(result, Filter(test="matches", value="^1"), within=arrangement))
    assert all(one < other for one, other in pairwise(positions))
    assert all(re.match("1", str(arrangement.window(place, place + 1)[0][0])) for place in positions)
