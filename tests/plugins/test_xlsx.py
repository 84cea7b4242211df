"""XLSX, read back by programs of others: nothing is rounded, taken for a formula or silently cut."""

from __future__ import annotations

import datetime
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from alveary.contracts.exporter import ExportOptions
from alveary.contracts.values import Cell, Column, Row, ValueKind, cell_text
from alveary.errors import InvalidInputError
from alveary_plugins.exporters import workbook, xlsx
from alveary_plugins.exporters.xlsx import XlsxExporter

NUMBER, TEXT, TEMPORAL = ValueKind.NUMBER, ValueKind.TEXT, ValueKind.TEMPORAL
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def export(
    columns: Sequence[str | Column], *results: Sequence[Row], header: bool = True, null: str | None = None, **more: Any
) -> bytes:
    pieces: list[bytes] = []
    exporter = XlsxExporter(pieces.append, ExportOptions(header=header, null=null), **more)
    for rows in results:
        exporter.begin([Column(name=name) if isinstance(name, str) else name for name in columns])
        exporter.rows(rows[:2])
        exporter.rows(rows[2:])
        exporter.end(True)
    exporter.finish()
    return b"".join(pieces)


def cells(data: bytes, sheet: int = 0) -> list[list[Any]]:
    """Return what calamine reads; it leaves the escapes of characters that XML can't hold."""
    return CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(sheet).to_python(skip_empty_area=False)


def with_openpyxl(data: bytes) -> list[list[Any]]:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert sheet is not None
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def unescaped(text: str) -> str:
    return re.sub(r"_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), text)


def read(kind: ValueKind, cell: Cell) -> Any:
    data = export([Column(name="a", kind=kind), "b"], [(cell, 1)])
    (value, _), (same, _) = cells(data)[1], with_openpyxl(data)[1]
    if type(value) is datetime.date:  # openpyxl makes a moment of a day
        assert same == datetime.datetime(value.year, value.month, value.day)
    elif not isinstance(value, str):
        assert value == same
    return value


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        (NUMBER, "0", 0),
        (NUMBER, "-42", -42),
        (NUMBER, "999999999999999", 999999999999999),
        (NUMBER, "1000000000000000", "1000000000000000"),
        (NUMBER, "12345678901234567890", "12345678901234567890"),
        (NUMBER, "-9223372036854775808", "-9223372036854775808"),
        (NUMBER, "00042", "00042"),
        (NUMBER, "1.10", 1.1),
        (NUMBER, "0.000000000000001", 1e-15),
        (NUMBER, "123456789012.345", 123456789012.345),
        (NUMBER, "1234567890123456.789", "1234567890123456.789"),
        (NUMBER, "0.12345678901234567", "0.12345678901234567"),
        (NUMBER, "0.30000000000000004", 0.30000000000000004),
        (NUMBER, "1e+300", 1e300),
        (NUMBER, "5e-324", 5e-324),
        (NUMBER, "1e400", "1e400"),
        (NUMBER, "1.00000000000000000001e3", "1.00000000000000000001e3"),
        (NUMBER, "NaN", "NaN"),
        (NUMBER, "-Infinity", "-Infinity"),
        (ValueKind.DYNAMIC, 999999999999999, 999999999999999),
        (ValueKind.DYNAMIC, 2**53, "9007199254740992"),
        (ValueKind.DYNAMIC, 0.1, 0.1),
        (ValueKind.DYNAMIC, 1.7976931348623157e308, 1.7976931348623157e308),
        (ValueKind.DYNAMIC, float("inf"), "Inf"),
        (ValueKind.DYNAMIC, True, True),
        (ValueKind.DYNAMIC, b"\x00\xff", "0x00FF"),
        (ValueKind.DYNAMIC, "42", "42"),
        (TEXT, "=1+1", "=1+1"),
        (TEXT, "+1", "+1"),
        (TEXT, "1e5", "1e5"),
        (TEXT, "2024-01-01", "2024-01-01"),
        (ValueKind.BOOLEAN, "t", True),
        (ValueKind.BOOLEAN, "false", False),
        (ValueKind.BOOLEAN, "maybe", "maybe"),
        (TEMPORAL, "2024-02-29", datetime.date(2024, 2, 29)),
        (TEMPORAL, "1900-03-01", datetime.date(1900, 3, 1)),
        (TEMPORAL, "9999-12-31", datetime.date(9999, 12, 31)),
        (TEMPORAL, "1900-02-28", "1900-02-28"),
        (TEMPORAL, "2024-02-30", "2024-02-30"),
        (TEMPORAL, "0044-03-15 BC", "0044-03-15 BC"),
        (TEMPORAL, "infinity", "infinity"),
        (TEMPORAL, "0000-00-00", "0000-00-00"),
        (TEMPORAL, "2024-02-29 12:34:56", datetime.datetime(2024, 2, 29, 12, 34, 56)),
        (TEMPORAL, "2024-02-29 12:34:56.5", "2024-02-29 12:34:56.5"),
        (TEMPORAL, "2024-02-29 12:34:56+00", "2024-02-29 12:34:56+00"),
        (TEMPORAL, "2024-02-29 24:00:00", "2024-02-29 24:00:00"),
        (TEMPORAL, "12:34:56", "12:34:56"),
    ],
)
def test_a_value_is_what_it_was_or_the_text_of_it(kind: ValueKind, cell: Cell, value: Any) -> None:
    found = read(kind, cell)
    assert (found, isinstance(found, str)) == (value, isinstance(value, str))


