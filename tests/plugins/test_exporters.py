"""The output formats, rule by rule: which bytes come out for which cells."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

from alveary.contracts.exporter import Exporter, ExportOptions
from alveary.contracts.specs import ExporterSpec
from alveary.contracts.values import Cell, Column, Row, ValueKind
from alveary.errors import InvalidInputError
from alveary.formats import format_of
from alveary_plugins import exporters
from alveary_plugins.exporters import aligned, first_page
from alveary_plugins.exporters.json_text import unique_names
from alveary_plugins.exporters.texts import encode
from alveary_plugins.exporters.widths import text_width

SPECS: dict[str, ExporterSpec] = {spec.id: spec for spec in exporters.alveary_exporters()}
TEXTS = [name for name, spec in SPECS.items() if not spec.binary]
HUGE, TINY = 2**63 - 1, -(2**63)


class Written:
    """An exporter and what it has written so far."""

    def __init__(self, format_id: str, options: ExportOptions, **more: object) -> None:
        self.pieces: list[bytes] = []
        factory = format_of(SPECS[format_id], more).exporter()
        self.exporter: Exporter = factory(self.pieces.append, options)

    def result(self, columns: Sequence[str | Column], *batches: Sequence[Row], whole: bool = True) -> None:
        self.exporter.begin([Column(name=name) if isinstance(name, str) else name for name in columns])
        for batch in batches:
            self.exporter.rows(batch)
        self.exporter.end(whole)

    def data(self) -> bytes:
        return b"".join(self.pieces)


def export(
    format_id: str,
    columns: Sequence[str | Column],
    *batches: Sequence[Row],
    header: bool = True,
    null: str | None = None,
    terminal: bool = False,
    **more: object,
) -> str:
    written = Written(format_id, ExportOptions(header=header, null=null, terminal=terminal), **more)
    written.result(columns, *batches)
    written.exporter.finish()
    return written.data().decode(errors="surrogateescape")


def of_kind(kind: ValueKind) -> Column:
    return Column(name="a", kind=kind)


def lines(*expected: str) -> str:
    return "".join(f"{line}\n" for line in expected)


# -- what all formats share ----------------------------------------------------------------------------------


def test_the_plugin_declares_its_formats() -> None:
    assert list(SPECS) == [
        "table",
        "csv",
        "tsv",
        "json",
        "jsonl",
        "markdown",
        "html",
        "xlsx",
        "parquet",
        "sql",
        "vertical",
    ]


def test_declaring_imports_no_format() -> None:
    code = (
        "import sys, alveary_plugins.exporters as room; room.alveary_exporters();"
        "print([name for name in sys.modules if name.startswith(room.__name__ + '.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("format_id", TEXTS)
def test_every_format_writes_two_thousand_columns(format_id: str) -> None:
    names = [f"c{number}" for number in range(2000)]
    assert export(format_id, names, [tuple(range(2000)), tuple(range(2000))]).count("1999") >= 2


@pytest.mark.parametrize("format_id", TEXTS)
def test_every_format_writes_integers_with_every_digit(format_id: str) -> None:
    text = export(format_id, ["a", "b"], [(HUGE, TINY)])
    assert "9223372036854775807" in text
    assert "-9223372036854775808" in text


@pytest.mark.parametrize("format_id", TEXTS)
def test_every_format_survives_lone_surrogates_in_names_and_cells(format_id: str) -> None:
    for surrogate in ("\udcff", "\ud800", "\udfff\udc80"):
        for terminal in (False, True):
            assert export(format_id, [surrogate], [(surrogate,)], terminal=terminal)


@pytest.mark.parametrize("format_id", TEXTS)
def test_batches_leave_no_seams(format_id: str) -> None:
    rows: list[Row] = [(number, f"name {number}") for number in range(50)]
    assert export(format_id, ["a", "b"], rows) == export(format_id, ["a", "b"], rows[:1], [], rows[1:30], rows[30:])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", b"plain"),
        ("日本", "日本".encode()),
        ("caf\udce9", b"caf\xe9"),
        ("\ud800", b"\xed\xa0\x80"),
        ("é\udce9\ud800\udcff", b"\xc3\xa9\xe9\xed\xa0\x80\xff"),
    ],
)
def test_bytes_that_were_no_utf8_go_out_as_they_came(text: str, expected: bytes) -> None:
    assert encode(text) == expected


# -- csv and tsv ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "field"),
    [
        (None, ""),
        ("", '""'),
        ("a", "a"),
        (" a ", " a "),
        ("a,b", '"a,b"'),
        ('a"b', '"a""b"'),
        ('"', '""""'),
        ("a\nb", '"a\nb"'),
        ("a\rb", '"a\rb"'),
        ("a\tb", "a\tb"),
        ("\\.", "\\."),
        ("NULL", "NULL"),
        ("\x00\x1b", "\x00\x1b"),
        ("日本", "日本"),
        (HUGE, "9223372036854775807"),
        (TINY, "-9223372036854775808"),
        (True, "true"),
        (0.1, "0.1"),
        (1e22, "1e+22"),
        (float("inf"), "Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
        (b"\x00\xff", "0x00FF"),
        (b"", "0x"),
    ],
)
def test_csv_fields(cell: Cell, field: str) -> None:
    assert export("csv", ["a", "b"], [(cell, 1)]) == f"a,b\n{field},1\n"
    # The same among cells of other classes, where the column can't be settled at one look.
    others: list[Row] = [(1, 1), ("x", 2), (None, 3), (cell, 4)]
    assert export("csv", ["a", "b"], others) == f"a,b\n1,1\nx,2\n,3\n{field},4\n"


