"""``alveary format``: a file or a pipe laid out, checked, or changed in place, its form kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alveary = Callable[..., Any]


def test_a_pipe_is_laid_out(alveary: Alveary) -> None:
    ran = alveary("format", "--dialect", "postgres", stdin="select a,b::int from t where x=1;")
    assert (ran.status, ran.out, ran.err) == (0, "select a, b::int from t where x = 1;", "")
    assert alveary("format", "-", stdin="select  1").out == "select 1"


def test_a_file_is_checked_and_changed_in_place(alveary: Alveary, tmp_path: Path) -> None:
    file = tmp_path / "x.sql"
    before = b"\xef\xbb\xbfselect  1;\r\nselect 'a\r\nb',  2;\r\n"
    after = b"\xef\xbb\xbfselect 1;\r\nselect 'a\r\nb', 2;\r\n"
    file.write_bytes(before)
    ran = alveary("format", "x.sql", "--check")
    assert (ran.status, ran.out, ran.err) == (1, "", "x.sql would be laid out otherwise\n")
    assert file.read_bytes() == before
    ran = alveary("format", "x.sql", "-i")
    assert (ran.status, ran.out, ran.err) == (0, "", "x.sql is laid out\n")
    assert file.read_bytes() == after
    ran = alveary("format", "x.sql", "--check")
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_style_comes_from_settings_and_options(alveary: Alveary) -> None:
    assert alveary("settings", "set", "format.keyword_case", "upper").status == 0
    assert alveary("settings", "set", "format.indent", "2").status == 0
    text = "select aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbb from t"
    laid = "SELECT\n  aaaaaaaaaaaaaaaa,\n  bbbbbbbbbbbbbbbbbbbb\nFROM t"
    assert alveary("format", "--width", "30", stdin=text).out == laid
    options = ("--width", "30", "--keyword-case", "lower", "--commas", "leading", "--indent", "1")
    assert alveary("format", *options, stdin=text).out == ("select\n aaaaaaaaaaaaaaaa\n , bbbbbbbbbbbbbbbbbbbb\nfrom t")
    assert alveary("settings", "set", "format.commas", "nowhere").status == 2


def test_what_is_left_as_it_is_is_told_and_is_no_error(alveary: Alveary) -> None:
    text = "select  1;\ncreate trigger x after insert on t begin select  1; end;\n"
    ran = alveary("format", "--dialect", "sqlite", stdin=text)
    assert (ran.status, ran.out) == (0, text.replace("select  1", "select 1", 1))
    assert ran.err == "line 2 is left as it is: it holds statements of its own\n"
    report = json.loads(alveary("run", "sql.format", f"sql={text}", "dialect=sqlite").out)
    assert report["left"] == [{"line": 2, "reason": "it holds statements of its own"}]
    assert report["changed"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere.sql"], "file_unreadable", "can't read nowhere.sql"),
        (["--dialect", "cobol"], "invalid_input", "there are"),
        (["-i"], "invalid_input", "standard input is no file"),
        (["here.sql", "-i", "--check"], "invalid_input", "checking writes nothing"),
        (["bytes.sql"], "file_unreadable", "bytes.sql is not UTF-8 text: line 2"),
        (["--width", "3"], "invalid_input", "width"),
    ],
)
def test_bad_input_is_named(alveary: Alveary, tmp_path: Path, arguments: list[str], code: str, said: str) -> None:
    (tmp_path / "here.sql").write_text("select  1")
    (tmp_path / "bytes.sql").write_bytes(b"select 1\n\xff")
    ran = alveary("format", *arguments)
    assert ran.status == 2
    assert code in ran.err
    assert said in ran.err