@given(st.datetimes(datetime.datetime(1900, 3, 1), datetime.datetime(9999, 12, 31)))
def test_every_second_reads_back_as_itself(moment: datetime.datetime) -> None:
    second = moment.replace(microsecond=0)
    data = export([Column(name="a", kind=TEMPORAL)], [(str(second),)], header=False)
    assert with_openpyxl(data) == [[second]]


def test_dates_can_stay_text() -> None:
    data = export([Column(name="a", kind=TEMPORAL)], [("2024-02-29",)], dates="text")
    assert cells(data) == [["a"], ["2024-02-29"]]


def test_null_and_empty_text_are_two_things() -> None:
    rows: list[Row] = [(None, ""), ("x", None)]
    assert with_openpyxl(export(["a", "b"], rows)) == [["a", "b"], [None, ""], ["x", None]]
    assert cells(export(["a", "b"], rows, null="NULL", header=False)) == [["NULL", ""], ["x", "NULL"]]


@given(
    st.lists(st.tuples(st.text(), st.text("\x00\x01\x0b\x1f\r\n\t _x0AaF&<>\"'\ufffe\udcff", max_size=12)), min_size=1)
)
def test_text_reads_back_character_by_character(rows: list[Row]) -> None:
    data = export(["a", "b"], rows, header=False)
    xml = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")
    texts = [text.text or "" for text in ElementTree.fromstring(xml).iter(f"{MAIN}t")]
    assert [unescaped(text) for text in texts] == [cell for row in rows for cell in row]
    whole = [unescaped(cell) if isinstance(cell, str) else cell for row in cells(data) for cell in row]
    assert whole == [cell for row in rows for cell in row]


def test_what_xml_can_not_hold_is_escaped_as_spreadsheets_do() -> None:
    assert workbook.xml_text("a\x1b\r_x0041_&\udcff\n") == "a_x001B__x000D__x005F_x0041_&amp;_xDCFF_\n"


def test_a_value_that_is_too_long_is_refused_or_cut_and_said_to_be() -> None:
    fits = "x" * 32_767
    assert cells(export(["a"], [(fits,), ("y" * 16_384,)])) == [["a"], [fits], ["y" * 16_384]]
    for cell, size in (("x" * 32_768, "32,768"), ("😀" * 16_384, "32,768"), (b"\0" * 16_383, "32,768")):
        with pytest.raises(InvalidInputError) as caught:
            export(["a", "note"], [(1, "x"), (2, "y"), (3, cell)])
        assert f"row 3, column note: a value of {size} characters" in caught.value.message
        assert "long=cut" in (caught.value.hint or "")
        (_, (_, cut)) = cells(export(["a", "note"], [(1, cell)], long="cut"))
        assert cut.endswith(f" … [cut: it has {size} characters]")
        assert len(cut.encode("utf-16-le")) // 2 in (32_766, 32_767)
        assert cell_text(cell).startswith(cut[:1000])


def test_rows_beyond_a_sheet_go_to_further_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 4)
    data = export(["a"], [(number,) for number in range(8)], [(9,)], sheet="Bees")
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    assert book.sheet_names == ["Bees", "Bees 2", "Bees 3", "Bees 4"]
    assert [cells(data, sheet) for sheet in range(4)] == [
        [["a"], [0], [1], [2]],
        [["a"], [3], [4], [5]],
        [["a"], [6], [7]],
        [["a"], [9]],
    ]
    monkeypatch.setattr(xlsx, "MOST_BYTES", 1)
    assert len(CalamineWorkbook.from_filelike(io.BytesIO(export(["a"], [(1,), (2,), (3,)]))).sheet_names) == 2


def test_what_no_sheet_can_hold_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="16,385 columns"):
        export([f"c{number}" for number in range(16_385)], [])
    assert len(cells(export([f"c{number}" for number in range(16_384)], []))[0]) == 16_384
    for name in ("", "a/b", "x" * 25, "'a", "a[1]"):
        with pytest.raises(InvalidInputError, match="name of a sheet"):
            export(["a"], [], sheet=name)


def test_a_workbook_without_results_is_one() -> None:
    assert CalamineWorkbook.from_filelike(io.BytesIO(export([]))).sheet_names == ["Sheet"]


def test_one_that_was_cut_short_is_no_workbook() -> None:
    pieces: list[bytes] = []
    exporter = XlsxExporter(pieces.append, ExportOptions())
    exporter.begin([Column(name="a")])
    exporter.rows([(1,)])
    exporter.end(False)
    assert not zipfile.is_zipfile(io.BytesIO(b"".join(pieces)))


def test_the_same_rows_are_the_same_bytes() -> None:
    assert export(["a"], [(1,), ("x",)]) == export(["a"], [(1,), ("x",)])


def test_it_streams_down_a_pipe() -> None:
    code = (
        "from alveary.contracts.exporter import ExportOptions\nfrom alveary.contracts.values import Column\n"
        "from alveary_plugins.exporters.xlsx import XlsxExporter\n"
        "sent = []\nexporter = XlsxExporter(lambda data: sent.append(len(data)), ExportOptions())\n"
        "exporter.begin([Column(name='a')])\n"
        "import random\nrandom.seed(1)\n"
        "for _ in range(100):\n    exporter.rows([(random.random(),) for _ in range(500)])\n"
        "print(sum(sent) > 100_000)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