def test_csv_quotes_the_end_of_data_mark_only_where_it_is_alone() -> None:
    assert export("csv", ["\\."], [("\\.",), ("\\.x",), (None,)]) == '"\\."\n"\\."\n\\.x\n\n'


def test_csv_quotes_text_that_equals_the_text_of_null() -> None:
    rows: list[Row] = [("NULL", None), ("", 1), ("null", "NULL")]
    assert export("csv", ["a", "NULL"], rows, null="NULL") == 'a,"NULL"\n"NULL",NULL\n"",1\nnull,"NULL"\n'
    assert export("csv", ["a"], [(0,), (None,), (1,)], null="0") == 'a\n"0"\n0\n1\n'


def test_csv_header_follows_the_rule_of_fields_and_can_be_left_out() -> None:
    assert export("csv", ["", "a,b", "a,b"], [(1, 2, 3)]) == '"","a,b","a,b"\n1,2,3\n'
    assert export("csv", ["a"], [(1,)], header=False) == "1\n"
    assert export("csv", ["a"], header=False) == ""
    assert export("csv", ["a"], []) == "a\n"


def test_csv_results_follow_each_other() -> None:
    written = Written("csv", ExportOptions())
    written.result(["a"], [("\\.",)])
    written.result(["b", "c"], [("\\.", 2)])
    assert written.data() == b'a\n"\\."\nb,c\n\\.,2\n'


def test_csv_on_a_terminal_shows_controls_but_keeps_tabs_and_line_feeds() -> None:
    text = export("csv", ["a\x1b"], [("x\ty\nz\r\x1b[2J\x9b\u202e\udc9b",)], terminal=True)
    assert text == 'a\\x1b\n"x\ty\nz\\r\\x1b[2J\\x9b\\u202e\\udc9b"\n'


def test_tsv_quotes_tabs_but_not_commas() -> None:
    rows: list[Row] = [("a,b", "a\tb"), ("", None), ('"', "\n")]
    assert export("tsv", ["a", "b"], rows) == 'a\tb\na,b\t"a\tb"\n""\t\n""""\t"\n"\n'


