"""The results panel without Tk: which runs are kept, what they say, and what is copied and saved."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveary import Column, Kernel, ResultSet, Session, ValueKind
from alveary.arrangement import Filter, Sort
from alveary.bus import Bus
from alveary.contracts.exporter import Origin
from alveary.errors import InvalidInputError, QueryCancelledError, QueryError, SqlSyntaxError
from alveary.events import Outcome
from alveary.jobs import Job, Jobs
from alveary.results import ResultWriter
from alveary.saving import Format, Part
from alveary.sqltext import SQLITE
from alveary_plugins.panels.results import cellvalues, parts
from alveary_plugins.panels.results.model import (
    OVERVIEW,
    Entry,
    ResultsModel,
    arranging,
    counted,
    duration,
    finding,
)
from alveary_plugins.panels.results.pages import error_text, place_in

HANG = 30
TSV = Format(factory="alveary_plugins.exporters.delimited:TsvExporter", header=False)
CSV = Format(factory="alveary_plugins.exporters.delimited:CsvExporter")


@pytest.fixture
def session(kernel: Kernel) -> Session:
    return kernel.connect("sqlite:///:memory:")


@pytest.fixture
def model() -> Iterator[ResultsModel]:
    model = ResultsModel()
    yield model
    model.close_all()


@pytest.fixture
def job() -> Iterator[Job]:
    bus = Bus()
    yield Job("job-1", "test", bus)
    bus.close()


batches = iter(range(10_000))


def run(
    model: ResultsModel, session: Session, *statements: str, place: str = "editor-1", limit: int | None = None
) -> list[Entry]:
    batch = next(batches)
    entries = []
    for sql in statements:
        statement = session.execute(sql, limit=limit)
        entry = model.queued(place, session, statement, batch)
        assert entry is not None
        entries.append(entry)
        assert statement.wait(HANG)
        model.started(statement.id)
    return entries


ROWS = "with recursive n(i) as (select 1 union all select i+1 from n where i < {}) select i, 'row ' || i as t from n"


# -- runs --------------------------------------------------------------------------------------------------------


def test_results_are_numbered_and_counts_and_errors_have_their_place(model: ResultsModel, session: Session) -> None:
    run(model, session, "select 1", "create table t (a)", "insert into t values (1), (2)", "select * from t", "select")
    assert [entry.title for entry in model.tabs()] == ["Result 1 (1)", "Result 2 (2)", "Error"]
    assert model.front() == model.tabs()[-1].key  # the error is what a person must see
    columns, rows = model.overview()
    assert [row[1] for row in rows][:4] == ["completed"] * 4
    assert isinstance(model.tabs()[-1].error, SqlSyntaxError)
    assert [row[2] for row in rows] == ["1", None, "2", "2", None]
    assert len(columns) == len(rows[0])


def test_what_was_cancelled_is_not_called_done(model: ResultsModel, session: Session) -> None:
    statement = session.execute("with recursive n(i) as (select 1 union all select i+1 from n) select count(*) from n")
    entry = model.queued("editor", session, statement, next(batches))
    assert entry is not None
    assert entry.title == "Running"
    statement.cancel()
    assert statement.wait(HANG)
    assert statement.outcome is Outcome.CANCELLED
    assert entry.title == "Cancelled"


def test_a_next_run_takes_the_place_of_the_last_and_pins_stay(model: ResultsModel, session: Session) -> None:
    (kept,) = run(model, session, "select 'kept'")
    model.pin(kept)
    (gone,) = run(model, session, "select 'gone'")
    run(model, session, "select 'new'")
    assert gone.statement.id not in model._by_statement
    assert [entry.statement.sql for entry in model.tabs()] == ["select 'kept'", "select 'new'"]
    assert model.front() == model.tabs()[1].key
    model.choose(kept.key)
    assert model.front() == kept.key
    model.pin(kept)
    assert [entry.statement.sql for entry in model.tabs()] == ["select 'new'"]


def test_each_panel_has_its_own_run(model: ResultsModel, session: Session) -> None:
    run(model, session, "select 'one'", place="editor-1")
    run(model, session, "select 'two'", place="editor-2")
    assert model.place == "editor-2"
    model.place = "editor-1"
    assert [entry.statement.sql for entry in model.tabs()] == ["select 'one'"]
    model.keep({"editor-2"})
    assert model.tabs() == []


def test_a_statement_that_is_announced_twice_is_known(model: ResultsModel, session: Session) -> None:
    (entry,) = run(model, session, "select 1")
    assert model.queued("editor-1", session, entry.statement, 99) is None
    assert model.tabs() == [entry]


def test_a_single_statement_without_rows_says_what_it_did(model: ResultsModel, session: Session) -> None:
    (entry,) = run(model, session, "create table t (a)")
    assert model.tabs() == [entry]
    assert entry.summary().startswith("Done, without a result · ")
    (entry,) = run(model, session, "insert into t values (1)")
    assert entry.summary().startswith("1 row affected · ")


def test_a_script_without_results_shows_its_statements(model: ResultsModel, session: Session) -> None:
    run(model, session, "create table t (a)", "insert into t values (1)")
    assert model.tabs() == []
    assert model.front() == OVERVIEW


def test_a_limit_that_was_reached_is_said(model: ResultsModel, session: Session) -> None:
    (entry,) = run(model, session, ROWS.format(100), limit=10)
    assert entry.summary().startswith("The first 10 rows; there are more · ")
    assert "server" in entry.times()
    assert "fetch" in entry.times()
    again = session.execute(entry.statement.sql)
    new = model.replaced(entry, again)
    assert again.wait(HANG)
    assert model.tabs() == [new]
    assert model.front() == new.key
    assert new.title == "Result 1 (100)"


def test_closing_lets_go_of_the_rows(model: ResultsModel, session: Session) -> None:
    (entry,) = run(model, session, "select 1")
    assert entry.statement.result is not None
    model.close(entry)
    assert model.tabs() == []
    assert model.entry(entry.key) is None


def test_a_run_of_a_thousand_results_has_few_tabs_and_all_lines(model: ResultsModel, session: Session) -> None:
    run(model, session, *(f"select {number}" for number in range(60)))
    assert len(model.tabs()) == 40
    assert len(model.overview()[1]) == 60


# -- order -------------------------------------------------------------------------------------------------------


def test_a_header_turns_up_down_and_none(model: ResultsModel, session: Session) -> None:
    (entry,) = run(model, session, "select 1 as a, 2 as b")
    entry.turn(0, more=False)
    assert list(entry.sorts) == [Sort(column=0)]
    entry.turn(0, more=False)
    assert list(entry.sorts) == [Sort(column=0, descending=True)]
    entry.turn(1, more=True)
    assert list(entry.sorts) == [Sort(column=0, descending=True), Sort(column=1)]
    entry.turn(1, more=True)
    entry.turn(0, more=True)
    assert list(entry.sorts) == [Sort(column=1, descending=True)]
    entry.turn(1, more=False)
    assert list(entry.sorts) == []


def test_rows_are_arranged_found_and_brought_back(model: ResultsModel, session: Session, job: Job) -> None:
    (entry,) = run(model, session, ROWS.format(1000))
    entry.sorts, entry.quick = (Sort(column=0, descending=True),), "9"
    entry.filters = (Filter(test="less", column=0, value="100"),)
    arrangement = arranging(entry)(job)
    entry.arranged(arrangement)
    assert len(entry.rows) == 19
    assert entry.summary().startswith("19 of 1,000 rows · ")
    matches = finding(entry, Filter(test="contains", value="row 9"))(job)
    assert [matches[at] for at in range(len(matches))] == [*range(10), 18]
    entry.arranged(None)
    assert len(entry.rows) == 1000
    assert entry.outdated, "they do not stand as is wanted"
    entry.sorts, entry.filters, entry.quick = (), (), ""
    assert not entry.outdated


# -- copying and saving ------------------------------------------------------------------------------------------


AWKWARD: list[Sequence[Any]] = [
    (1, "plain", None),
    (2, 'quote " tab \t comma , line\nbreak', b"\x00\xff"),
    (3, "", 0.1),
    (4, "NULL", 1 << 60),
]


@pytest.fixture
def awkward(tmp_path: Path) -> ResultSet:
    writer = ResultWriter(tmp_path / "awkward")
    writer.columns([Column(name="id"), Column(name="text"), Column(name="any")])
    writer.rows([tuple(row) for row in AWKWARD[:2]])
    writer.rows([tuple(row) for row in AWKWARD[2:]])
    writer.close(True)
    return ResultSet(tmp_path / "awkward")


@pytest.mark.parametrize("few", [0, parts.FEW])
def test_copies_are_what_the_exporters_write(
    awkward: ResultSet, job: Job, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    # Whether a thread makes the text or a child process, it is the same text.
    monkeypatch.setattr(parts, "FEW", few)
    part = Part(rows=((1, 3),), columns=(1, 2))

    def copied(format: Format) -> str:
        return parts.copying(lambda: awkward, awkward.columns, part, format, Origin())(job)

    assert copied(TSV) == '"quote "" tab \t comma , line\nbreak"\t0x00FF\n""\t0.1\n'
    assert list(csv.reader(io.StringIO(copied(CSV)))) == [
        ["text", "any"],
        ['quote " tab \t comma , line\nbreak', "0x00FF"],
        ["", "0.1"],
    ]
    written = copied(Format(factory="alveary_plugins.exporters.json_text:JsonExporter"))
    assert json.loads(written) == [{"text": AWKWARD[1][1], "any": "0x00FF"}, {"text": "", "any": 0.1}]
    markdown = copied(Format(factory="alveary_plugins.exporters.markdown:MarkdownExporter"))
    assert markdown.startswith("| text | any |\n| --- | --- |\n")
    if few == 0:
        assert not list(awkward.directory.glob("copy-*"))


def test_one_cell_is_copied_bare(awkward: ResultSet, job: Job) -> None:
    def copied(row: int, column: int) -> str:
        part = Part(rows=((row, row + 1),), columns=(column,))
        return parts.copying(lambda: awkward, awkward.columns, part, TSV, Origin())(job)

    assert copied(1, 1) == AWKWARD[1][1]
    assert copied(0, 2) == ""
    assert copied(1, 2) == "0x00FF"


def test_too_much_for_a_clipboard_is_refused(awkward: ResultSet, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_COPIED", 20)
    for few in (0, 1000):
        monkeypatch.setattr(parts, "FEW", few)
        with pytest.raises(InvalidInputError, match="clipboard"):
            parts.copying(lambda: awkward, awkward.columns, Part(), CSV, Origin())(job)


def test_inserts_bring_the_rows_back(awkward: ResultSet, job: Job) -> None:
    format = Format(factory="alveary_plugins.exporters.inserts:InsertExporter")
    origin = Origin(sql="select * from copied", dialect=SQLITE)
    script = parts.copying(lambda: awkward, awkward.columns, Part(), format, origin)(job)
    connection = sqlite3.connect(":memory:")
    connection.execute('create table copied ("id", "text", "any")')
    connection.executescript(script)
    assert connection.execute("select * from copied").fetchall() == [tuple(row) for row in AWKWARD]
    connection.close()


def test_what_a_clipboard_can_not_hold_is_replaced_and_counted() -> None:
    assert parts.clipboard_safe("plain é 🐝\n") == ("plain é 🐝\n", 0)
    assert parts.clipboard_safe("a\0b\udcff") == ("a␀b\ufffd", 2)


def test_saving_writes_what_is_shown(model: ResultsModel, session: Session, job: Job, tmp_path: Path) -> None:
    (entry,) = run(model, session, ROWS.format(3000))
    path = tmp_path / "out.csv"
    assert parts.saving(entry.source(), Part(), CSV, Origin(), str(path), entry.statement)(job) == 3000
    assert path.read_text() == "i,t\n" + "".join(f"{number},row {number}\n" for number in range(1, 3001))
    entry.sorts, entry.filters = (Sort(column=0, descending=True),), (Filter(test="less", column=0, value="3"),)
    entry.arranged(arranging(entry)(job))
    assert parts.saving(entry.source(), Part(columns=(1,)), CSV, Origin(), str(path), None)(job) == 2
    assert path.read_text() == "t\nrow 2\nrow 1\n"
    assert parts.saving(entry.source(), Part(rows=((1, 2),)), CSV, Origin(), str(path), None)(job) == 1
    assert path.read_text() == "i,t\n1,row 1\n"
    assert not list(tmp_path.glob(".alveary*"))


def test_rows_that_still_come_are_waited_for(
    model: ResultsModel, kernel: Kernel, session: Session, tmp_path: Path
) -> None:
    statement = session.execute(ROWS.format(200_000))
    entry = model.queued("editor-1", session, statement, 1)
    assert entry is not None
    while statement.columns is None:
        statement.wait(0.01)
    path = tmp_path / "out.csv"
    work = parts.saving(entry.source(), Part(), CSV, Origin(), str(path), statement)
    saved = kernel.jobs.submit("save", work)
    assert saved.wait(HANG)
    assert saved.result() == 200_000


def test_results_that_are_not_shown_any_more_are_deleted_on_the_reader_s_thread(
    model: ResultsModel, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted: list[tuple[Path, str]] = []
    monkeypatch.setattr(
        "alveary.results.remove_tree", lambda path: deleted.append((path, threading.current_thread().name))
    )
    entries = run(model, session, ROWS.format(1000))
    result = entries[0].statement.result
    assert result is not None
    directory = result.directory
    del result
    entries.clear()
    run(model, session, "select 1")
    kept = [model.has_forgotten]
    assert deleted == []
    model.sweep()
    assert [*kept, model.has_forgotten] == [True, False]
    end = time.monotonic() + HANG
    while not deleted:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert deleted == [(directory, "alveary-grid")]


def test_a_result_that_was_cut_short_is_not_saved(
    model: ResultsModel, session: Session, job: Job, tmp_path: Path
) -> None:
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)"
    sql = f"{numbers} select abs(-9223372036854775808 + (i < 4999)) from n"
    (entry,) = run(model, session, sql)
    assert entry.error is not None
    assert entry.statement.rows > 0
    path = tmp_path / "out.csv"
    with pytest.raises(QueryError, match="not all rows came"):
        parts.saving(entry.source(), Part(), CSV, Origin(), str(path), entry.statement)(job)
    assert not path.exists()


def test_a_cancelled_save_leaves_what_stood_there(
    model: ResultsModel, kernel: Kernel, session: Session, tmp_path: Path
) -> None:
    (entry,) = run(model, session, ROWS.format(200_000))
    path = tmp_path / "out.csv"
    path.write_text("before")
    bus = Bus()
    jobs = Jobs(bus)
    work = parts.saving(entry.source(), Part(), CSV, Origin(), str(path), None)

    def cancelling(job: Job) -> int:
        job.cancel()
        return work(job)

    saved = jobs.submit("save", cancelling)
    assert saved.wait(HANG)
    assert isinstance(saved.error, QueryCancelledError)
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".alveary")] == []
    jobs.close()
    bus.close()


# -- values ------------------------------------------------------------------------------------------------------


def test_values_are_shown_as_suits_them() -> None:
    plain, binary = Column(name="c"), Column(name="b", kind=ValueKind.BINARY)
    assert cellvalues.best_mode(plain, "text") == "text"
    assert cellvalues.best_mode(plain, '{"a": 1}') == "json"
    assert cellvalues.best_mode(plain, "{not json}") == "text"
    assert cellvalues.best_mode(plain, b"\0") == "hex"
    assert cellvalues.best_mode(binary, "\\x00") == "hex"


def test_json_is_set_out_without_touching_a_digit() -> None:
    text = '{"a":[1.50,1e400,12345678901234567890.10],"a":{},"b":[],"s":"x, {y}: \\"z\\"","n":null}'
    out = cellvalues.pretty(text)
    assert out.startswith(
        '{\n  "a": [\n    1.50,\n    1e400,\n    12345678901234567890.10\n  ],\n  "a": {},\n  "b": [],'
    )
    assert json.loads(out.replace("1e400", "0")) == json.loads(text.replace("1e400", "0"))


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)


@given(json_values)
def test_json_set_out_is_the_same_json(value: Any) -> None:
    assert json.loads(cellvalues.pretty(json.dumps(value))) == value


def test_what_is_no_json_says_so_and_long_values_are_cut() -> None:
    assert cellvalues.shown("{oops", "json") == ("{oops", "this is no JSON")
    text, note = cellvalues.shown("x" * 1_000_000, "text")
    assert "200,000 of 1,000,000 characters" in note
    assert max(map(len, text.split("\n"))) <= cellvalues.LONGEST_LINE + 1
    dump, note = cellvalues.shown(bytes(100_000), "hex")
    assert "65,536 of 100,000 bytes" in note
    assert dump.count("\n") == 4095


def test_hex_shows_every_byte() -> None:
    dump = cellvalues.hex_dump(bytes(range(0x1E, 0x42)))
    assert dump.splitlines()[0] == "00000000  1e 1f 20 21 22 23 24 25  26 27 28 29 2a 2b 2c 2d  ·· !\"#$%&'()*+,-"
    assert dump.splitlines()[2].startswith("00000020  3e 3f 40 41")


def test_postgres_bytes_are_seen_as_bytes() -> None:
    column = Column(
        name="b", kind=ValueKind.BINARY, type_id=17, decoder="alveary_plugins.drivers.postgres.types:decode"
    )
    assert cellvalues.binary_bytes(column, "\\x00ff") == b"\x00\xff"
    assert cellvalues.binary_bytes(Column(name="t"), "é\udcff") == b"\xc3\xa9\xff"


# -- words -------------------------------------------------------------------------------------------------------


def test_errors_say_where_they_are() -> None:
    error = QueryError("no such column", hint="look", position=17, line=3, statement="select a\nfrom t\n\twhere b\0")
    where, line, caret = place_in(error) or ("", "", "")
    assert where == "Line 3, character 1 (line 5 of the script)"
    assert line == "⇥where b\\x00"
    assert caret == "^"
    text = error_text(error)
    assert "Hint: look" in text
    assert text.endswith("where b\0")
    assert place_in(QueryError("x", statement="select", position=99)) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0001, "< 1 ms"), (0.0124, "12 ms"), (1.234, "1.23 s"), (12.34, "12.3 s"), (125, "2 min 5 s")],
)
def test_times_are_read_easily(seconds: float, text: str) -> None:
    assert duration(seconds) == text
    assert (counted(1, "row"), counted(1000, "row")) == ("1 row", "1,000 rows")


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ("--option long=cut cuts such values; other formats hold them whole", "other formats hold them whole"),
        ("--option text=m writes the column as text", "another format can hold it"),
        ("make room on the disk", "make room on the disk"),
        (None, None),
    ],
)
def test_a_hint_in_the_window_names_no_option_of_the_command_line(hint: str | None, said: str | None) -> None:
    assert parts.without_options(hint) == said
