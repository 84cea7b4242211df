"""Imports into the three engines: all or nothing, exact, and what is refused told by line, column, value and reason."""

from __future__ import annotations

import csv
import hashlib
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fix_engines import Engine

from alveary import Kernel
from alveary.commands.imports import ImportReport
from alveary.contracts.driver import BatchSize
from alveary.contracts.target import Target
from alveary.contracts.types import Kind, LoadColumn
from alveary.errors import (
    AlvearyError,
    ChecksumMismatchError,
    ConstraintViolationError,
    FileUnreadableError,
    InvalidInputError,
    NameTakenError,
    QueryCancelledError,
    QueryError,
    RowRefusedError,
    UnknownObjectError,
    UnsupportedError,
    error_from_record,
)
from alveary.events import QueryProgressed
from alveary_plugins.drivers.sqlite.driver import SqliteDriver

TEXT = {"sqlite": "text", "postgres": "text", "mariadb": "text"}


def write(folder: Path, content: str | bytes, name: str = "bees.csv") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def load(kernel: Kernel, engine: Engine, file: str, table: str = "bee", **more: Any) -> ImportReport:
    report: ImportReport = kernel.run("import.run", {"target": engine.url, "file": file, "table": table, **more})
    return report


def test_a_table_is_made_that_holds_every_value_exactly(alveary_kernel: Kernel, engine: Engine, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "id,big,price,zip,phone,born,seen,alive,note\n"
        "1,123456789012345678901234567890,1.50,00123,+49 171,2024-02-29,2024-02-29 10:11:12.5,true,\n"
        '2,-5,1234567890123456789.01,01,+1,1999-12-31,1999-12-31 23:59,false,""\n'
        '3,,,,,,,,"a ""b"", c\nd"\n',
    )
    report = load(alveary_kernel, engine, file, create=True)
    assert (report.rows, report.rejected) == (3, 0)
    kinds = {column.file: column.kind.value for column in report.columns}
    assert kinds == {"id": "bigint", "big": "decimal", "price": "decimal", "zip": "text", "phone": "text",
                     "born": "date", "seen": "timestamp", "alive": "boolean", "note": "text"}  # fmt: skip
    rows = engine.ask("select id, big, price, zip, phone from bee order by id")
    cells = [row.split("|") for row in rows]
    assert [row[1] for row in cells] == ["123456789012345678901234567890", "-5", ""]
    assert cells[0][2].rstrip("0") == "1.5"
    assert cells[1][2] == "1234567890123456789.01"
    assert [row[3:] for row in cells] == [["00123", "+49 171"], ["01", "+1"], ["", ""]]
    assert engine.ask("select id from bee where note is null") == ["1"]
    assert engine.ask("select id from bee where note = ''") == ["2"]
    assert engine.ask("select id from bee where born = '2024-02-29'") == ["1"]
    assert engine.ask("select id from bee where alive is null") == ["3"]
    assert "".join(engine.ask("select replace(note, '\n', '/') from bee where id = 3")) == 'a "b", c/d'


def test_a_number_that_keeps_no_sign_of_a_zero_is_not_taken_for_one(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path
) -> None:
    file = write(tmp_path, "a,b,c\n1.5,1.5,1.5\n-0.0,-0,0.0\n2.5,-0.0e5,\n")
    report = load(alveary_kernel, engine, file, create=True)
    if engine.name == "postgres":
        assert [column.kind.value for column in report.columns] == ["double", "double", "decimal"]
        assert engine.ask("select a, b from bee where c = 0") == ["-0|-0"]
        return
    assert [column.kind.value for column in report.columns] == ["text", "text", "decimal"]
    assert [column.note for column in report.columns][:2] == ["text because of a -0, which is no number here"] * 2
    assert engine.ask("select a, b from bee where a <> '1.5'") == ["-0.0|-0", "2.5|-0.0e5"]
    # What it is taken for where a person says so, by the engine itself.
    engine.ask("create table wasp (a double)")
    engine.ask("insert into wasp values (-0e0)")
    assert engine.ask("select a from wasp") in (["0"], ["0.0"])