def test_csv_options_choose_delimiter_quotes_and_line_ends() -> None:
    columns = [of_kind(ValueKind.NUMBER), of_kind(ValueKind.TEXT), Column(name="c")]
    rows: list[Row] = [("1", "x;y", 2), ("1,5", None, "z"), ("", 'q"', b"\x01")]
    assert export("csv", columns, rows, header=False, delimiter=";") == '1;"x;y";2\n1,5;;z\n"";"q""";0x01\n'
    assert export("csv", columns, rows, header=False, quote="text") == ('1,"x;y",2\n"1,5",,"z"\n"","q""","0x01"\n')
    assert export("csv", columns, rows, quote="all", line_end="crlf") == (
        '"a","a","c"\r\n"1","x;y","2"\r\n"1,5",,"z"\r\n"","q""","0x01"\r\n'
    )
    assert export("csv", ["a"], [("\x1b",)], quote="all", terminal=True) == '"a"\n"\\x1b"\n'
    assert export("csv", ["a", "b"], [(1, 2)], delimiter="\\t") == export("tsv", ["a", "b"], [(1, 2)])


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "\n", "\r", "é", "\0"])
def test_what_can_not_separate_fields_is_refused(delimiter: str) -> None:
    with pytest.raises(InvalidInputError):
        export("csv", ["a"], delimiter=delimiter)


def test_csv_is_written_in_the_encoding_that_is_asked_for() -> None:
    def data(encoding: str, text: str, **more: object) -> bytes:
        written = Written("csv", ExportOptions(), encoding=encoding, **more)
        written.result(["é"], [(text,)])
        written.result(["b"], [(1,)])
        return written.data()

    assert data("utf-8", "€", bom=True) == "\ufeffé\n€\nb\n1\n".encode()
    assert data("utf-16", "€") == "\ufeffé\n€\nb\n1\n".encode("utf-16-le")
    assert data("windows-1252", "€") == b"\xe9\n\x80\nb\n1\n"
    assert data("utf-8", "\udcff") == b"\xc3\xa9\n\xff\nb\n1\n"
    for encoding, text in (("latin-1", "€"), ("windows-1252", "日"), ("utf-16", "\udcff")):
        with pytest.raises(InvalidInputError, match=f"U\\+{ord(text):04X}"):
            data(encoding, text)
    with pytest.raises(InvalidInputError, match="byte order mark"):
        data("latin-1", "x", bom=True)


