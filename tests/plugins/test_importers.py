"""Readers of files: what is found out about one, the lines its rows stand on, and what is no row."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alveary.contracts.importer import Importer, JsonText, Numeral
from alveary.contracts.types import Kind
from alveary.contracts.values import Row
from alveary.errors import FileUnreadableError, InvalidInputError
from alveary.transfer.inference import Profile
from alveary_plugins.importers.delimited import DelimitedImporter, TabbedImporter
from alveary_plugins.importers.json_lines import JsonLinesImporter


def read(importer: Importer) -> tuple[list[str], list[Row], list[int], list[tuple[int, str]]]:
    columns = importer.columns()
    rows: list[Row] = []
    lines: list[int] = []
    faults: list[tuple[int, str]] = []
    for chunk in importer.chunks(columns):
        rows += chunk.rows
        lines += chunk.lines
        faults += [(fault.line, fault.reason) for fault in chunk.faults]
    return [column.name for column in columns], rows, lines, faults


def importer(folder: Path, content: str | bytes, **options: Any) -> DelimitedImporter:
    path = folder / "file.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return DelimitedImporter(str(path), **options)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_delimiter_quote_and_line_end_are_found_out(tmp_path: Path, delimiter: str, line_end: str, quote: str) -> None:
    lines = [["id", "name"], ["1", f"{quote}a{delimiter}b{quote}"], ["2", f"{quote}c{quote}"], ["3", ""]]
    file = importer(tmp_path, line_end.join(delimiter.join(line) for line in lines) + line_end)
    assert read(file)[:3] == (["id", "name"], [("1", f"a{delimiter}b"), ("2", "c"), ("3", None)], [2, 3, 4])
    told = {name: "\t" if value == "\\t" else value for name, value in file.settled().items()}
    assert (told["delimiter"], told["quote"]) == (delimiter, quote)


@pytest.mark.parametrize(
    ("data", "encoding", "noted"),
    [
        ("a\né漢\n".encode(), "utf-8", False),
        ("a\né漢\n".encode("utf-8-sig"), "utf-8", False),
        ("a\né漢\n".encode("utf-16"), "utf-16-le", False),
        ("\ufeffa\né漢\n".encode("utf-16-be"), "utf-16-be", False),
        ("a\nab漢\nabcdef\n".encode("utf-16-le"), "utf-16-le", True),
        ("a\né€\n".encode("cp1252"), "windows-1252", True),
        ("a\né\x81\n".encode("latin-1"), "latin-1", True),
    ],
)
def test_the_encoding_is_found_out_and_a_guess_is_said(tmp_path: Path, data: bytes, encoding: str, noted: bool) -> None:
    file = importer(tmp_path, data)
    names, rows, _, _ = read(file)
    assert (file.settled()["encoding"], bool(file.notes)) == (encoding, noted)
    assert names == ["a"]
    assert data.decode({"windows-1252": "cp1252"}.get(encoding, encoding)).lstrip("\ufeff").split("\n")[1] == rows[0][0]


def test_a_byte_that_is_not_of_the_encoding_names_its_line(tmp_path: Path) -> None:
    file = importer(tmp_path, b"a\nok\n\xff\n", encoding="utf-8")
    with pytest.raises(FileUnreadableError, match="line 3 holds a byte"):
        read(file)
    late = importer(tmp_path, b"a\n" + b"x" * 80 + b"\n" + b"y\n" * 700_000 + b"\xe9\n")
    assert late.columns()
    assert late.notes == [
        "line 700003 is not UTF-8, so the file is read as windows-1252; if it is not, say which it is"
    ]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("id,name\n1,a\n2,b\n", ["id", "name"]),
        ("1,a\n2,b\n", ["column1", "column2"]),
        ("a,b\nc,d\n", ["a", "b"]),
        ("2023,2024\nx,y\n", ["2023", "2024"]),
        ("a,a,,a_2\n1,2,3,x\n", ["a", "a_3", "column3", "a_2"]),
        (",a,b\n0,1,x\n1,2,y\n", ["column1", "a", "b"]),
        ("a,b,\n1,2,\n3,4,\n", ["a", "b", "column3"]),
        ("x,,5\ny,3,6\n", ["column1", "column2", "column3"]),
        ("x,,a\ny,3,b\n", ["column1", "column2", "column3"]),
        ("a,a,b,a_2\n1,2,3,x\n", ["a", "a_3", "b", "a_2"]),
        ("a\n", ["a"]),
    ],
)
def test_a_header_is_unlike_the_lines_below(tmp_path: Path, content: str, names: list[str]) -> None:
    assert [column.name for column in importer(tmp_path, content).columns()] == names


def test_null_is_empty_and_not_quoted_unless_something_else_is_said(tmp_path: Path) -> None:
    content = 'a,b\n"",\nNULL,"NULL"\n,"x"\n'
    assert read(importer(tmp_path, content))[1] == [("", None), ("NULL", "NULL"), (None, "x")]
    assert read(importer(tmp_path, content, null="NULL"))[1] == [("", ""), (None, "NULL"), ("", "x")]


def test_records_that_are_no_rows_are_told_by_their_lines(tmp_path: Path) -> None:
    content = 'a,b\n1,"x\ny"\n2\n3,"z"w\n4,5,6\n\n7,q"q\n8,9\n'
    _, rows, lines, faults = read(importer(tmp_path, content))
    assert rows == [("1", "x\ny"), ("7", 'q"q'), ("8", "9")]
    assert lines == [2, 8, 9]
    assert [line for line, _ in faults] == [4, 5, 6]
    assert "closing quote" in faults[1][1]


def test_a_quote_that_is_never_closed_is_an_error_and_can_be_a_character(tmp_path: Path) -> None:
    content = 'a,b\n1,"x\n' + "2,y\n" * 10
    with pytest.raises(FileUnreadableError, match="row of line 2 is never closed"):
        read(importer(tmp_path, content))
    assert read(importer(tmp_path, content, quote=""))[1][:2] == [("1", '"x'), ("2", "y")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_where_a_block_ends_makes_no_difference(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = '\ufeffä,"b\n"\r\n1,"x ""y"", \r\nz"\r\n,""\r\n"漢",😀'
    columns = importer(tmp_path, content, header="yes").columns()
    whole = read(importer(tmp_path, content, header="yes", delimiter=",", quote='"'))
    monkeypatch.setattr("alveary_plugins.importers.text_files.BLOCK", size)
    file = importer(tmp_path, content, header="yes", delimiter=",", quote='"', encoding="utf-8")
    rows = [row for chunk in file.chunks(columns) for row in chunk.rows]
    assert rows == whole[1] == [("1", 'x "y", \r\nz'), (None, ""), ("漢", "😀")]


_cells = st.one_of(
    st.none(), st.text(st.sampled_from('",;\n\r\t\\ aNUL1é'), max_size=6), st.sampled_from(["", "NULL", '"', '""'])
)


@given(rows=st.lists(st.lists(_cells, min_size=3, max_size=3), min_size=1, max_size=6))
def test_what_another_writer_wrote_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str | None]]
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    for row in rows:
        writer.writerow(["\x00" if cell is None else cell for cell in row])
    content = text.getvalue().replace('"\x00"', "")
    file = importer(tmp_path_factory.mktemp("csv"), content, header="yes", delimiter=",", quote='"')
    _, found, _, faults = read(file)
    assert (found, faults) == ([tuple(row) for row in rows], [])


def test_an_option_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    for wrong in ({"delimiter": "ab"}, {"delimiter": "\n"}, {"quote": "''"}):
        with pytest.raises(InvalidInputError):
            importer(tmp_path, "a\n1\n", **wrong)
    path = tmp_path / "a.tsv"
    path.write_text("a,b\tc\n1\t2\n")
    assert read(TabbedImporter(str(path)))[0] == ["a,b", "c"]


def test_json_lines_are_objects_or_arrays_below_names(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"a": 1.10, "b": "\\ud83d\\ude00", "a b": null}\n\n{"b": {"x": 1e400}, "c": 12345678901234567890123}\n[1]\n'
    )
    names, rows, lines, faults = read(JsonLinesImporter(str(path)))
    assert (names, lines) == (["a", "b", "a b", "c"], [1, 3])
    assert rows == [("1.10", "😀", None, None), (None, '{"x": 1e400}', None, "12345678901234567890123")]
    assert [type(cell) for cell in (rows[0][0], rows[1][1])] == [Numeral, JsonText]
    assert [line for line, _ in faults] == [4]
    path.write_text('["a", "b"]\n[1, "x"]\n[2]\n[null, true]')
    assert read(JsonLinesImporter(str(path))) == (
        ["a", "b"], [("1", "x"), (None, True)], [2, 4], [(3, "there are 1 values where 2 are due")],
    )  # fmt: skip
    path.write_text("nothing\n")
    with pytest.raises(FileUnreadableError):
        JsonLinesImporter(str(path)).columns()


def test_parquet_brings_its_types(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    from alveary_plugins.importers.parquet import ParquetImporter

    table = pa.table(
        {
            "n": pa.array([2**63 - 1, None], pa.int64()),
            "d": pa.array(["1.50", None]).cast(pa.decimal128(10, 2)),
            "t": pa.array([1_700_000_000_500_000, None], pa.timestamp("us", "UTC")),
            "b": pa.array([b"\x00\xff", None]),
            "l": pa.array([[1, None], None]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    file = ParquetImporter(str(tmp_path / "a.parquet"))
    assert [str(column.type) for column in file.columns()] == [
        "bigint",
        "decimal(10,2)",
        "timestamptz",
        "binary",
        "json",
    ]
    _, rows, lines, _ = read(file)
    assert rows == [(2**63 - 1, "1.50", "2023-11-14 22:13:20.5Z", b"\x00\xff", "[1, null]"), (None,) * 5]
    assert lines == [1, 2]
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(FileUnreadableError):
        file.columns()


@given(
    st.lists(
        st.lists(st.from_regex(r"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,8})?", fullmatch=True), min_size=1, max_size=5),
        min_size=1,
        max_size=6,
    )
)
@example([["-1"], ["7.5"]])
def test_decimals_have_the_digits_of_all_that_were_seen(portions: list[list[str]]) -> None:
    portions = [[text for text in portion if float(text) or "-" not in text] or ["7.5"] for portion in portions]
    profile = Profile()
    for portion in portions:
        profile.look(portion, range(len(portion)))
    parts = [text.lstrip("-").partition(".") for portion in portions for text in portion]
    whole, fraction = (max(len(part[place]) for part in parts) for place in (0, 2))
    if fraction:
        found = profile.narrowest()
        assert (found.kind, found.precision, found.scale) == (Kind.DECIMAL, whole + fraction, fraction)
    else:
        assert profile.narrowest().kind is Kind.BIGINT