def test_a_row_that_the_database_refuses_undoes_everything(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path
) -> None:
    engine.ask("create table bee (id integer primary key, name varchar(20) not null)")
    file = write(tmp_path, "id,name\n1,Ann\n2,\n3,Bea\n")
    with pytest.raises(ConstraintViolationError) as caught:
        load(alveary_kernel, engine, file)
    assert caught.value.line == 3
    assert caught.value.message.startswith("line 3, column name: ")
    assert "line 2" not in (caught.value.detail or ""), "what the database counts are rows, not lines"
    assert engine.ask("select count(*) from bee") == ["0"]


def test_rejects_with_a_carriage_return_are_read_as_they_were(
    alveary_kernel: Kernel, engine_of: Callable[[str], Engine], tmp_path: Path
) -> None:
    engine = engine_of("sqlite")
    engine.ask("create table bee (a integer, b text)")
    file = write(tmp_path, b'a,b\n1,x\n"z\rq",y\n"two\nlines",y\n3,k\n"p\r1" x,z\n')
    report = load(alveary_kernel, engine, file, rejects=str(tmp_path / "r.csv"))
    assert (report.rows, report.rejected) == (2, 3)
    with (tmp_path / "r.csv").open(newline="") as written:
        values = [row[2] for row in csv.reader(written)]
    assert values == ["value", "z\rq", "two\nlines", '"p\r1" x,z']
    assert [fault.value for fault in report.faults] == values[1:]


def test_rejects_hold_line_column_value_and_reason_and_the_rest_goes_in(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path
) -> None:
    engine.ask("create table bee (id integer primary key, name varchar(20) not null, legs integer check (legs < 9))")
    rejects = tmp_path / "rejects.csv"
    lines = ["id,name,legs", *(f"{number},n{number},6" for number in range(10, 300))]
    lines[5], lines[77], lines[150] = "14,,6", "10,again,6", "short"
    lines[200], lines[210] = "209,many,99", "219,few,six"
    report = load(alveary_kernel, engine, write(tmp_path, "\n".join(lines)), rejects=str(rejects))
    assert (report.rows, report.rejected) == (285, 5)
    assert engine.ask("select count(*), sum(legs) from bee") == [f"285|{285 * 6}"]
    with rejects.open(newline="") as written:
        found = list(csv.DictReader(written))
    assert {int(row["line"]) for row in found} == {6, 78, 151, 201, 211}
    told = {int(row["line"]): row for row in found}
    assert told[6]["column"] == "name"
    assert told[151]["reason"] == "there are 1 fields where 3 are due"
    assert (told[211]["column"], told[211]["value"]) == ("legs", "six")
    assert all(row["reason"] for row in found)
    assert not any("CONTEXT" in row["reason"] or ", line" in row["reason"] for row in found), "lines of no file"
    if engine.name == "postgres":
        assert told[211]["reason"] == 'invalid input syntax for type integer: "six"'
        assert told[78]["reason"].endswith("(Key (id)=(10) already exists.)")


def test_a_wrong_checksum_refuses_before_anything_is_touched(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path
) -> None:
    file = write(tmp_path, "a\n1\n")
    right = hashlib.sha256(b"a\n1\n").hexdigest()
    with pytest.raises(ChecksumMismatchError) as caught:
        load(alveary_kernel, engine, file, create=True, sha256="0" * 64)
    assert right in caught.value.message
    assert "0" * 64 in caught.value.message
    record = caught.value.record()
    assert (record.file, record.expected, record.actual) == (file, "0" * 64, right)
    assert error_from_record(record).record() == record
    with pytest.raises(UnknownObjectError):
        load(alveary_kernel, engine, file, existing=True)
    assert load(alveary_kernel, engine, file, create=True, sha256=right.upper()).sha256 == right