# -- json and jsonl ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        (ValueKind.DYNAMIC, None, "null"),
        (ValueKind.DYNAMIC, "", '""'),
        (ValueKind.DYNAMIC, "null", '"null"'),
        (ValueKind.DYNAMIC, HUGE, "9223372036854775807"),
        (ValueKind.DYNAMIC, TINY, "-9223372036854775808"),
        (ValueKind.DYNAMIC, 10**30, "1" + "0" * 30),
        (ValueKind.DYNAMIC, True, "true"),
        (ValueKind.DYNAMIC, 0.1, "0.1"),
        (ValueKind.DYNAMIC, -0.0, "-0.0"),
        (ValueKind.DYNAMIC, float("inf"), '"Inf"'),
        (ValueKind.DYNAMIC, float("-inf"), '"-Inf"'),
        (ValueKind.DYNAMIC, float("nan"), '"NaN"'),
        (ValueKind.DYNAMIC, b"\x00\xff", '"0x00FF"'),
        (ValueKind.DYNAMIC, 'a"b\\\n\x00\x7f', '"a\\"b\\\\\\n\\u0000\x7f"'),
        (ValueKind.DYNAMIC, "日本é", '"日本é"'),
        (ValueKind.DYNAMIC, "x\udcff\ud800", '"x\\udcff\\ud800"'),
        (ValueKind.TEXT, "12", '"12"'),
        (ValueKind.NUMBER, "12345678901234567890.123456789", "12345678901234567890.123456789"),
        (ValueKind.NUMBER, "1.10", "1.10"),
        (ValueKind.NUMBER, "-1E+400", "-1E+400"),
        (ValueKind.NUMBER, 7, "7"),
        (ValueKind.NUMBER, float("nan"), '"NaN"'),
        (ValueKind.NUMBER, "NaN", '"NaN"'),
        (ValueKind.NUMBER, "Infinity", '"Infinity"'),
        (ValueKind.NUMBER, "007", '"007"'),
        (ValueKind.NUMBER, ".5", '".5"'),
        (ValueKind.NUMBER, "5.", '"5."'),
        (ValueKind.NUMBER, "+5", '"+5"'),
        (ValueKind.NUMBER, " 5", '" 5"'),
        (ValueKind.NUMBER, "5 ", '"5 "'),
        (ValueKind.NUMBER, "5,6", '"5,6"'),
        (ValueKind.NUMBER, "-", '"-"'),
        (ValueKind.NUMBER, "", '""'),
        (ValueKind.NUMBER, "true", '"true"'),
        (ValueKind.NUMBER, "٣", '"٣"'),
        (ValueKind.NUMBER, "\udcff", '"\\udcff"'),
        (ValueKind.BOOLEAN, "t", "true"),
        (ValueKind.BOOLEAN, "false", "false"),
        (ValueKind.BOOLEAN, "maybe", '"maybe"'),
        (ValueKind.BOOLEAN, 1, "1"),
        (ValueKind.JSON, '{"b": 1.10, "a": 1e400}', '{"b": 1.10, "a": 1e400}'),
        (ValueKind.JSON, '{\n  "a": [1,\r\n\t2],\n  "b": "x\\n  y"\n}', '{"a": [1,2],"b": "x\\n  y"}'),
        (ValueKind.JSON, "not json", '"not json"'),
        (ValueKind.JSON, '{"a": "raw\nline end"}', '"{\\"a\\": \\"raw\\nline end\\"}"'),
        (ValueKind.JSON, '"\udcff"', '"\\"\\udcff\\""'),
        (ValueKind.JSON, "[" * 100_000, '"' + "[" * 100_000 + '"'),
        (ValueKind.JSON, "", '""'),
        (ValueKind.JSON, b"{}", '"0x7B7D"'),
    ],
)
def test_json_values(kind: ValueKind, cell: Cell, value: str) -> None:
    assert export("json", [of_kind(kind)], [(cell,)]) == f'[{{"a":{value}}}]\n'
    mixed: list[Row] = [(cell,), (None,), (1,), (0.5,), (cell,)]
    expected = [value, "null", "1", "0.5", value]
    assert export("jsonl", [of_kind(kind)], mixed) == lines(*(f'{{"a":{text}}}' for text in expected))


def test_json_numbers_of_a_batch_are_told_apart() -> None:
    rows: list[Row] = [("1",), ("2,3",), ("-4.50",)]
    assert export("json", [of_kind(ValueKind.NUMBER)], rows) == '[{"a":1},{"a":"2,3"},{"a":-4.50}]\n'
    assert export("json", [of_kind(ValueKind.NUMBER)], rows[::2]) == '[{"a":1},{"a":-4.50}]\n'


def test_json_writes_an_array_a_line_for_each_result() -> None:
    written = Written("json", ExportOptions())
    written.result(["a", "b"], [(1, "x")], [(2, None)])
    written.result(["a"])
    written.result(["c"], [(3,)])
    assert written.data() == b'[{"a":1,"b":"x"},{"a":2,"b":null}]\n[]\n[{"c":3}]\n'


def test_json_that_was_cut_short_can_not_be_read_as_whole() -> None:
    for batches, expected in (([[(1,)]], b'[{"a":1}\n'), ([], b"[\n")):
        written = Written("json", ExportOptions())
        written.result(["a"], *batches, whole=False)
        assert written.data() == expected


def test_jsonl_of_no_rows_is_empty() -> None:
    assert export("jsonl", ["a"]) == ""


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["a", "a", "a_2"], ["a", "a_3", "a_2"]),
        (["a_2", "a", "a", "a"], ["a_2", "a", "a_3", "a_4"]),
        (["a", "a", "a_2", "a_2"], ["a", "a_3", "a_2", "a_2_2"]),
        (["", ""], ["", "_2"]),
    ],
)
def test_repeated_names_are_numbered_past_taken_ones(names: list[str], unique: list[str]) -> None:
    assert unique_names(names) == unique


