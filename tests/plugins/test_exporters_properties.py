"""The output formats, held to what must be true of any rows: what was written can be read back."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alveary.contracts.exporter import ExportOptions
from alveary.contracts.factory import load_factory
from alveary.contracts.values import Cell, Column, Row, ValueKind, cell_text
from alveary_plugins import exporters
from alveary_plugins.exporters.terminal import escape

FACTORIES: dict[str, Any] = {
    spec.id: load_factory(spec.factory) for spec in exporters.alveary_exporters() if not spec.binary
}

# Pieces that mean something to some format, so that they often meet in a cell; and besides any text.
# High surrogates are left out: beside a low one they make a character in JSON, which two lone ones are not.
TRICKY = [*',"\n\r\t\\|\x00\x9b\u202e\udc9b日é', "", "\\.", "NULL", "\x1b[2J"]
TEXT = st.lists(st.sampled_from(TRICKY), max_size=4).map("".join) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=8
)
CELL: st.SearchStrategy[Cell] = st.one_of(
    st.none(), TEXT, st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans(), st.binary(max_size=4)
)
COMPLETE = settings(derandomize=True, max_examples=150, deadline=None)
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@st.composite
def results(draw: st.DrawFn, cell: st.SearchStrategy[Cell] = CELL) -> tuple[list[str], list[Row]]:
    names = draw(st.lists(TEXT, min_size=1, max_size=4))
    return names, draw(st.lists(st.tuples(*[cell] * len(names)), max_size=6))


def export(
    format_id: str,
    names: Sequence[str],
    rows: Sequence[Row],
    options: ExportOptions,
    kind: ValueKind = ValueKind.DYNAMIC,
) -> bytes:
    pieces: list[bytes] = []
    exporter = FACTORIES[format_id](pieces.append, options)
    exporter.begin([Column(name=name, kind=kind) for name in names])
    exporter.rows(rows[:2])
    exporter.rows(rows[2:])
    exporter.end(True)
    exporter.finish()
    return b"".join(pieces)


def texts(row: Row, null: str) -> list[str]:
    return [null if cell is None else cell_text(cell) for cell in row]


@pytest.mark.parametrize(("format_id", "delimiter"), [("csv", ","), ("tsv", "\t")])
@given(result=results())
@COMPLETE
def test_delimited_text_reads_back(format_id: str, delimiter: str, result: tuple[list[str], list[Row]]) -> None:
    names, rows = result
    data = export(format_id, names, rows, ExportOptions()).decode(errors="surrogateescape")
    read = list(csv.reader(io.StringIO(data, newline=""), delimiter=delimiter, strict=True))
    # The reader takes an empty line, which is one NULL, for no fields.
    assert [fields or [""] for fields in read] == [names, *(texts(row, "") for row in rows)]


@given(result=results(), null=st.sampled_from(["NULL", "0", "\\N", "true"]))
@COMPLETE
def test_null_and_text_that_looks_like_it_stay_distinct(result: tuple[list[str], list[Row]], null: str) -> None:
    names, rows = result
    data = export("csv", names, rows, ExportOptions(header=False, null=null)).decode(errors="surrogateescape")
    fields = re.findall(r'("(?:[^"]|"")*"|[^,\n"]*)[,\n]', data)
    assert [field == null for field in fields] == [cell is None for row in rows for cell in row]


@given(result=results(TEXT.filter(lambda text: "\x00" not in text)))
@settings(COMPLETE, max_examples=15)
def test_the_sqlite_shell_imports_what_csv_wrote(result: tuple[list[str], list[Row]]) -> None:
    shell = shutil.which("sqlite3")
    if shell is None:
        pytest.skip("no sqlite3 shell")
    names, rows = result
    columns = ", ".join(f"c{number}" for number in range(len(names)))
    hexed = " || ',' || ".join(f"hex(c{number})" for number in range(len(names)))
    script = f"CREATE TABLE t({columns});\n.import --csv /dev/stdin t\nSELECT {hexed} FROM t;\n"
    data = export("csv", names, rows, ExportOptions(header=False))
    arguments = [
        shell,
        "-batch",
        ":memory:",
        *(word for line in script.splitlines() for word in ("-cmd", line)),
        "",
    ]
    done = subprocess.run(arguments, input=data, capture_output=True, check=True)
    encoded = [[text.encode(errors="surrogateescape").hex().upper() for text in texts(row, "")] for row in rows]
    assert done.stdout.decode().splitlines() == [",".join(row) for row in encoded]


@given(result=results(), terminal=st.booleans())
@COMPLETE
def test_json_reads_back(result: tuple[list[str], list[Row]], terminal: bool) -> None:
    names, rows = result

    def expected(cell: Cell) -> Cell:
        finite = not isinstance(cell, float) or cell - cell == 0
        return cell if finite and not isinstance(cell, bytes) else cell_text(cell)

    options = ExportOptions(terminal=terminal)
    array = export("json", names, rows, options).decode()
    objects = json.loads(array)
    assert [list(one.values()) for one in objects] == [list(map(expected, row)) for row in rows]
    assert all(len(one) == len(names) for one in objects)
    assert array.count("\n") == 1
    one_by_one = export("jsonl", names, rows, options).decode()
    assert [json.loads(line) for line in one_by_one.split("\n")[:-1]] == objects


NUMBER_LIKE = st.one_of(
    st.text("0123456789.-+eE", max_size=6),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["1.10", "-0", "1e+400", "1,2", "1\n", " 1", "[1]", "null", "0x1F", "1_000", "٣"]),
)
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(rows=st.lists(st.tuples(NUMBER_LIKE), max_size=5))
@COMPLETE
def test_number_text_keeps_every_digit_or_becomes_a_string(rows: list[Row]) -> None:
    data = export("json", ["a"], rows, ExportOptions(), ValueKind.NUMBER)
    read = json.loads(data, parse_int=str, parse_float=str, parse_constant=pytest.fail)
    assert [(one["a"],) for one in read] == rows
    number = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
    bare = [type(one["a"]) is not str for one in json.loads(data)]
    assert bare == [number.fullmatch(str(text)) is not None for (text,) in rows]


@given(values=st.lists(JSON_LIKE, max_size=3), indent=st.sampled_from([None, 0, 2, "\t"]))
@COMPLETE
def test_embedded_json_stays_on_one_line_and_keeps_its_values(values: list[object], indent: int | str | None) -> None:
    rows: list[Row] = [(json.dumps(value, indent=indent),) for value in values]
    data = export("jsonl", ["a"], rows, ExportOptions(), ValueKind.JSON).decode().split("\n")[:-1]
    read = [json.loads(line)["a"] for line in data]
    # The escape of a lone surrogate is not embedded but quoted: most readers refuse it.
    assert [
        json.loads(one) if isinstance(one, str) and one == text else one
        for one, (text,) in zip(read, rows, strict=True)
    ] == values


@given(result=results())
@COMPLETE
def test_nothing_drives_a_terminal(result: tuple[list[str], list[Row]]) -> None:
    for format_id in FACTORIES:
        shown = set(export(format_id, *result, ExportOptions(terminal=True)).decode())
        shown -= set("\n\t" if format_id in ("csv", "tsv", "sql", "html") else "\n")
        assert not shown & set("\u200e\u200f\u061c")
        assert not {unicodedata.category(character) for character in shown} & {"Cc", "Zl", "Zp", "Cs"}
        assert not {unicodedata.bidirectional(character) for character in shown} & TURNING


class _Tables(HTMLParser):
    """Reads the rows of tables."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attributes: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