def test_names_are_quoted_whatever_they_hold(alveary_kernel: Kernel, engine: Engine, tmp_path: Path) -> None:
    odd = 'a"b`c; drop table x -- é'
    file = write(tmp_path, '"x""; drop","select",ümlaut\n1,2,3\n')
    load(alveary_kernel, engine, file, table='"' + odd.replace('"', '""') + '"', create=True)
    quote = "`" if engine.name == "mariadb" else '"'
    name = quote + odd.replace(quote, quote * 2) + quote
    if engine.name == "sqlite":  # whose helper takes the text apart at its semicolons
        return
    assert engine.ask(f"select * from {name}") == ["1|2|3"]


def test_a_mapping_leaves_out_and_renames(alveary_kernel: Kernel, engine: Engine, tmp_path: Path) -> None:
    engine.ask("create table bee (id integer, name varchar(20), legs integer default 6)")
    file = write(tmp_path, "ID,Nom,Rest\n1,Ann,x\n")
    report = load(alveary_kernel, engine, file, map={"Nom": "name", "Rest": ""})
    assert report.left_out == ("Rest",)
    assert engine.ask("select id, name, legs from bee") == ["1|Ann|6"]
    with pytest.raises(UnknownObjectError, match="has no column 'Nom', 'Rest'"):
        load(alveary_kernel, engine, file)
    with pytest.raises(InvalidInputError, match="two columns of the file go to 'id'"):
        load(alveary_kernel, engine, file, map={"Nom": "id", "ID": "id", "Rest": ""})


def test_a_dry_run_writes_nothing_and_tells_what_it_finds(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path
) -> None:
    engine.ask("create table bee (id integer, name varchar(20))")
    report = load(alveary_kernel, engine, write(tmp_path, "id,name\n1,Ann\nx,Bea\n3\n"), dry_run=True)
    assert (report.rows, report.rejected, report.dry_run) == (1, 2, True)
    assert [(fault.line, fault.column, fault.value) for fault in report.faults] == [(3, "id", "x"), (4, "", "3")]
    assert engine.ask("select count(*) from bee") == ["0"]
    made = load(alveary_kernel, engine, write(tmp_path, "a\n1\n"), table="wasp", create=True, dry_run=True)
    assert made.created is not None
    with pytest.raises(UnknownObjectError):
        load(alveary_kernel, engine, write(tmp_path, "a\n1\n"), table="wasp", existing=True)


def test_rows_are_replaced_in_the_same_transaction(alveary_kernel: Kernel, engine: Engine, tmp_path: Path) -> None:
    engine.ask("create table bee (id integer primary key)")
    load(alveary_kernel, engine, write(tmp_path, "id\n1\n2\n"))
    with pytest.raises(ConstraintViolationError):
        load(alveary_kernel, engine, write(tmp_path, "id\n3\n3\n"), truncate=True)
    assert engine.ask("select id from bee order by id") == ["1", "2"]
    load(alveary_kernel, engine, write(tmp_path, "id\n3\n"), truncate=True)
    assert engine.ask("select id from bee") == ["3"]


def test_a_table_that_could_not_be_filled_is_not_left_behind(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path
) -> None:
    file = write(tmp_path, "a,b\n1,x\n2,y\n")
    with pytest.raises(RowRefusedError, match="line 2, column b: it is not a whole number"):
        load(alveary_kernel, engine, file, create=True, type={"b": "integer"})
    with pytest.raises(UnknownObjectError):
        load(alveary_kernel, engine, file, existing=True)
    assert load(alveary_kernel, engine, file).created is not None, "a table that is not there is made"
    assert load(alveary_kernel, engine, file).created is None
    with pytest.raises(NameTakenError):
        load(alveary_kernel, engine, file, create=True)