def test_json_keys_are_escaped_like_strings() -> None:
    assert export("jsonl", ['a"\n', "é", "\udcff"], [(1, 2, 3)]) == '{"a\\"\\n":1,"é":2,"\\udcff":3}\n'


def test_json_on_a_terminal_escapes_without_changing_a_value() -> None:
    text = "\x00\x1b[2J\x7f\x9b\u202e\u2028\udc9b\t日本"
    columns = [Column(name="\x9b"), Column(name="j", kind=ValueKind.JSON)]
    shown = export("jsonl", columns, [(text, '{"\u202e": "\x7f",\n\t"b": 1}')], terminal=True)
    assert shown == (
        '{"\\u009b":"\\u0000\\u001b[2J\\u007f\\u009b\\u202e\\u2028\\udc9b\\t日本","j":{"\\u202e": "\\u007f","b": 1}}\n'
    )
    assert json.loads(shown) == {"\x9b": text, "j": {"\u202e": "\x7f", "b": 1}}


def test_json_rows_can_be_arrays_and_bytes_base64() -> None:
    columns = [Column(name="a"), Column(name="b", kind=ValueKind.BINARY)]
    rows: list[Row] = [(1, b"\x00\xff"), (None, None), (b"", "text")]
    assert export("jsonl", columns, rows, rows="arrays", binary="base64") == (
        '["a","b"]\n[1,"AP8="]\n[null,null]\n["","text"]\n'
    )
    assert export("json", columns, rows[:1], rows="arrays", header=False) == '[[1,"0x00FF"]]\n'
    assert export("json", columns, [], rows="arrays") == '[["a","b"]]\n'
    assert export("json", columns, [], rows="arrays", header=False) == "[]\n"


# -- html ----------------------------------------------------------------------------------------------------


def test_html_is_a_page_with_a_table_per_result() -> None:
    written = Written("html", ExportOptions(), title="<Bees>")
    written.result([of_kind(ValueKind.NUMBER), "b&"], [("1", "<b>x</b>\n y")], [(None, 2)])
    written.result(["c"])
    written.exporter.finish()
    page = written.data().decode()
    assert page.startswith('<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>&lt;Bees&gt;</title>\n')
    assert page.endswith("</tbody>\n</table>\n</body>\n</html>\n")
    assert (
        "<table>\n<thead><tr><th>a</th><th>b&amp;</th></tr></thead>\n<tbody>\n"
        '<tr><td class="number">1</td><td>&lt;b&gt;x&lt;/b&gt;\n y</td></tr>\n'
        '<tr><td class="null">NULL</td><td class="number">2</td></tr>\n</tbody>\n</table>\n'
        "<table>\n<thead><tr><th>c</th></tr></thead>\n<tbody>\n</tbody>\n</table>\n"
    ) in page


def test_html_can_be_the_tables_alone() -> None:
    assert export("html", ["a"], [(1,)], header=False, null="-", document=False) == (
        '<table>\n<tbody>\n<tr><td class="number">1</td></tr>\n</tbody>\n</table>\n'
    )


def test_html_marks_what_no_page_can_hold() -> None:
    text = export("html", ["a"], [("\x00\x1b\r\t\udcff",), ("\\x00",)], document=False, header=False)
    assert '<td><span class="escape">\\x00</span><span class="escape">\\x1b</span>&#13;\t' in text
    assert '<span class="escape">\\udcff</span></td>' in text
    assert "<td>\\x00</td>" in text


# -- table ---------------------------------------------------------------------------------------------------


def test_table_aligns_as_psql_does() -> None:
    rows: list[Row] = [(1, "ab", 1.5), (100, None, None), (None, "", 2)]
    assert export("table", ["id", "name", "x"], rows) == lines(
        " id   | name | x",
        "------+------+------",
        "    1 | ab   |  1.5",
        "  100 | NULL | NULL",
        " NULL |      |    2",
    )


