"""Every type at its extremes, in every format that can be read back: the value is the one the server itself tells.

The oracles are the servers: COPY for PostgreSQL, HEX() and IS NULL for MariaDB, storage classes for SQLite.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fix_postgres import PostgresServer
from python_calamine import CalamineWorkbook
from typed_values import MARIADB_VALUES, POSTGRES_TYPES, POSTGRES_VALUES, mariadb_text

from alveary import Kernel
from alveary.bus import Bus
from alveary.contracts.exporter import ExportOptions, Origin
from alveary.contracts.values import Column, Row, ValueKind
from alveary.formats import format_of
from alveary.jobs import Job
from alveary.paths import Paths
from alveary.saving import Part
from alveary.sessions import Session
from alveary_plugins import exporters
from alveary_plugins.panels.results import parts

SPECS = {spec.id: spec for spec in exporters.alveary_exporters()}
NULL = "<null>"
"""What stands for NULL in formats of text alone."""


def export(format: str, columns: Sequence[Column], cells: Sequence[Row], **options: Any) -> bytes:
    pieces: list[bytes] = []
    null = None if format == "jsonl" else NULL
    exporter = format_of(SPECS[format], options).exporter()(pieces.append, ExportOptions(header=False, null=null))
    exporter.begin(columns)
    exporter.rows(cells)
    exporter.end(True)
    exporter.finish()
    return b"".join(pieces)


def fetched(session: Session, sql: str) -> tuple[tuple[Column, ...], list[Row]]:
    result = session.run(sql)
    assert result is not None
    try:
        return result.columns, list(result.cells())
    finally:
        result.drop()


# -- what a reader of each format makes of it, as text again -----------------------------------------------------


def in_delimited(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[list[str | None]]:
    for format, delimiter in (("csv", ","), ("tsv", "\t")):
        text = export(format, columns, rows).decode("utf-8", "surrogateescape")
        for fields in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            yield [None if field == NULL else field for field in fields]


def in_json(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[list[Any]]:
    for line in export("jsonl", columns, rows, rows="arrays").decode().split("\n")[:-1]:
        yield parsed(line)


def parsed(text: str) -> Any:
    """Return what JSON holds, numbers as they are written: no digit may be lost on the way."""
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=pytest.fail)


def same_in_json(value: Any, column: Column, text: str | None) -> bool:
    if text is None or (column.kind is ValueKind.JSON and value != text):
        return bool(value == (None if text is None else parsed(text)))
    if isinstance(value, bool):
        return value == (text in ("t", "true"))
    # Doubles of SQLite have no text of the server's; the exponent may be written with a sign or without.
    return bool(value == text) or (column.kind is ValueKind.DYNAMIC and repr(float(value)) == text)


class Cells(HTMLParser):
    """Reads the cells of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str | None]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag == "td":
            self._inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] = (self.rows[-1][-1] or "") + data