def test_a_cancel_leaves_nothing(alveary_kernel: Kernel, engine: Engine, tmp_path: Path) -> None:
    rows = "\n".join(f"{number},{'x' * 100}" for number in range(100_000))
    file = write(tmp_path, f"id,name\n{rows}\n")
    engine.ask("create table bee (id integer, name varchar(200))")
    loading = threading.Event()
    stop = alveary_kernel.bus.subscribe(
        lambda event: loading.set() if isinstance(event, QueryProgressed) and event.rows else None
    )
    job = alveary_kernel.commands.submit(
        "import.run", {"target": engine.url, "file": file, "table": "bee", "rejects": str(tmp_path / "r.csv")}
    )
    assert loading.wait(60)
    job.cancel()
    with pytest.raises(QueryCancelledError):
        job.result()
    stop()
    assert engine.ask("select count(*) from bee") == ["0"]
    assert not (tmp_path / "r.csv").exists()
    assert not list(tmp_path.glob("*.part"))


def test_a_table_that_can_not_undo_anything_is_refused(
    alveary_kernel: Kernel, engine_of: Callable[[str], Engine], tmp_path: Path
) -> None:
    engine = engine_of("mariadb")
    engine.ask("create table bee (id integer) engine = MyISAM")
    with pytest.raises(UnsupportedError, match="MyISAM"):
        load(alveary_kernel, engine, write(tmp_path, "id\n1\n2\n"))
    assert engine.ask("select count(*) from bee") == ["0"]


def test_what_mariadb_would_round_or_cut_is_refused(
    alveary_kernel: Kernel, engine_of: Callable[[str], Engine], tmp_path: Path
) -> None:
    engine = engine_of("mariadb")
    engine.ask("create table bee (n decimal(4,1), s varchar(3))")
    for row in ("1.25,a", "1.5,abcd", "12345.5,a"):
        with pytest.raises(QueryError, match="line 3") as caught:
            load(alveary_kernel, engine, write(tmp_path, f"n,s\n1.5,abc\n{row}\n"))
        assert caught.value.line == 3
    assert engine.ask("select count(*) from bee") == ["0"]


def test_values_that_only_look_alike_stay_apart(alveary_kernel: Kernel, engine: Engine, tmp_path: Path) -> None:
    engine.ask("create table bee (id integer, name varchar(200))")
    values = ["NULL", "\\N", "\\.", "'", "a\tb", "a\\tb", "\x1a", "a\r\nb", " a ", "é漢😀", "\u2028", "%s", ":v", "$1"]
    content = "id,name\n" + "".join(f'{number},"{value}"\n' for number, value in enumerate(values))
    load(alveary_kernel, engine, write(tmp_path, "\ufeff" + content + '98,\n99,""\n'))
    with alveary_kernel.connect(engine.url) as session:
        result = session.run("select name from bee order by id")
        assert result is not None
        assert [row[0] for row in result] == [*values, None, ""]


def test_json_lines_keep_their_digits_and_their_nesting(alveary_kernel: Kernel, engine: Engine, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        '{"id": 1, "n": 12345678901234567890.12, "s": "00123", "o": {"b": [1.10]}, "t": true}\n'
        '\n{"s": null, "id": 2, "n": 1, "extra": "x"}\n',
        "bees.jsonl",
    )
    report = load(alveary_kernel, engine, file, create=True)
    kinds = {column.file: column.kind.value for column in report.columns}
    assert kinds == {"id": "bigint", "n": "decimal", "s": "text", "o": "json", "t": "boolean", "extra": "text"}
    assert engine.ask("select n from bee where id = 1") == ["12345678901234567890.12"]
    assert engine.ask("select o from bee where id = 1") == ['{"b": [1.10]}']
    assert engine.ask("select id from bee where extra is null and s = '00123'") == ["1"]


def test_a_schema_is_not_taken_for_the_column_of_that_name(
    alveary_kernel: Kernel, engine_of: Callable[[str], Engine], tmp_path: Path
) -> None:
    engine = engine_of("mariadb")
    schema = engine.url.rpartition("/")[2]
    engine.ask(f"create table bee ({schema} varchar(9), bee varchar(9), id int)")
    with pytest.raises(QueryError, match="line 2, column id: ") as caught:
        load(alveary_kernel, engine, write(tmp_path, f"{schema},bee,id\nAnn,Bea,x\n"))
    assert caught.value.detail == "the value is 'x'"