def test_table_aligns_by_kind_before_it_looks_at_cells() -> None:
    columns = [
        of_kind(ValueKind.NUMBER),
        of_kind(ValueKind.TEXT),
        of_kind(ValueKind.DYNAMIC),
        Column(name="d"),
    ]
    rows: list[Row] = [("1", 1, True, None), ("1.50", 10, False, None)]
    assert export("table", columns, rows, null="-") == lines(
        " a    | a  | a     | d",
        "------+----+-------+---",
        "    1 | 1  | true  | -",
        " 1.50 | 10 | false | -",
    )


def test_table_goes_on_below_where_a_cell_has_line_ends() -> None:
    rows: list[Row] = [("x\nlonger", 1, "p\nq\n"), ("y", 22, "r")]
    assert export("table", ["a\nb", "n", "t"], rows) == lines(
        " a     +| n  | t",
        " b      |    |",
        "--------+----+---",
        " x     +|  1 | p+",
        " longer |    | q+",
        "        |    |",
        " y      | 22 | r",
    )


def test_table_counts_terminal_cells() -> None:
    rows: list[Row] = [("日本", 1), ("e\u0301", 2), ("שלום", 3), ("abcde", 4)]
    assert export("table", ["a", "b"], rows) == lines(
        " a     | b",
        "-------+---",
        " 日本  | 1",
        " e\u0301     | 2",
        " שלום  | 3",
        " abcde | 4",
    )


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("日本", 4), ("é", 1), ("e\u0301", 1), ("한", 2), ("a\u200bb", 2), ("\u00ad", 1),
     ("\u1112\u1161\u11ab", 2), ("ﬀ", 1), ("Ａ", 2), ("🙂", 2), ("\t", 1), ("\udcff", 1)],
)  # fmt: skip
def test_text_width(text: str, width: int) -> None:
    assert text_width(text) == width


def test_table_without_rows_is_a_header() -> None:
    assert export("table", ["id", "name"]) == " id | name\n----+------\n"


def test_table_without_a_header_has_no_rule_either() -> None:
    assert export("table", ["id"], [(1,)], header=False) == "  1\n"
    assert export("table", ["id"], header=False) == ""


def test_table_results_are_a_blank_line_apart() -> None:
    for format_id, expected in (
        ("table", b" a\n---\n 1\n\n b\n---\n\n c\n---\n 3\n"),
        ("vertical", b"-[ RECORD 1 ]\na | 1\n\n-[ RECORD 1 ]\nc | 3\n"),
        ("markdown", b"| a |\n| ---: |\n| 1 |\n\n| b |\n| --- |\n\n| c |\n| ---: |\n| 3 |\n"),
    ):
        written = Written(format_id, ExportOptions())
        written.result(["a"], [(1,)])
        written.result(["b"])
        written.result(["c"], [(3,)])
        assert written.data() == expected


def test_table_lets_wider_rows_of_later_pages_push_their_line_out() -> None:
    page: list[Row] = [("ab", 1)] * first_page.PAGE_ROWS
    text = export("table", ["a", "b"], page, [("abcdef", 12), ("a", 1)])
    assert text.splitlines()[-2:] == [" abcdef | 12", " a  | 1"]


def test_the_first_page_ends_at_a_thousand_rows_or_a_megabyte() -> None:
    small: list[Row] = [(1,)] * (first_page.PAGE_ROWS - 1)
    large: list[Row] = [("x" * first_page.PAGE_CHARACTERS,)]
    for format_id in ("table", "vertical", "markdown"):
        for held, last in ((small, [(1,)]), ([], large)):
            written = Written(format_id, ExportOptions())
            written.exporter.begin([Column(name="a")])
            written.exporter.rows(held)
            assert not written.pieces
            written.exporter.rows(last)
            assert written.pieces


def test_one_huge_cell_does_not_widen_every_row() -> None:
    rows: list[Row] = [("x" * 1_000_000, 1), ("y", 2)]
    text = export("table", ["a", "b"], rows)
    assert "x" * 1_000_000 in text
    assert len(text.splitlines()[-1]) < aligned.WIDEST_COLUMN + 10


def test_table_keeps_the_spaces_of_a_cell() -> None:
    assert export("table", ["a", "b"], [(" x ", " y ")]) == " a   | b\n-----+-----\n  x  |  y \n"