@given(result=results())
@COMPLETE
def test_html_reads_back(result: tuple[list[str], list[Row]]) -> None:
    names, rows = result
    parser = _Tables()
    parser.feed(export("html", names, rows, ExportOptions()).decode())
    parser.close()
    hidden = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
    shown = [
        [hidden.sub(lambda found: escape(found[0]), text) for text in texts(row, "NULL")]
        for row in [tuple(names), *rows]
    ]
    assert parser.rows == shown


@given(result=results())
@COMPLETE
def test_markdown_reads_back(result: tuple[list[str], list[Row]]) -> None:
    names, rows = result
    data = export("markdown", names, rows, ExportOptions()).decode(errors="surrogateescape")
    header, rule, *body = re.split("\n", data)[:-1]
    assert rule.count("---") == len(names)
    assert len(body) == len(rows)
    for line, row in zip([header, *body], [tuple(names), *rows], strict=True):
        cells = [cell[1:-1] for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        read = [re.sub(r"(\\+)\|", lambda run: run[1][: len(run[1]) // 2] + "|", cell) for cell in cells]
        assert read == [re.sub("\r\n|\r|\n", "<br>", text) for text in texts(row, "NULL")]


@given(result=results())
@COMPLETE
def test_layout_truncates_no_value(result: tuple[list[str], list[Row]]) -> None:
    names, rows = result
    for format_id in ("table", "vertical"):
        data = export(format_id, names, rows, ExportOptions()).decode(errors="surrogateescape")
        assert all(part in data for row in rows for text in texts(row, "NULL") for part in text.split("\n"))