def in_html(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[list[str | None]]:
    reader = Cells()
    reader.feed(export("html", columns, rows).decode())
    reader.close()
    for row in reader.rows:
        yield [None if cell == NULL else cell for cell in row]


def in_a_workbook(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[list[Any]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(export("xlsx", columns, rows, long="cut")))
    for row in book.get_sheet_by_index(0).to_python(skip_empty_area=False):
        yield [None if cell == NULL else cell for cell in row]


def same_in_a_workbook(cell: Any, text: str | None) -> bool:
    """Tell whether a cell is a text, or a value of the spreadsheet's own that is exactly it."""
    if cell is None or text is None:
        return cell is text
    if isinstance(cell, bool):
        return cell == (text in ("t", "true"))
    if isinstance(cell, float):
        digits = text.partition("e")[0].lstrip("-0.").replace(".", "").rstrip("0")
        return repr(cell) == repr(float(text)) and len(digits) <= (17 if "." in text or "e" in text else 15)
    if isinstance(cell, datetime.date):
        return str(cell) == text or f"{cell} 00:00:00" == text
    shown = re.sub(r"_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), cell)
    return shown == text or ("[cut: it has" in shown and text.startswith(shown.partition(" … [cut")[0]))


class Rows:
    """Rows as the grid's source has them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def window(self, top: int, bottom: int) -> Sequence[Row]:
        return self._rows[top:bottom]


def on_the_clipboard(columns: Sequence[Column], rows: Sequence[Row], part: Part) -> str:
    source: Any = lambda: Rows(rows)  # noqa: E731  # stands for a stored result
    work = parts.copying(source, columns, part, format_of(SPECS["tsv"], header=False), Origin())
    return work(Job("copy", "copy", Bus()))


def check_clipboard(columns: Sequence[Column], rows: Sequence[Row], expected: Sequence[Sequence[str | None]]) -> None:
    """Hold what the grid copies against what the server tells: all cells, and each alone, which is its bare text."""
    everything = Part(rows=((0, len(rows)),), columns=tuple(range(len(columns))))
    if len(rows) * len(columns) > 1:
        pasted = csv.reader(io.StringIO(on_the_clipboard(columns, rows, everything), newline=""), delimiter="\t")
        assert [line or [""] for line in pasted] == [[text or "" for text in row] for row in expected]
    for number, row in enumerate(expected):
        for column, text in enumerate(row[:50]):
            one = Part(rows=((number, number + 1),), columns=(column,))
            assert on_the_clipboard(columns, rows, one) == (text or "")


def check(columns: Sequence[Column], rows: Sequence[Row], expected: Sequence[Sequence[str | None]]) -> None:
    """Hold what was written in every format against what the server tells."""
    hidden = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
    assert list(in_delimited(columns, rows)) == [*map(list, expected)] * 2
    check_clipboard(columns, rows, expected)
    for values, wanted in zip(in_json(columns, rows), expected, strict=True):
        for column, value, text in zip(columns, values, wanted, strict=True):
            assert same_in_json(value, column, text), (column, value, text)
    for found, wanted in zip(in_html(columns, rows), expected, strict=True):
        shown = [None if text is None else hidden.sub(lambda each: escaped(each[0]), text) for text in wanted]
        assert found == shown
    for cells, wanted in zip(in_a_workbook(columns, rows), expected, strict=True):
        for cell, text in zip(cells, wanted, strict=True):
            assert same_in_a_workbook(cell, text), (cell, text)


def escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


# -- the servers -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def module_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    home = tmp_path_factory.mktemp("home")
    with Kernel(paths=Paths(home, home / "cache")) as kernel:
        yield kernel


@pytest.fixture(scope="module")
def copy(postgres: PostgresServer) -> Iterator[tuple[str, Callable[[str], list[list[str | None]]]]]:
    """The name of a database, and what COPY writes there of a query."""
    with postgres.database() as name:
        postgres.psql(POSTGRES_TYPES, name)

        def copied(sql: str) -> list[list[str | None]]:
            written = postgres.psql(f"copy ({sql}) to stdout (format csv, null '{NULL}')", name).decode()
            lines = csv.reader(io.StringIO(written, newline=""), strict=True)
            # Where something stands for NULL, an empty text alone is an empty line.
            return [[None if field == NULL else field for field in line or [""]] for line in lines]

        yield name, copied


@pytest.mark.parametrize("name", [name for name in POSTGRES_VALUES if name != "many columns"])
def test_values_of_postgres(
    module_kernel: Kernel,
    postgres: PostgresServer,
    copy: tuple[str, Callable[[str], list[list[str | None]]]],
    name: str,
) -> None:
    database, copied = copy
    sql = f"select {POSTGRES_VALUES[name]}"
    with module_kernel.connect(postgres.url(database), record=False) as session:
        check(*fetched(session, sql), copied(sql))


@pytest.mark.parametrize(
    ("type_name", "values", "shown", "kind"), MARIADB_VALUES, ids=[row[0] for row in MARIADB_VALUES]
)
def test_values_of_mariadb(on_mariadb: Session, type_name: str, values: list[str], shown: str, kind: ValueKind) -> None:
    on_mariadb.run("set sql_mode = 'ALLOW_INVALID_DATES'")
    on_mariadb.run(f"create or replace table v (n int not null auto_increment primary key, v {type_name})")
    for value in [*values, "null"]:
        on_mariadb.run(f"insert into v (v) values ({value})")
    oracle = f"select hex({mariadb_text(shown, kind, type_name)}), v is null from v order by n"
    expected: list[list[str | None]] = []
    for hexed, is_null in fetched(on_mariadb, oracle)[1]:
        is_bytes = kind is ValueKind.BINARY
        text = "0x" + str(hexed) if is_bytes else bytes.fromhex(str(hexed or "")).decode()
        expected.append([None if is_null == "1" else text])
    check(*fetched(on_mariadb, "select v from v order by n"), expected)


def stored_text(kind: str, value: Any) -> str | None:
    """Return the text of a value of a storage class."""
    if kind == "null":
        return None
    if kind == "blob":
        return f"0x{value.hex().upper()}"
    return {"inf": "Inf", "-inf": "-Inf"}.get(repr(value), repr(value)) if kind == "real" else str(value)


def test_values_of_sqlite(module_kernel: Kernel, tmp_path: Path) -> None:
    literals = [
        "9223372036854775807", "-9223372036854775808", "0", "0.1", "1e300", "5e-324", "9e999", "-9e999", "1.0", "1e22",
        "''", "'x'", "'NULL'", "'a,\"b\"' || char(10, 13, 9)", "char(0)", "'é縗😀'", "'=1+1'", "x''", "x'00ff'", "null",
        "'12345678901234567890'", "123456789012345", "1234567890123456", "0.1 + 0.2",
    ]  # fmt: skip
    db = sqlite3.connect(tmp_path / "made.db")
    db.execute("create table v (n integer primary key, v)")
    for literal in literals:
        db.execute(f"insert into v (v) values ({literal})")
    db.commit()
    db.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    expected: list[list[str | None]] = []
    for kind, value in db.execute("select typeof(v), v from v order by n"):
        expected.append([stored_text(kind, value)])
    db.close()
    with module_kernel.connect(f"sqlite:///{tmp_path}/made.db", record=False) as session:
        check(*fetched(session, "select v from v order by n"), expected)