def test_what_is_no_character_is_put_aside_with_its_line_and_column(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path
) -> None:
    engine.ask("create table bee (id integer, name varchar(200))")
    file = write(tmp_path, '{"id": 1, "name": "Ann"}\n{"id": 2, "name": "\\ud800"}\n{"id": 3}\n', "bees.jsonl")
    with pytest.raises(QueryError, match="line 2, column name: "):
        load(alveary_kernel, engine, file)
    report = load(alveary_kernel, engine, file, rejects=str(tmp_path / "rejects.csv"))
    assert (report.rows, [(fault.line, fault.column) for fault in report.faults]) == (2, [(2, "name")])


def test_a_file_that_is_no_file_says_so(alveary_kernel: Kernel, engine: Engine, tmp_path: Path) -> None:
    for file in (str(tmp_path / "nothing.csv"), str(tmp_path), "/dev/null"):
        with pytest.raises(FileUnreadableError):
            load(alveary_kernel, engine, file)
    with pytest.raises(FileUnreadableError, match="is empty"):
        load(alveary_kernel, engine, write(tmp_path, ""))
    with pytest.raises(FileUnreadableError, match="never closed") as caught:
        load(alveary_kernel, engine, write(tmp_path, 'a,b\n1,2\n3,"x\n'), create=True)
    assert caught.value.line == 3


def test_errors_have_codes_and_the_exit_status_of_their_kind(tmp_path: Path) -> None:
    errors: list[type[AlvearyError]] = [ChecksumMismatchError, RowRefusedError]
    assert [(error.code, error.exit_status) for error in errors] == [("checksum_mismatch", 2), ("row_refused", 1)]


def test_beside_a_window_all_of_it_is_done_by_other_processes(
    alveary_kernel: Kernel, engine: Engine, tmp_path: Path
) -> None:
    alveary_kernel.host = "process"
    file = write(tmp_path, "id,name\n1,Ann\n2,\nx\n")
    found = alveary_kernel.run("import.preview", {"file": file, "whole": True})
    assert [row.cells for row in found.sample] == [("1", "Ann"), ("2", None)]
    assert [fault.line for fault in found.faults] == [4]
    with pytest.raises(RowRefusedError, match="line 4"):
        load(alveary_kernel, engine, file, create=True)
    with pytest.raises(ChecksumMismatchError):
        load(alveary_kernel, engine, file, create=True, sha256="0" * 64)
    report = load(alveary_kernel, engine, file, create=True, rejects=str(tmp_path / "r.csv"))
    assert (report.rows, report.rejected) == (2, 1)
    assert engine.ask("select id from bee order by id") == ["1", "2"]
    assert load(alveary_kernel, engine, file, dry_run=True).rejected == 1
    copied = alveary_kernel.run(
        "copy.run", {"source": engine.url, "table": "bee", "target": engine.url, "to": "wasp", "checksum": True}
    )
    assert copied.rows == 2


@pytest.mark.timeout(60)  # it took minutes: each page that could not be written was waited for in vain
def test_rows_go_into_a_file_that_somebody_reads(tmp_path: Path) -> None:
    path = tmp_path / "bees.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("create table bee (id integer, name text)")
        reader.execute("insert into bee values (0, ''), (0, '')")
        writer = SqliteDriver().connect(Target(scheme="sqlite", database=str(path)), timeout=5)
        try:
            waits = list(writer.execute("pragma busy_timeout", None, batch=BatchSize()))
            columns = [LoadColumn(name="id", kind=Kind.BIGINT), LoadColumn(name="name", kind=Kind.TEXT)]
            reading = reader.execute("select * from bee")
            assert reading.fetchone() == (0, ""), "and it is not at its end"
            writer.begin()
            assert writer.load(("main", "bee"), columns, [(row, "x" * 1000) for row in range(5000)]) == 5000
            assert list(writer.execute("pragma busy_timeout", None, batch=BatchSize())) == waits, "as before"
            writer.rollback()
        finally:
            writer.close()