def test_table_on_a_terminal_shows_controls() -> None:
    rows: list[Row] = [("x\ty\nz\r\x1b[2J", "\x9b\u202e\udc9b\x00")]
    assert export("table", ["a\x1b", "b"], rows, terminal=True) == lines(
        " a\\x1b      | b",
        "------------+----------------------",
        " x\\ty      +| \\x9b\\u202e\\udc9b\\x00",
        " z\\r\\x1b[2J |",
    )
    assert export("table", ["a"], [("\x1b[2J",)]) == " a\n------\n \x1b[2J\n"


# -- vertical ------------------------------------------------------------------------------------------------


def test_vertical_is_as_psql_expands() -> None:
    rows: list[Row] = [(1, "ab"), (None, ""), (3, "a rather long text")]
    assert export("vertical", ["id", "name"], rows) == lines(
        "-[ RECORD 1 ]------------",
        "id   | 1",
        "name | ab",
        "-[ RECORD 2 ]------------",
        "id   | NULL",
        "name |",
        "-[ RECORD 3 ]------------",
        "id   | 3",
        "name | a rather long text",
    )
    assert export("vertical", ["a quite long name"], [(1,)]) == lines(
        "-[ RECORD 1 ]-----+--",
        "a quite long name | 1",
    )


def test_vertical_goes_on_below_where_a_value_has_line_ends() -> None:
    assert export("vertical", ["a\nb", "日"], [("x\nlonger", "y")]) == lines(
        "-[ RECORD 1 ]",
        "a +| x     +",
        "b  | longer",
        "日 | y",
    )


def test_vertical_without_a_header_does_not_number_records() -> None:
    assert export("vertical", ["a"], [(1,), (22,)], header=False) == "a | 1\n--+---\na | 22\n"


def test_vertical_bounds_its_rule_but_no_value() -> None:
    text = export("vertical", ["a"], [("x" * 5000,)])
    assert len(text.splitlines()[0]) == aligned.WIDEST_RULE + 4
    assert text.splitlines()[1] == "a | " + "x" * 5000


def test_vertical_numbers_records_across_pages() -> None:
    rows: list[Row] = [(1,)] * 1500
    assert "-[ RECORD 1500 ]" in export("vertical", ["a"], rows[:700], rows[700:])


# -- markdown ------------------------------------------------------------------------------------------------


def test_markdown_is_a_table() -> None:
    rows: list[Row] = [(1, "x"), (None, ""), (2.5, " y ")]
    assert export("markdown", ["n", "t"], rows) == lines(
        "| n | t |",
        "| ---: | --- |",
        "| 1 | x |",
        "| NULL |  |",
        "| 2.5 |  y  |",
    )


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("a|b", "a\\|b"),
        ("a\\|b", "a\\\\\\|b"),
        ("a\\\\|b", "a\\\\\\\\\\|b"),
        ("a\\b\\", "a\\b\\"),
        ("||", "\\|\\|"),
        ("a\nb\r\nc\rd", "a<br>b<br>c<br>d"),
        ("<b>*x*</b>", "<b>*x*</b>"),
    ],
)
def test_markdown_cells(cell: str, text: str) -> None:
    expected = f"| {text} |\n| --- |\n| {text} |\n"
    assert export("markdown", [cell], [(cell,)]) == expected


def test_markdown_without_a_header_has_an_empty_one() -> None:
    assert export("markdown", ["a", "b"], [(1, "x")], header=False) == "|  |  |\n| ---: | --- |\n| 1 | x |\n"


def test_markdown_takes_another_text_for_null() -> None:
    assert export("markdown", ["a"], [(None,)], null="∅") == "| a |\n| --- |\n| ∅ |\n"


def test_markdown_on_a_terminal_shows_controls() -> None:
    text = export("markdown", ["a"], [("\x1b|\t\n\u202e",)], terminal=True)
    assert text == "| a |\n| --- |\n| \\x1b\\|\\t<br>\\u202e |\n"
